import { availableParallelism } from 'node:os';
import type { TrunkType } from '@scion/engine';
import type { Context } from '../command.js';
import { up } from '../up/up.js';

export async function run({ input }: Context): Promise<void> {
  await up({
    data: input.required('data'),
    host: input.required('host'),
    port: input.number('port')!,
    threads: input.number('threads') ?? availableParallelism(),
    base: input.text('base'),
    trunk: input.required('trunk') as TrunkType,
    demo: input.flag('demo'),
  });
}
