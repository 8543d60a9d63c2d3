import { availableParallelism } from 'node:os';
import { type Command, InvalidArgumentError } from 'commander';
import { up } from './up.js';

export function addUpCommand(program: Command): void {
  program
    .command('up')
    .description('Run the whole system on this machine: Redis, API, worker')
    .option('--data <folder>', 'where everything durable is kept', process.env.SCION_DATA ?? 'data')
    .option('--host <address>', 'address to listen on', process.env.SCION_HOST ?? '127.0.0.1')
    .option('--port <number>', 'port of API and dashboard', toPort, toPort(process.env.SCION_PORT ?? '7070'))
    .option('--threads <number>', 'inference and training threads', toCount, availableParallelism())
    .option('--demo', 'let two users with opposite tastes train their models, and show the outcome')
    .action(up);
}

function toPort(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port > 0 && port < 65_536) return port;
  throw new InvalidArgumentError('a port is a number from 1 to 65535');
}

function toCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count > 0 && count <= 256) return count;
  throw new InvalidArgumentError('give a number from 1 to 256');
}
