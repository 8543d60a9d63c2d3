import type { Command } from 'commander';
import { ensureBase } from './up/base.js';

export function addBaseCommand(program: Command): void {
  program
    .command('base')
    .description('Convert the default base model (all-MiniLM-L6-v2, from npm) to ONNX once')
    .requiredOption('--out <folder>', 'where the converted base goes')
    .action(async ({ out }: { out: string }) => {
      await ensureBase(out, (line) => process.stdout.write(`${line}\n`));
    });
}
