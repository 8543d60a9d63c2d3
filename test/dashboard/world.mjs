// A service with something to look at: tenants, readers of opposite tastes, their jobs, models and predictions.
import { examplesOf, football, garden } from './headlines.mjs';

/** Every third label turned round: a taste that nothing in the headlines explains, which the gate keeps back. */
const contrary = (examples) =>
  examples.map((example, index) =>
    index % 3 === 0 ? { ...example, label: examples.at(-1 - index).label } : example,
  );

const readers = [
  ['ada@example.com', examplesOf(garden, football)],
  ['grace@example.com', examplesOf(football, garden)],
  ['linus@example.com', contrary(examplesOf(garden, football))],
  ['hedy@example.com', examplesOf(garden.slice(0, 6), football.slice(2))],
];

/**
 * Trains every reader three times, each time on more examples, and asks the models of what they never saw; one agent of
 * another tenant trains as well. Returns each reader's last job.
 */
export async function growReaders(client, other) {
  await client.tasks.put('headlines', { labels: ['keep', 'skip'] });
  await other.tasks.put('tickets', { labels: ['keep', 'skip'] });
  const jobs = {};
  for (const share of [0.5, 0.8, 1]) {
    const kept = (examples) =>
      examples
        .map((example, index) => ({ ...example, id: `h${index}` }))
        .filter((_, index) => (index % 10) / 10 < share);
    await other.examples.append('tickets', 'desk-7', kept(examplesOf(football, garden)));
    await other.jobs.wait((await other.jobs.create({ task: 'tickets', user: 'desk-7' })).id);
    await other.predict({ task: 'tickets', user: 'desk-7', inputs: football });
    for (const [user, examples] of readers.toReversed()) {
      await client.examples.append('headlines', user, kept(examples));
      jobs[user] = await client.jobs.wait((await client.jobs.create({ task: 'headlines', user })).id);
      for (let round = 0; round < 6; round += 1) {
        // Of a reader whose first version was kept back there is nobody to ask.
        await client.predict({ task: 'headlines', user, inputs: garden }).catch(() => {});
      }
    }
  }
  return jobs;
}
