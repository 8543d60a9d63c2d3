// Writes docs/images/dashboard-{light,dark}.png from a real run: npm run screenshots -w @scion/dashboard
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClient } from '@scion/sdk';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { examplesOf, football, garden } from './headlines.mjs';
import { startSystem } from './system.mjs';

const largestBytes = 200_000;
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));

/** Every third label turned round: a taste that nothing in the headlines explains. */
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

/** Trains every reader twice, the second time on more examples, and returns the last of ada's jobs. */
async function train(client) {
  await client.tasks.put('headlines', { labels: ['keep', 'skip'] });
  let shown;
  for (const share of [0.6, 1]) {
    for (const [user, examples] of readers.toReversed()) {
      await client.examples.append(
        'headlines',
        user,
        examples
          .map((example, index) => ({ ...example, id: `h${index}` }))
          .filter((_, index) => (index % 10) / 10 < share),
      );
      shown = await client.jobs.wait((await client.jobs.create({ task: 'headlines', user })).id);
    }
  }
  return shown;
}

if (noBrowser) throw new Error(noBrowser);
mkdirSync(folder, { recursive: true });
const system = await startSystem();
const browser = await launchBrowser();
try {
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  await operator.tenants.create({ name: 'Acme Support' });
  const tenant = await operator.tenants.create({ name: 'Orchard News' });
  const client = operator.withTenant(tenant.id);
  const job = await train(client);
  for (const [user] of readers) await client.predict({ task: 'headlines', user, inputs: garden });
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 1180 },
      locale: 'en-GB',
      colorScheme,
      reducedMotion: 'reduce',
    });
    const { page, complaints } = await watchedPage(context);
    await signIn(page, system.url, system.operatorKey);
    await page.goto(`${system.url}/#/${tenant.id}/jobs/${job.id}`);
    await page.locator('#section-jobs canvas').waitFor();
    await page.locator('#section-models').getByText('Adapter SHA-256').waitFor();
    await page.getByRole('switch', { name: 'Log scale' }).click();
    await page.mouse.move(2, 2);
    await page.evaluate(() => document.activeElement.blur());
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForFunction(() => scrollY === 0);
    // One more frame, for the navigation's mark to follow.
    await page.evaluate(
      () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
    );
    const path = `${folder}dashboard-${colorScheme}.png`;
    await page.screenshot({ path });
    if (complaints().length > 0) throw new Error('the page complained; run the dashboard test');
    const { size } = statSync(path);
    if (size > largestBytes) throw new Error(`${path} has ${size} bytes, more than ${largestBytes}`);
    console.log(`${path}: ${size} bytes`);
    await context.close();
  }
} finally {
  await browser.close();
  await system.stop();
}
