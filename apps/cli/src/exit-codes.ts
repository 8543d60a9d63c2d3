/** What the process ends with: one table for the code, the help and docs/cli.md. */
export const exitCodes = {
  ok: { code: 0, about: 'Done.' },
  defect: { code: 1, about: 'Something unexpected: a defect of Scion or of the machine.' },
  usage: { code: 2, about: 'The command line, a file or the set-up is wrong; nothing was done.' },
  refused: {
    code: 3,
    about: 'The service refused it: not found, not valid, or in conflict with what there is.',
  },
  denied: { code: 4, about: 'The API key is missing, wrong, or lacks the scope.' },
  unavailable: {
    code: 5,
    about: 'The service did not answer, or is busy; the same command may succeed later.',
  },
  incomplete: {
    code: 6,
    about: 'It ran, and part of it did not succeed: a job failed, rows were bad, a check found something.',
  },
  interrupted: { code: 130, about: 'Ctrl-C.' },
} as const;

export type ExitName = keyof typeof exitCodes;
