// What the serving benches print and write.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { fileURLToPath } from 'node:url';

/** Prints rows as they come; `write` puts them with a description of the machine under test/bench/out. */
export function createReport(name) {
  const rows = [];
  console.log(`${availableParallelism()} processors (${cpus()[0]?.model}), Node ${process.versions.node}\n`);
  return {
    add(what, value, unit, target) {
      const rounded = Number(value.toPrecision(4));
      rows.push({ what, value: rounded, unit, ...(target !== undefined && { target }) });
      console.log(
        `${what.padEnd(62)} ${String(rounded).padStart(10)} ${unit.padEnd(12)} ${target ? `target ${target}` : ''}`,
      );
    },
    write() {
      const out = fileURLToPath(new URL('out/', import.meta.url));
      mkdirSync(out, { recursive: true });
      const machine = { processors: availableParallelism(), model: cpus()[0]?.model, node: process.version };
      writeFileSync(`${out}${name}.json`, `${JSON.stringify({ machine, rows }, null, 2)}\n`);
    },
  };
}
