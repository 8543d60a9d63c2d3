// A feed that learns: each round it ranks posts nobody has seen by what the reader's own model expects, shows the best
// five, takes the clicks, and trains. With `--you` you are the reader; else one who likes space and cooking.
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { createClient } from '@scion/sdk';

const { SCION_API_KEY: apiKey, SCION_URL: baseUrl = 'http://127.0.0.1:7070' } = process.env;
if (!apiKey) {
  process.stderr.write('SCION_API_KEY is not set: a key with the scopes admin, train and predict\n');
  process.exit(2);
}
const scion = createClient({ baseUrl, apiKey });
const [task, user] = ['feed', 'reader-1'];
const likedTopics = ['space', 'cooking'];
const perRound = 12;
const shown = 5;

const you = process.argv.includes('--you')
  ? createInterface({ input: process.stdin, output: process.stdout })
  : undefined;
const likes = async ({ title, topic }) =>
  you ? /^y/i.test(await you.question(`  ${title} (y/n) `)) : likedTopics.includes(topic);

await scion.tasks.put(task, { labels: ['like', 'dislike'], untrained: 'zero-shot' });
const posts = JSON.parse(await readFile(new URL('posts.json', import.meta.url), 'utf8'));

for (let round = 1; posts.length >= perRound; round++) {
  const fresh = posts.splice(0, perRound);
  const { predictions, source, version } = await scion.predict({
    ...{ task, user, inputs: fresh.map(({ title }) => title) },
  });
  const ranked = fresh
    .map((post, row) => ({ ...post, expected: predictions[row].probabilities.like }))
    .sort((a, b) => b.expected - a.expected);

  const clicks = [];
  for (const [place, post] of ranked.entries()) {
    const liked = await likes(post);
    clicks.push({ id: post.id, input: post.title, label: liked ? 'like' : 'dislike' });
    if (place < shown && !you) process.stdout.write(`  ${liked ? '♥' : '·'} ${post.title}\n`);
  }
  const good = clicks.slice(0, shown).filter(({ label }) => label === 'like').length;
  const by = source === 'model' ? `version ${version}` : 'the names of the labels';
  process.stdout.write(`round ${round}, ranked by ${by}: ${good} of the first ${shown} were liked\n`);

  await scion.examples.append(task, user, clicks);
  const job = await scion.jobs.create({ task, user, training: { method: 'head' } });
  const { state, failure } = await scion.jobs.wait(job.id);
  if (state !== 'succeeded') process.stdout.write(`  training ${state}: ${failure?.detail ?? ''}\n`);
}
you?.close();
