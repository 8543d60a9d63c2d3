// The dashboard as an operator uses it: Debian's chromium against the whole embedded system, nothing simulated.
import { createClient } from '@scion/sdk';
import t from 'tap';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { examplesOf, football, garden } from './headlines.mjs';
import { startSystem } from './system.mjs';

// A start of the whole system, a browser and three trainings, on two busy cores.
t.setTimeout(180_000);

const unseen = 'Moving a rhododendron without losing it';

t.test('an operator follows models from the first job to a rollback', { skip: noBrowser }, async (t) => {
  const system = await startSystem();
  t.teardown(system.stop);
  const browser = await launchBrowser();
  t.teardown(() => browser.close());
  const context = await browser.newContext({
    viewport: { width: 1280, height: 900 },
    locale: 'en-GB',
    colorScheme: 'light',
  });
  context.setDefaultTimeout(20_000);
  const { page, complaints } = await watchedPage(context);
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });

  await t.test('the page is served with a policy that allows no inline code', async (t) => {
    const response = await page.goto(system.url);
    const policy = response.headers()['content-security-policy'];
    t.match(policy, /script-src[^;]*'self'/);
    t.notMatch(policy, /unsafe-inline|unsafe-eval/);
  });

  await t.test('a wrong key is refused in words, the right one lets in and stays in this tab', async (t) => {
    await page.getByLabel('Operator key').fill('scion_wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('The service does not know this key').waitFor();
    t.match(complaints(), [/401/], 'the browser itself reports the refused request, and nothing else');
    await signIn(page, system.url, system.operatorKey);
    await page.getByText('No tenants yet').waitFor();
    t.equal(await page.evaluate(() => localStorage.length), 0);
    await page.reload();
    await page.getByText('No tenants yet').waitFor();
  });

  const tenant = await operator.tenants.create({ name: 'Orchard Mail' });
  const client = operator.withTenant(tenant.id);
  await client.tasks.put('headlines', { labels: ['keep', 'skip'] });
  await client.examples.append('headlines', 'ada', examplesOf(garden, football));
  await client.examples.append('headlines', 'grace', examplesOf(football, garden));

  const jobs = page.locator('#section-jobs');
  const models = page.locator('#section-models');
  let adasJob;

  await t.test('a job appears by itself, and its curves and the gate’s verdict with it', async (t) => {
    await page.reload();
    await jobs.getByText('No jobs yet').waitFor();
    adasJob = await client.jobs.create({ task: 'headlines', user: 'ada' });
    const details = jobs.getByRole('article', { name: 'Job of ada, headlines' });
    await details.getByText('succeeded', { exact: true }).waitFor();
    await details.locator('canvas').waitFor();
    const fits = await details.locator('.readout tbody tr').count();
    t.ok(fits >= 2, `${fits} fits have a curve`);
    t.match(await details.locator('.readout tbody td').allTextContents(), [/^[\d.e-]+$/]);
    t.match(await details.getByText('Version 1 went live.').count(), 1);
    t.ok(await isDrawn(details.locator('canvas')), 'the canvas shows more than its ground');
  });

  await t.test('the arrow keys walk the read-out, and the scale switches', async (t) => {
    const chart = jobs.getByRole('img', { name: /^Loss over/ });
    const caption = jobs.locator('.readout caption');
    await chart.focus();
    await page.keyboard.press('ArrowLeft');
    const last = await caption.textContent();
    await page.keyboard.press('ArrowLeft');
    t.match(last, /^Step \d+$/);
    t.not(await caption.textContent(), last);
    await jobs.getByRole('switch', { name: 'Log scale' }).click();
    await jobs.getByRole('switch', { name: 'Log scale', checked: true }).waitFor();
    t.ok(await isDrawn(jobs.locator('canvas')));
  });

  await t.test('two users’ models answer the same text oppositely, side by side', async (t) => {
    const job = await client.jobs.create({ task: 'headlines', user: 'grace' });
    t.equal((await client.jobs.wait(job.id)).state, 'succeeded');
    await page.reload();
    const playground = page.locator('#section-playground');
    await playground.getByRole('textbox').fill(unseen);
    const labels = playground.locator('.answer .answer-label');
    await playground.getByText('version 1').nth(1).waitFor();
    t.strictSame((await labels.allTextContents()).sort(), ['keep', 'skip']);
    t.match(await playground.locator('.probabilities .number').allTextContents(), [
      / %$/,
      / %$/,
      / %$/,
      / %$/,
    ]);
  });

  await t.test(
    'another version is made live by hand, after a confirmation, and shows in the history',
    async (t) => {
      await client.examples.append('headlines', 'ada', [
        { input: 'Shade plants for a north wall', label: 'keep' },
        { input: 'Away win lifts the team to third', label: 'skip' },
      ]);
      const job = await client.jobs.create({ task: 'headlines', user: 'ada' });
      t.equal((await client.jobs.wait(job.id)).version, 2);
      await page.goto(`${system.url}/#/${tenant.id}/models/headlines/ada`);
      const details = models.getByRole('article', { name: 'Model of ada, headlines' });
      await details.getByRole('row', { name: /^v2/ }).waitFor();
      const live = (await client.models.get('headlines', 'ada')).live.version;
      const other = live === 1 ? 2 : 1;
      await details
        .getByRole('row', { name: new RegExp(`^v${other}`) })
        .getByRole('button', { name: 'Make live' })
        .click();
      const dialog = page.getByRole('dialog', { name: `Make version ${other} live?` });
      await dialog.getByRole('button', { name: 'Keep as it is' }).click();
      t.equal(
        (await client.models.get('headlines', 'ada')).live.version,
        live,
        'nothing happens without a yes',
      );
      await details.getByRole('button', { name: 'Make live' }).click();
      await dialog.getByRole('button', { name: `Make v${other} live` }).click();
      await details.getByText(`version ${other} live`).waitFor();
      await details.getByText('made live by hand').waitFor();
      t.equal((await client.models.get('headlines', 'ada')).live.version, other);
    },
  );

  await t.test('the cache names the adapters in memory, and the base what they stand on', async (t) => {
    const cache = page.locator('#section-cache');
    await cache.getByRole('link', { name: 'grace' }).waitFor();
    t.match(await cache.textContent(), /of [\d.]+ MB/);
    const { base } = await operator.system.get();
    await page.locator('#section-base').getByText(base.name).waitFor();
  });

  await t.test('an address leads straight to a job', async (t) => {
    await page.goto(`${system.url}/#/${tenant.id}/jobs/${adasJob.id}`);
    await page.reload();
    await jobs.getByRole('article', { name: 'Job of ada, headlines' }).getByText(adasJob.id).waitFor();
    await t.resolves(
      page.waitForFunction(() => scrollY > 100),
      'and brings it into view',
    );
  });

  await t.test(
    'no width from 320 to 2560 pixels makes the page scroll sideways, in either theme',
    async (t) => {
      for (const width of [320, 768, 1280, 2560]) {
        await page.setViewportSize({ width, height: 900 });
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        t.ok(excess <= 0, `${width} pixels`);
      }
      await page.getByRole('button', { name: 'Use the dark theme' }).click();
      t.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), 'dark');
      await page.getByRole('button', { name: 'Use the light theme' }).click();
    },
  );

  t.strictSame(complaints(), [], 'no error on the console, no violation of the policy');

  await t.test('a key that is refused later leads back to the sign-in, with the reason', async (t) => {
    await page.route('**/v1/system', (route) =>
      route.fulfill({ status: 401, contentType: 'application/problem+json', body: '{}' }),
    );
    await page.getByText('no longer accepts the key').waitFor();
    t.equal(await page.evaluate(() => sessionStorage.length), 0);
  });
});

/** Whether a canvas holds more than one colour. */
function isDrawn(canvas) {
  return canvas.evaluate((element) => {
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
    const colours = new Set(new Uint32Array(data.buffer));
    return colours.size > 2;
  });
}
