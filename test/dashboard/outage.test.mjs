// What an operator sees while the service is away, and once it is back. The page's clock is moved on by hand.
import { readFileSync } from 'node:fs';
import { createClient } from '@scion/sdk';
import t from 'tap';
import { launchBrowser, noBrowser, signIn } from './browser.mjs';
import { startGateway } from './gateway.mjs';
import { examplesOf, football, garden } from './headlines.mjs';
import { startSystem } from './system.mjs';

t.setTimeout(240_000);

t.test('an outage', { skip: noBrowser }, async (t) => {
  const [system, browser] = await Promise.all([startSystem(), launchBrowser()]);
  t.teardown(system.stop);
  const gateway = await startGateway(system.url);
  t.teardown(gateway.close);
  t.teardown(() => browser.close());
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const tenant = await operator.tenants.create({ name: 'Orchard Mail' });
  const client = operator.withTenant(tenant.id);
  await client.tasks.put('headlines', { labels: ['keep', 'skip'], training: { method: 'head' } });
  // Many texts, so that the job is paused before it is done.
  await client.examples.append(
    'headlines',
    'ada',
    Array.from({ length: 10 }, (_, at) =>
      examplesOf(garden, football).map(({ input, label }) => ({
        input: `${input}, ${'and a sentence that goes on, '.repeat(6)} ${at}`,
        label,
      })),
    ).flat(),
  );

  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  await page.clock.install();
  const main = page.getByRole('main');
  const notice = page.getByText('The service does not answer.');
  const open = async (path, sign) => {
    gateway.fails(undefined);
    await page.goto(`${gateway.url}/#/${path}`);
    await main.getByText(sign).first().waitFor();
  };
  /** Moves the page's clock on, a step after the other so that answers can come in between, until something is so. */
  const pass = async (holds, stepMs = 4_000) => {
    for (let step = 0; step < 200; step += 1) {
      if (await holds()) return;
      await page.clock.fastForward(stepMs);
      await new Promise((done) => setTimeout(done, 50));
    }
    throw new Error(`it never came true: ${holds}`);
  };
  await page.goto(gateway.url);
  await signIn(page, system.operatorKey);

  await t.test('a service that hangs is said not to answer, and live again once it does', async (t) => {
    await open('cache', 'Resident adapters');
    await page.getByText('Live', { exact: true }).waitFor();
    gateway.fails('hangs');
    await pass(() => notice.isVisible());
    t.equal(await page.getByText('Live', { exact: true }).count(), 0);
    gateway.fails(undefined);
    await pass(async () => !(await notice.isVisible()));
    await page.getByText('Live', { exact: true }).waitFor();
  });

  await t.test('the curves and the log of an open job go on after an outage of minutes', async () => {
    const job = await client.jobs.create({ task: 'headlines', user: 'ada' });
    await client.jobs.pause(job.id);
    await open(`${tenant.id}/jobs/${job.id}`, 'Job id');
    let attempts = 0;
    page.on('requestfailed', (request) => {
      if (request.url().endsWith('/events')) attempts += 1;
    });
    gateway.fails('down');
    // More than the stream is tried again for, in half a minute.
    await pass(() => attempts >= 9);
    await pass(() => notice.isVisible());
    gateway.fails(undefined);
    await client.jobs.resume(job.id);
    await client.jobs.wait(job.id);
    const events = main.getByRole('list', { name: 'Events of the job' });
    await pass(async () => (await events.textContent()).includes('The job is succeeded.'));
    await main.getByText('Last step').waitFor();
  });

  await t.test(
    'who teaches a model sees it learn after a blip, and is told when it cannot be followed',
    async () => {
      await open(`${tenant.id}/playground?task=headlines&user=ada`, 'Playground');
      await main.getByRole('textbox', { name: 'Text to classify' }).fill('Moving a rhododendron');
      const answer = main.getByRole('article', { name: 'ada' });
      const correct = answer.getByRole('button', { name: /^(keep|skip)$/ });
      let attempts = 0;
      await page.route(/\/events$/, async (route) => {
        attempts += 1;
        gateway.fails('down');
        await route.continue();
      });
      await correct.click();
      await pass(() => attempts >= 3);
      await page.unroute(/\/events$/);
      gateway.fails(undefined);
      await pass(() => answer.getByText(/is live|kept back/).isVisible());

      await page.route(/\/events$/, async (route) => {
        gateway.fails('down');
        await route.continue();
      });
      await answer.getByRole('button', { name: 'Teach again' }).click();
      await correct.click();
      await pass(() => answer.getByText('The connection to').isVisible());
      await page.unroute(/\/events$/);
      gateway.fails(undefined);
      await answer.getByRole('button', { name: 'teach again' }).click();
      await correct.waitFor();
    },
  );

  await t.test('an overview that is refused says why, beside what was last known or alone', async () => {
    await open('overview', 'Jobs ended');
    const alert = main.getByRole('alert').filter({ hasText: 'HTTP 503' });
    gateway.fails(503);
    await pass(() => alert.filter({ hasText: 'What you see is the last answer.' }).isVisible());
    await main.getByText('Jobs ended').waitFor();
    await main.getByRole('radio', { name: '6 h' }).check();
    await pass(() => alert.getByRole('button', { name: 'Try again' }).isVisible());
    gateway.fails(undefined);
    await main.getByText('Jobs ended').waitFor();
    await alert.waitFor({ state: 'detached' });
  });

  const erase = async (user) => {
    await open(`${tenant.id}/models/headlines/${user}`, 'Erase…');
    await main.getByRole('button', { name: 'Erase…' }).click();
    const ask = page.getByRole('dialog', { name: `Erase ${user}?` });
    await ask.getByLabel(/^Type the user id/).fill(user);
    await ask.getByRole('button', { name: 'Erase for good' }).click();
    return ask;
  };

  await t.test('an erasure of over fifteen seconds is sent once, and its receipt is saved', async (t) => {
    await client.examples.append('headlines', 'grace', examplesOf(football, garden));
    let sent = 0;
    await page.route(/\/users\/grace$/, async (route) => {
      sent += 1;
      const response = await route.fetch();
      await page.clock.fastForward(60_000);
      await route.fulfill({ response });
    });
    const saved = page.waitForEvent('download');
    await erase('grace');
    const { receipt } = JSON.parse(readFileSync(await (await saved).path(), 'utf8'));
    t.match(receipt, { user: 'grace', tasks: ['headlines'] });
    t.equal(sent, 1);
    await main.getByRole('heading', { name: 'Models' }).waitFor();
  });

  await t.test(
    'an erasure whose answer is lost is not sent again, and says where its proof is',
    async (t) => {
      let sent = 0;
      await page.route(/\/users\/ada$/, async (route) => {
        sent += 1;
        await route.fetch();
        await route.abort('connectionreset');
      });
      const ask = await erase('ada');
      await ask.getByText('GET /v1/erasures').waitFor();
      t.equal(sent, 1);
      t.equal((await client.users.erasures()).data.length, 2);
      await page.unroute(/\/users\/ada$/);
      await ask.getByRole('button', { name: 'Erase for good' }).click();
      await ask.getByText('No such user.').waitFor();
      await ask.getByText('GET /v1/erasures').waitFor();
    },
  );
});
