// `npm start`: the whole system on this machine with embedded defaults, and a demo that shows it learn.
import { prepare } from './prepare.mjs';

await prepare();
const { main } = await import('../../apps/cli/dist/main.js');
await main(['up', '--demo', ...process.argv.slice(2)]);
