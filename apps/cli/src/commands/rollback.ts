import type { Context } from '../command.js';
import { connectTenant } from '../connection.js';
import { UserError } from '../user-error.js';

export async function run(context: Context): Promise<void> {
  const { input, terminal } = context;
  const typed = input.optionalArg('version');
  const version = typed === undefined ? undefined : Number(typed);
  if (version !== undefined && !(Number.isInteger(version) && version > 0))
    throw new UserError(`a version is a whole number, not ${JSON.stringify(typed)}`, {
      hint: `scion models ${input.arg('task')} ${input.arg('user')} lists them`,
    });
  const client = await connectTenant(context);
  const model = await client.models.rollback(input.arg('task'), input.arg('user'), version);
  terminal.result(model, () => `version ${model.live?.version} is live`);
}
