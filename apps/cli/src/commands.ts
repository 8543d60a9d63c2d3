import type { Argument, Command, Option } from './command.js';
import { archiveCommands } from './commands-archive.js';
import { operateCommands } from './commands-operate.js';
import { shells } from './completions.js';

const task: Argument = { name: 'task', about: 'name of the task' };
const user: Argument = { name: 'user', about: 'your own id of the end user' };
const limit: Option = {
  name: 'limit',
  value: 'number',
  about: 'show at most this many',
  kind: 'integer',
  min: 1,
  max: 1_000_000,
  default: '100',
};
const yes: Option = { name: 'yes', short: 'y', about: 'do not ask' };
const api = ['connection', 'tenant'] as const;

/** Every command there is, in the order of a first visit. Parser, help, completions and docs/cli.md come from here. */
export const commands: readonly Command[] = [
  ...operateCommands,
  {
    path: ['tenant', 'create'],
    about: 'Create a tenant, a customer of the service',
    args: [{ name: 'name', about: 'for people to read' }],
    options: [
      {
        name: 'weight',
        value: 'number',
        about: 'its part of the training time is proportional to this',
        kind: 'number',
        min: 0.01,
        max: 1_000,
      },
      {
        name: 'concurrent-jobs',
        value: 'number',
        about: 'jobs at once; no limit when left out',
        kind: 'integer',
        min: 1,
        max: 10_000,
      },
    ],
    groups: ['connection'],
    examples: [{ line: 'scion tenant create Acme', about: 'A customer with the usual share' }],
    load: () => import('./commands/tenants.js').then(({ createTenant }) => ({ run: createTenant })),
  },
  {
    path: ['tenant', 'list'],
    about: 'List tenants',
    options: [limit],
    groups: ['connection'],
    examples: [{ line: 'scion tenant list', about: 'Everybody' }],
    load: () => import('./commands/tenants.js').then(({ listTenants }) => ({ run: listTenants })),
  },
  {
    path: ['key', 'create'],
    about: 'Create an API key of a tenant and print its secret, this once',
    args: [{ name: 'name', about: 'for people to read' }],
    options: [
      {
        name: 'scopes',
        value: 'list',
        about: 'comma-separated: admin, train, predict',
        kind: 'list',
        default: 'train,predict',
      },
      {
        name: 'expires',
        value: 'date',
        about: 'when it stops working, e.g. 2027-01-31; never when left out',
      },
    ],
    groups: api,
    examples: [
      { line: 'scion key create backend --tenant Acme', about: 'For a product backend' },
      {
        line: 'scion key create browser --scopes predict --expires 2027-01-31',
        about: 'For a browser: it can only ask',
      },
    ],
    load: () => import('./commands/keys.js').then(({ createKey }) => ({ run: createKey })),
  },
  {
    path: ['key', 'list'],
    about: 'List the API keys of a tenant, without their secrets',
    options: [limit],
    groups: api,
    examples: [{ line: 'scion key list --tenant Acme', about: 'The keys of one customer' }],
    load: () => import('./commands/keys.js').then(({ listKeys }) => ({ run: listKeys })),
  },
  {
    path: ['key', 'delete'],
    about: 'Delete an API key; it stops working at once',
    args: [{ name: 'id', about: 'key_…, as scion key list shows it' }],
    options: [yes],
    groups: api,
    examples: [{ line: 'scion key delete key_01… --yes', about: 'Without being asked' }],
    load: () => import('./commands/keys.js').then(({ deleteKey }) => ({ run: deleteKey })),
  },
  {
    path: ['task', 'put'],
    about: 'Create a task, or change those of its settings that are named',
    args: [task],
    options: [
      {
        name: 'kind',
        value: 'kind',
        about: 'one label an example, any number of labels, or a number',
        choices: ['classification', 'multilabel', 'regression'],
      },
      {
        name: 'labels',
        value: 'list',
        about:
          'the closed label set, comma-separated; left out, each user’s labels are those of their examples',
        kind: 'list',
      },
      {
        name: 'spec',
        value: 'file',
        about:
          'the whole specification as JSON, - for standard input: it replaces all settings; other options go before it',
      },
      {
        name: 'untrained',
        value: 'policy',
        about: 'what a user without a model gets',
        choices: ['error', 'zero-shot', 'majority'],
      },
      {
        name: 'abstain-below',
        value: 'share',
        about: 'predictions less probable than this abstain',
        kind: 'number',
        min: 0,
        max: 1,
      },
      {
        name: 'retrain-after',
        value: 'examples',
        about: 'train by itself after so many new examples of a user',
        kind: 'integer',
        min: 1,
        max: 20_000,
      },
    ],
    groups: api,
    examples: [
      {
        line: 'scion task put inbox-triage --labels urgent,later --untrained zero-shot',
        about: 'Two labels; new users are answered from the label names',
      },
      { line: 'scion task put feed --spec feed.json', about: 'From a file' },
    ],
    load: () => import('./commands/tasks.js').then(({ putTask }) => ({ run: putTask })),
  },
  {
    path: ['task', 'list'],
    about: 'List tasks',
    options: [limit],
    groups: api,
    examples: [{ line: 'scion task list --json', about: 'For a program' }],
    load: () => import('./commands/tasks.js').then(({ listTasks }) => ({ run: listTasks })),
  },
  {
    path: ['task', 'delete'],
    about: 'Delete a task; what its users stored stays until they are erased',
    args: [task],
    options: [yes],
    groups: api,
    examples: [{ line: 'scion task delete feed', about: 'It asks first' }],
    load: () => import('./commands/tasks.js').then(({ deleteTask }) => ({ run: deleteTask })),
  },
  {
    path: ['examples', 'import'],
    about: 'Send labelled examples from a CSV, TSV or NDJSON file',
    notes:
      'The file is UTF-8; in CSV commas or semicolons part the columns, whichever the header has, and beside semicolons numbers may have decimal commas. Interrupted, the same command goes on where it stopped (a small file beside yours remembers). A row without an id gets one made from its user and text, so that sending it again changes nothing, and a later row with the same text replaces the label. Bad rows are listed with their line numbers and left out. In a multilabel task a cell holds labels between bars (red|round), in a regression a number.',
    args: [{ name: 'file', about: 'the file, or - for standard input' }],
    options: [
      { name: 'task', value: 'name', about: 'name of the task', required: true },
      { name: 'user', value: 'id', about: 'whose examples they are, where no column says' },
      { name: 'input-column', value: 'name', about: 'column of the text', default: 'input' },
      { name: 'label-column', value: 'name', about: 'column of the label', default: 'label' },
      { name: 'user-column', value: 'name', about: 'column of the user', default: 'user' },
      { name: 'id-column', value: 'name', about: 'column of your own example id' },
      { name: 'weight-column', value: 'name', about: 'column of the weight' },
      {
        name: 'format',
        value: 'name',
        about: 'default: from the file’s name',
        choices: ['csv', 'tsv', 'ndjson'],
      },
      { name: 'bad-rows', value: 'file', about: 'write every bad row there, as NDJSON with line and reason' },
      { name: 'dry-run', about: 'read and check everything, send nothing' },
    ],
    groups: api,
    examples: [
      {
        line: 'scion examples import clicks.csv --task feed --input-column title --label-column verdict',
        about: 'A CSV file with the columns user, title and verdict',
      },
      {
        line: 'scion examples import ada.ndjson --task inbox-triage --user ada@example.com --dry-run',
        about: 'One user’s rows; only look',
      },
    ],
    load: () => import('./commands/import-examples.js'),
  },
  {
    path: ['examples', 'export'],
    about: 'Write all examples of one user as NDJSON to standard output',
    args: [task, user],
    groups: api,
    examples: [
      {
        line: 'scion examples export feed ada@example.com > ada.ndjson',
        about: 'What examples import reads again',
      },
    ],
    load: () => import('./commands/export-examples.js'),
  },
  {
    path: ['train'],
    about: 'Train one user’s model and wait for the outcome',
    args: [task, user],
    options: [
      { name: 'watch', short: 'w', about: 'draw the loss curves as they grow; plain lines when piped' },
      { name: 'detach', about: 'print the job and do not wait' },
      { name: 'bulk', about: 'it can wait: others go first' },
      {
        name: 'method',
        value: 'method',
        about: 'default: what the task says, else auto, which keeps adapters only where they win',
        choices: ['auto', 'head', 'lora'],
      },
    ],
    groups: api,
    examples: [
      { line: 'scion train feed ada@example.com --watch', about: 'Look at it learn' },
      { line: 'scion train feed ada@example.com --detach --json | jq -r .id', about: 'The job’s id' },
    ],
    load: () => import('./commands/train.js'),
  },
  {
    path: ['predict'],
    about: 'Ask one user’s model; texts are arguments, or lines of standard input',
    args: [task, user, { name: 'text', about: 'what to ask about', optional: true, many: true }],
    groups: api,
    examples: [
      { line: 'scion predict feed ada@example.com "Pruning roses without fear"', about: 'One text' },
      {
        line: 'scion predict feed ada@example.com --json < titles.txt',
        about: 'A line of JSON for each line',
      },
    ],
    load: () => import('./commands/predict.js'),
  },
  {
    path: ['models'],
    about: 'List models; of one user, its versions',
    args: [
      { ...task, optional: true },
      { ...user, optional: true },
    ],
    options: [limit],
    groups: api,
    examples: [
      { line: 'scion models feed', about: 'Who has a model' },
      { line: 'scion models feed ada@example.com', about: 'Its versions, and which is live' },
    ],
    load: () => import('./commands/models.js'),
  },
  {
    path: ['rollback'],
    about: 'Make an earlier version live again; without a number, the one before',
    args: [task, user, { name: 'version', about: 'number of the version', optional: true }],
    groups: api,
    examples: [
      { line: 'scion rollback feed ada@example.com', about: 'To the version that was live before' },
      { line: 'scion rollback feed ada@example.com 3', about: 'To version 3' },
    ],
    load: () => import('./commands/rollback.js'),
  },
  ...archiveCommands,
  {
    path: ['erase'],
    about: 'Erase a user: examples, versions, jobs, traces; prints the signed receipt',
    args: [user],
    options: [
      { name: 'task', value: 'name', about: 'in this task only' },
      {
        name: 'receipt',
        value: 'file',
        about: 'write the receipt to this new file; it is stored nowhere else',
      },
      yes,
    ],
    groups: api,
    examples: [{ line: 'scion erase ada@example.com --receipt ada.receipt.json', about: 'It asks first' }],
    load: () => import('./commands/erase.js'),
  },
  {
    path: ['completions'],
    about: 'Print a completion script',
    args: [{ name: 'shell', about: 'which shell', choices: shells }],
    examples: [
      { line: 'source <(scion completions bash)', about: 'For this shell' },
      { line: 'scion completions fish > ~/.config/fish/completions/scion.fish', about: 'For good' },
    ],
    load: () => import('./commands/completions.js'),
  },
];
