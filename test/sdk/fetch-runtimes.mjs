// npm run runtimes -w @scion/sdk: gets Deno and Bun (95 MB, once), in which test/sdk-runtimes.test.mjs then runs the SDK too.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './packed.mjs';
import { fetchRuntime, runtimeCommand, runtimeNames } from './runtimes.mjs';

for (const name of runtimeNames) {
  await fetchRuntime(name);
  const [program] = runtimeCommand(name);
  const { stdout } = spawnSync(program, ['--version'], { encoding: 'utf8' });
  console.log(`${name} ${/\d+\.\d+\.\d+/.exec(stdout)[0]} at ${program}`);
}
const args = [join(root, 'infra/bootstrap/test.mjs'), 'sdk-runtimes'];
process.exitCode = spawnSync(process.execPath, args, { stdio: 'inherit' }).status;
