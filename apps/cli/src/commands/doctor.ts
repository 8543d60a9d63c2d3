import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../command.js';
import { baseChecks } from '../doctor/base.js';
import { examine, type Finding } from '../doctor/finding.js';
import { diskCheck, machineCheck, nodeCheck } from '../doctor/machine.js';
import { redisChecks } from '../doctor/redis.js';
import { serviceCheck } from '../doctor/service.js';
import { storeCheck } from '../doctor/store.js';
import { exitCodes } from '../exit-codes.js';
import { wrap } from '../help.js';
import { storeSettings } from '../store-settings.js';
import { pad, widthOf } from '../terminal/width.js';
import { findRunning, runFolderOf } from '../up/data-folder.js';

const marks: Record<Finding['state'], string> = { good: '✓', warning: '!', bad: '✗', skipped: '–' };

export async function run({ input, terminal }: Context): Promise<number> {
  const data = input.required('data');
  const running = await findRunning(data);
  const socket = join(runFolderOf(data), 'redis.sock');
  const redis = input.text('redis') ?? (running && existsSync(socket) ? socket : undefined);
  const url = input.text('url') ?? running?.url;
  const ownKey = (): Promise<string | undefined> =>
    readFile(join(data, 'operator-key'), 'utf8').then(
      (text) => text.trim(),
      () => undefined,
    );
  const apiKey =
    input.text('key') ?? (url !== undefined && url === running?.url ? await ownKey() : undefined);

  const checks = [
    nodeCheck(process.versions.node),
    machineCheck(),
    diskCheck(data),
    ...redisChecks(redis),
    storeCheck(storeSettings(input)),
    ...baseChecks(join(data, 'bases')),
    serviceCheck(url, apiKey),
  ];
  const { style } = terminal;
  const paint = { good: style.green, warning: style.yellow, bad: style.red, skipped: style.dim };
  const width = Math.max(...checks.map(({ name }) => widthOf(name)));
  const findings: (Finding & { name: string })[] = [];
  for (const check of checks) {
    const finding = await examine(check);
    findings.push(finding);
    const { state, name, found, remedy } = finding;
    const room = (terminal.columns ?? 200) - width - 6;
    const indent = ' '.repeat(width + 4);
    const lines = [
      ...wrap(found, room, '').map((line) => (state === 'skipped' ? style.dim(line) : line)),
      ...(remedy === undefined ? [] : wrap(`→ ${remedy}`, room, '').map((line) => style.bold(line))),
    ];
    if (!terminal.json)
      for (const [at, line] of lines.entries())
        terminal.event(
          finding,
          at === 0 ? `${paint[state](marks[state])} ${pad(name, width)}  ${line}` : `${indent}${line}`,
        );
  }
  const count = (wanted: Finding['state']): number => findings.filter(({ state }) => state === wanted).length;
  const summary = {
    good: count('good'),
    warnings: count('warning'),
    bad: count('bad'),
    skipped: count('skipped'),
  };
  const verdict =
    summary.bad > 0
      ? style.red(`${summary.bad} to put right`)
      : summary.warnings > 0
        ? style.yellow(`works, with ${summary.warnings} to look at`)
        : style.green('all is well');
  terminal.result({ ...summary, findings }, () => ['', verdict]);
  return summary.bad > 0 ? exitCodes.incomplete.code : exitCodes.ok.code;
}
