import { Command, CommanderError } from 'commander';
import { addBaseCommand } from './base-command.js';
import { addRebuildCommand } from './rebuild-command.js';
import { addUpCommand } from './up/command.js';
import { UserError } from './user-error.js';

/** Runs one `scion` command line. A user's mistake ends as one line and exit code 2; anything else shows its stack. */
export async function main(argv: string[]): Promise<void> {
  const program = new Command('scion')
    .description('A small model for every end user, grafted onto one frozen pretrained base')
    .showHelpAfterError('(scion --help lists the commands)')
    .exitOverride();
  addUpCommand(program);
  addBaseCommand(program);
  addRebuildCommand(program);
  try {
    await program.parseAsync(argv, { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
    } else if (error instanceof UserError) {
      process.stderr.write(`scion: ${error.message}\n`);
      process.exitCode = 2;
    } else {
      throw error;
    }
  }
}
