// What holds for every page: no serious accessibility fault, no width that breaks it, no list too long for it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createClient } from '@scion/sdk';
import t from 'tap';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { examplesOf, football, garden } from './headlines.mjs';
import { startSystem } from './system.mjs';
import { fakeJobs } from './ten-thousand.mjs';

t.setTimeout(240_000);

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const initialBytes = 100_000;

t.test('every page', { skip: noBrowser }, async (t) => {
  const [system, browser] = await Promise.all([startSystem(), launchBrowser()]);
  t.teardown(system.stop);
  t.teardown(() => browser.close());
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const tenant = await operator.tenants.create({ name: 'Orchard Mail' });
  const client = operator.withTenant(tenant.id);
  await client.tasks.put('headlines', { labels: ['keep', 'skip'], training: { method: 'head' } });
  await client.webhooks.create({ url: 'http://127.0.0.1:9/nobody-listens' });
  const jobs = [];
  for (const [user, examples] of [
    ['ada', examplesOf(garden, football)],
    ['grace', examplesOf(football, garden)],
  ]) {
    await client.examples.append('headlines', user, examples);
    jobs.push(await client.jobs.wait((await client.jobs.create({ task: 'headlines', user })).id));
    await client.predict({ task: 'headlines', user, inputs: garden });
  }

  const pages = {
    overview: ['overview', 'Overview'],
    'jobs of all tenants': ['jobs', 'Jobs'],
    'a filter that nothing fits': [`${tenant.id}/jobs?state=failed`, 'No job fits these filters'],
    job: [`${tenant.id}/jobs/${jobs[0].id}`, 'The gate’s decision'],
    'a job that is not there': [`${tenant.id}/jobs/job_${'0'.repeat(26)}`, 'No such job.'],
    models: [`${tenant.id}/models`, 'Models'],
    model: [`${tenant.id}/models/headlines/ada`, 'Version 1'],
    playground: [`${tenant.id}/playground`, 'Playground'],
    tenants: ['tenants', 'Operator keys'],
    'usage of a tenant': [`${tenant.id}/tenant`, 'Orchard Mail'],
    'keys of a tenant': [`${tenant.id}/tenant/keys`, 'Keys'],
    'tasks of a tenant': [`${tenant.id}/tenant/tasks`, 'Tasks'],
    'webhooks of a tenant': [`${tenant.id}/tenant/webhooks`, 'Deliveries'],
    'audit log of a tenant': [`${tenant.id}/tenant/audit`, 'putTask'],
    'cache and bases': ['cache', 'Resident adapters'],
  };
  const context = await browser.newContext({ locale: 'en-GB', reducedMotion: 'reduce' });
  context.setDefaultTimeout(30_000);
  const { page, complaints } = await watchedPage(context);
  const main = page.getByRole('main');
  const open = async ([path, sign]) => {
    await page.goto(`${system.url}/#/${path}`);
    await main.getByText(sign).first().waitFor();
  };

  await t.test('the first page is painted from at most 100 kB', async (t) => {
    await page.goto(system.url);
    await signIn(page, system.operatorKey);
    await page.reload();
    await main.getByRole('list', { name: 'At a glance' }).waitFor();
    await main.locator('canvas').first().waitFor();
    const loaded = await page.evaluate(() =>
      [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
        .filter(({ name }) => !name.includes('/v1/'))
        .map(({ name, encodedBodySize }) => [new URL(name).pathname, encodedBodySize]),
    );
    const bytes = loaded.reduce((sum, [, size]) => sum + size, 0);
    t.ok(loaded.some(([name]) => name.includes('uplot')) && bytes > 50_000, 'all of it was counted');
    t.ok(bytes <= initialBytes, `${bytes} bytes: ${JSON.stringify(loaded)}`);
    complaints();
  });

  await t.test('a loss is called what it is by the kind of its task, also while it trains', async (t) => {
    await client.tasks.put('ratings', { kind: 'regression', training: { method: 'head' } });
    const rated = [...garden.map((input, at) => [input, at]), ...football.map((input, at) => [input, -at])];
    await client.examples.append(
      'ratings',
      'ada',
      rated.map(([input, label]) => ({ input, label })),
    );
    const ended = await client.jobs.wait((await client.jobs.create({ task: 'ratings', user: 'ada' })).id);
    const waiting = { ...ended, state: 'running', gate: null };
    for (const job of [ended, waiting]) {
      await page.route(`**/v1/jobs/${ended.id}`, (route) => route.fulfill({ json: job }));
      await open([`${tenant.id}/jobs/${ended.id}`, 'mean of half the squared error']);
      await main.getByRole('img', { name: /^Loss over/ }).waitFor();
      t.equal(await main.getByTitle(/nats/).count(), 0, job.state);
      await page.unroute(`**/v1/jobs/${ended.id}`);
      await page.goto('about:blank');
    }
    await open([`${tenant.id}/jobs/${jobs[0].id}`, 'mean cross-entropy, nats']);
    await main.getByRole('img', { name: /^Loss in nats over/ }).waitFor();
  });

  await t.test(
    'a version that went on from another says from which, and one from scratch nothing',
    async (t) => {
      await open(pages.model);
      t.equal(await main.getByText('Went on from').count(), 0);
      await page.route(/\/versions\?/, async (route) => {
        const response = await route.fetch();
        const json = await response.json();
        json.data[0].card.recipe.startedFrom = 1204;
        await route.fulfill({ response, json });
      });
      await main.getByText('Went on from').waitFor();
      t.equal(await main.getByText('Went on from').locator('+ dd').textContent(), 'version 1204');
      await page.unroute(/\/versions\?/);
    },
  );

  await t.test('a browser whose clock is off shows rates, ranges and ages by the service’s', async (t) => {
    const minutesAgo = (minutes) => new Date(Date.now() - minutes * 60_000).toISOString();
    for (const ahead of [-3, 3]) {
      const off = await context.newPage();
      await off.clock.install({ time: Date.now() + ahead * 3_600_000 });
      let from;
      await off.route('**/v1/system/overview?*', async (route) => {
        from ??= new URL(route.request().url()).searchParams.get('from');
        const overview = await operator.system.overview();
        Object.assign(overview, { at: [minutesAgo(100)], to: minutesAgo(-140), stepSeconds: 240 * 60 });
        overview.jobs.succeeded = [100];
        const body = `event: overview\ndata: ${JSON.stringify(overview)}\n\n`;
        await route.fulfill({ contentType: 'text/event-stream', body });
      });
      await off.goto(`${system.url}/#/overview`);
      const rate = off.getByRole('button', { name: /^succeeded/ }).locator('strong');
      t.ok(Math.abs(Number(await rate.textContent()) - 1) < 0.1, 'a hundred in as many minutes');
      t.ok(Math.abs(Date.parse(from) - Date.parse(minutesAgo(60))) < 60_000, 'an hour is asked for');
      await off.goto(`${system.url}/#/${tenant.id}/models/headlines/ada`);
      await off
        .getByText(/ (s|min) ago$/)
        .first()
        .waitFor();
      await off.close();
    }
  });

  // In the dark the same elements have other colours, and nothing else.
  for (const [colorScheme, rules] of [['light'], ['dark', { runOnly: ['color-contrast'] }]]) {
    await t.test(`is free of serious accessibility faults, ${colorScheme}`, async (t) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 1280, height: 900 });
      for (const [name, where] of Object.entries(pages)) {
        await open(where);
        t.strictSame(await faults(page, rules), [], name);
      }
    });
  }

  await t.test('fits every width from 320 to 2560 pixels', async (t) => {
    for (const [name, where] of Object.entries(pages)) {
      await open(where);
      for (const width of [320, 390, 768, 1024, 1440, 2560]) {
        await page.setViewportSize({ width, height: 900 });
        const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        t.ok(excess <= 0, `${name}, ${width} pixels: ${excess} too many`);
        const cut = await page.evaluate(() =>
          [...document.querySelectorAll('.panel table')]
            .filter((table) => {
              const panel = table.closest('.panel');
              const scrolls = table.closest('.table-scroll') ?? getComputedStyle(panel).overflowX === 'auto';
              return (
                !scrolls && table.getBoundingClientRect().right > panel.getBoundingClientRect().right + 1
              );
            })
            .map((table) => table.textContent.slice(0, 60)),
        );
        t.strictSame(cut, [], `${name}, ${width} pixels: no table leaves its panel`);
      }
    }
  });
  t.match(
    complaints().filter((text) => !text.includes('404')),
    [],
    'no error on the console, no violation of the policy',
  );

  await t.test('dialogs too are free of serious faults, and close with Escape', async (t) => {
    await page.setViewportSize({ width: 1280, height: 900 });
    for (const [where, button] of [
      [pages['tasks of a tenant'], 'New task'],
      [pages['keys of a tenant'], 'New key'],
      [pages['webhooks of a tenant'], 'New webhook'],
      [pages.model, 'Erase…'],
    ]) {
      await open(where);
      await main.getByRole('button', { name: button }).click();
      await page.getByRole('dialog').waitFor();
      t.strictSame(await faults(page), [], button);
      await page.keyboard.press('Escape');
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }
  });

  await t.test('ten thousand rows: a few are in the document, all can be reached by keyboard', async (t) => {
    const rows = 10_000;
    await fakeJobs(page, jobs[0], rows);
    await open(pages['jobs of all tenants']);
    await main.getByRole('link', { name: 'user 0', exact: true }).waitFor();
    await main.getByRole('link', { name: 'user 0', exact: true }).focus();
    for (let step = 0; step < 30; step += 1) {
      await page.keyboard.press('ArrowDown');
      // As a person would, who presses no faster than the page shows.
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
    }
    t.equal(await page.evaluate(() => document.activeElement.textContent), 'user 30');
    const last = main.getByRole('link', { name: `user ${rows - 1}`, exact: true });
    let most = 0;
    for (let turn = 0; turn < 400 && (await last.count()) === 0; turn += 1) {
      await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => setTimeout(done))));
      most = Math.max(most, await main.locator('tbody tr').count());
    }
    t.equal(await last.count(), 1, 'the last row is reached');
    t.ok(most > 10 && most < 80, `${most} rows at most`);
    await page.unroute(/\/v1\/jobs\?/);
  });
});

/** Serious and critical faults that axe-core finds on the page as it stands. */
async function faults(page, options = {}) {
  // The policy of the page allows no script of ours; the debugger's world is not bound by it.
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(axe);
  return page.evaluate(async (options) => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ['violations'], ...options });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
  }, options);
}
