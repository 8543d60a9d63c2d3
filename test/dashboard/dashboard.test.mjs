// The dashboard as an operator uses it: Debian's chromium against the whole embedded system, nothing simulated.
import { readFileSync } from 'node:fs';
import { createClient } from '@scion/sdk';
import t from 'tap';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { examplesOf, football, garden } from './headlines.mjs';
import { startReceiver } from './receiver.mjs';
import { startSystem } from './system.mjs';

// A start of the whole system, a browser, some trainings and a killed worker, on two busy cores.
t.setTimeout(300_000);

const unseen = 'Moving a rhododendron without losing it';

t.test('an operator follows a model from the first click to its erasure', { skip: noBrowser }, async (t) => {
  const [system, receiver, browser] = await Promise.all([startSystem(), startReceiver(), launchBrowser()]);
  t.teardown(system.stop);
  t.teardown(receiver.close);
  t.teardown(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' });
  context.setDefaultTimeout(30_000);
  const { page, complaints } = await watchedPage(context);
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const main = page.getByRole('main');
  const go = (path) => page.goto(`${system.url}/#/${path}`);
  const dialog = (name) => page.getByRole('dialog', { name });

  await t.test(
    'a key is exchanged for a cookie that no script sees, and a wrong one is refused',
    async (t) => {
      const response = await page.goto(system.url);
      const policy = response.headers()['content-security-policy'];
      t.match(policy, /script-src[^;]*'self'/);
      t.notMatch(policy, /unsafe-inline|unsafe-eval/);
      await page.getByLabel('Admin key').fill('scion_wrong');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('The service does not know this key').waitFor();
      t.match(complaints(), [/401/], 'the browser itself reports the refused request, and nothing else');
      await signIn(page, system.operatorKey);
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      const [cookie] = await context.cookies();
      t.match(cookie, { name: 'scion_session', httpOnly: true, sameSite: 'Strict' });
      const stored = await page.evaluate(() =>
        JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie]),
      );
      t.notMatch(stored, 'scion_operator');
      await page.reload();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
    },
  );

  let tenantId;
  let client;
  await t.test('a tenant and its key are made; the secret is shown this once and works', async (t) => {
    await page.getByRole('link', { name: 'Tenants' }).click();
    await main.getByRole('button', { name: 'New tenant' }).click();
    await dialog('New tenant').getByLabel('Name').fill('Orchard Mail');
    await dialog('New tenant').getByRole('button', { name: 'Create' }).click();
    await main.getByRole('link', { name: 'Orchard Mail' }).click();
    await main.getByRole('heading', { name: 'Orchard Mail' }).waitFor();
    await main.getByRole('link', { name: 'Keys' }).click();
    await main.getByRole('button', { name: 'New key' }).click();
    await dialog('New key').getByLabel('Name').fill('mail backend');
    await dialog('New key')
      .getByLabel(/^admin/)
      .check();
    await dialog('New key').getByRole('button', { name: 'Create' }).click();
    const secret = await dialog('The key’s secret').locator('pre').textContent();
    await dialog('The key’s secret').getByRole('button', { name: 'I have kept it' }).click();
    await main.getByText('mail backend', { exact: true }).waitFor();
    t.notMatch(await main.textContent(), secret.slice(-20), 'no list shows it again');
    tenantId = /ten_[0-9a-z]{26}/.exec(page.url())[0];
    client = createClient({ baseUrl: system.url, apiKey: secret });
    t.match((await client.tasks.list()).data, []);
  });

  await t.test('a task is written in the editor, which tells a fault before it is sent', async (t) => {
    await main.getByRole('link', { name: 'Tasks' }).click();
    await main.getByRole('button', { name: 'New task' }).click();
    const editor = dialog('New task');
    await editor.getByRole('textbox', { name: /^Name/ }).fill('Headlines!');
    await editor.getByLabel('Labels, one a line').fill('keep');
    await editor.getByRole('button', { name: 'Save' }).click();
    await editor.getByText('Lower-case letters, digits and hyphens').waitFor();
    await editor.getByText('One label leaves nothing to decide').waitFor();
    await editor.getByRole('textbox', { name: /^Name/ }).fill('headlines');
    await editor.getByLabel('Labels, one a line').fill('keep\nskip');
    await editor.getByRole('button', { name: 'Save' }).click();
    await main.getByRole('link', { name: 'headlines' }).waitFor();
    t.match(await client.tasks.get('headlines'), { labels: ['keep', 'skip'] });
    t.match(complaints(), [/404/], 'the browser itself reports that the name was free, and nothing else');
    // Heads alone, so that a job takes a moment instead of a minute.
    await client.tasks.put('headlines', { labels: ['keep', 'skip'], training: { method: 'head' } });
  });

  await t.test('a webhook is added and its secret shown once', async () => {
    await main.getByRole('link', { name: 'Webhooks' }).click();
    await main.getByRole('button', { name: 'New webhook' }).click();
    await dialog('New webhook').getByLabel('Address').fill(receiver.url);
    await dialog('New webhook').getByRole('button', { name: 'Create' }).click();
    await dialog('The signing secret')
      .getByText(/^whsec_/)
      .waitFor();
    await dialog('The signing secret').getByRole('button', { name: 'I have kept it' }).click();
    await main.getByRole('heading', { name: 'Deliveries' }).waitFor();
  });

  // Many texts, so that the worker is still at it when it is killed.
  const wide = Array.from({ length: 200 }, (_, at) => ({
    input: `${[...garden, ...football][at % 20]} ${'and a sentence that goes on, '.repeat(6)} ${at}`,
    label: at % 20 < 10 ? 'keep' : 'skip',
  }));
  let killed;
  await t.test('a worker is killed while it trains', async () => {
    await client.examples.append('headlines', 'mary', wide);
    killed = await client.jobs.create({ task: 'headlines', user: 'mary' });
    await go(`${tenantId}/jobs/${killed.id}`);
    await main.locator('.badge-running').waitFor();
    system.killWorker();
  });

  let adasJob;
  let told;
  const readout = main.locator('.readout tbody td');
  /** The curves are drawn as they come; told to the end, they stay. */
  const readCurves = async () => {
    await main.getByRole('list', { name: 'Events of the job' }).getByText('The job is succeeded.').waitFor();
    return readout.allTextContents();
  };
  await t.test(
    'a job posted by API shows itself, its curve grows, and the gate’s verdict follows',
    async (t) => {
      await go(`${tenantId}/jobs`);
      await client.examples.append('headlines', 'ada', examplesOf(garden, football));
      await client.examples.append('headlines', 'grace', examplesOf(football, garden));
      adasJob = await client.jobs.create({ task: 'headlines', user: 'ada' });
      await main.getByRole('link', { name: 'ada' }).click();
      await main.getByRole('heading', { name: 'ada' }).waitFor();
      // The killed worker's job may be taken up before, and is a long one.
      await main.getByText('Version 1 went live.').waitFor({ timeout: 120_000 });
      await main.locator('canvas').waitFor();
      t.ok(await isDrawn(main.locator('canvas')), 'the canvas shows more than its ground');
      told = await readCurves();
      t.ok(told.length >= 4 && told.some((text) => /^[\d.e-]+$/.test(text)), String(told));
    },
  );

  await t.test('after a reload the curves are the same', async (t) => {
    await page.reload();
    t.strictSame(await readCurves(), told);
  });

  await t.test(
    'the arrow keys walk the read-out; scale, folds and smoothing stay in the address',
    async (t) => {
      const caption = main.locator('.readout caption');
      await main.getByRole('img', { name: /^Loss/ }).focus();
      await page.keyboard.press('ArrowLeft');
      const last = await caption.textContent();
      await page.keyboard.press('ArrowLeft');
      t.match(last, /^Step \d+$/);
      t.not(await caption.textContent(), last);
      await main.getByRole('switch', { name: 'Log scale' }).click();
      await main.getByRole('radio', { name: 'Each fold' }).check();
      await main.getByRole('slider', { name: 'Smoothing' }).fill('0.5');
      t.match(page.url(), /scale=log/);
      await page.reload();
      await main.getByRole('switch', { name: 'Log scale', checked: true }).waitFor();
      await main.getByRole('button', { name: /fold 1 of/ }).waitFor();
      t.equal(await main.getByRole('slider', { name: 'Smoothing' }).inputValue(), '0.5');
      t.ok(await isDrawn(main.locator('canvas')));
    },
  );

  await t.test('two users’ models answer oppositely; one is corrected, learns, and flips', async (t) => {
    const job = await client.jobs.create({ task: 'headlines', user: 'grace' });
    t.equal((await client.jobs.wait(job.id)).state, 'succeeded');
    const asked = [];
    page.on('request', (request) => {
      if (request.url().endsWith('/predict')) asked.push(request.postDataJSON());
    });
    await go(`${tenantId}/playground?task=headlines&user=ada&user=grace`);
    await main.getByRole('textbox', { name: 'Text to classify' }).fill(unseen);
    const answer = (user) => main.getByRole('article', { name: user });
    await answer('ada').getByText('version 1').waitFor();
    await answer('grace').getByText('version 1').waitFor();
    t.match(await answer('ada').locator('.answer-label').textContent(), /^keep/);
    t.match(await answer('grace').locator('.answer-label').textContent(), /^skip/);
    t.strictSame(asked, [{ inputs: [unseen], users: ['ada', 'grace'] }], 'one request asks both');
    await answer('ada').getByRole('button', { name: 'skip' }).click();
    await answer('ada').getByText('Learnt: version 2 is live.').waitFor();
    await answer('ada').getByText('was keep by v1').waitFor();
    t.match(await answer('ada').locator('.answer-label').textContent(), /^skip/);
    t.notMatch(page.url(), 'rhododendron', 'the text stays out of the address');
  });

  await t.test(
    'two versions are compared, and the earlier one is made live after a confirmation',
    async (t) => {
      await go(`${tenantId}/models/headlines/ada?version=2&against=1`);
      await main.getByRole('heading', { name: 'Version 2 against 1' }).waitFor();
      await main.getByRole('button', { name: 'Roll back to v1' }).click();
      const ask = dialog('Make version 1 live?');
      await ask.getByRole('button', { name: 'Keep as it is' }).click();
      t.equal((await client.models.get('headlines', 'ada')).live.version, 2, 'nothing happens without a yes');
      await main.getByRole('button', { name: 'Roll back to v1' }).click();
      await ask.getByRole('button', { name: 'Make v1 live' }).click();
      await main.getByText('version 1 live').waitFor();
      await main.getByText('was made live again by hand').waitFor();
      t.equal((await client.models.get('headlines', 'ada')).live.version, 1);
    },
  );

  await t.test('a delivery is looked up and replayed under its own event id', async (t) => {
    await go(`${tenantId}/tenant/webhooks`);
    const first = receiver.received.find(({ data }) => data.id === adasJob.id);
    t.ok(first, 'the job was announced');
    await main
      .getByRole('button', { name: `Replay event ${first.id}` })
      .first()
      .click();
    await main.getByText('is sent again').waitFor();
    await until(() => receiver.received.filter(({ id }) => id === first.id).length === 2);
    await main.getByRole('button', { name: 'Send a ping' }).click();
    await until(() => receiver.received.some(({ type }) => type === 'ping'));
    t.pass('and a ping arrives');
  });

  await t.test('the audit log tells who changed what, and shows one action alone', async (t) => {
    await go(`${tenantId}/tenant/audit`);
    const rows = main.getByRole('table').getByRole('row');
    await rows.filter({ hasText: 'rollbackModel' }).first().waitFor();
    await rows.getByRole('button', { name: 'createWebhook' }).click();
    await rows.filter({ hasText: 'rollbackModel' }).waitFor({ state: 'detached' });
    // While the answer is on its way there is no table.
    await rows.filter({ hasText: 'createWebhook' }).first().waitFor();
    t.equal(await rows.count(), 2, 'its head and the one webhook that was made');
    t.match(page.url(), /action=createWebhook/);
  });

  await t.test('the cache names the adapters in memory, and the base they stand on', async () => {
    await go('cache');
    await main.getByRole('link', { name: 'grace' }).waitFor();
    const { base } = await operator.system.get();
    await main.getByRole('heading', { name: base.name }).waitFor();
  });

  await t.test('who may only read finds nothing to press, and is refused where it matters', async (t) => {
    const reader = await operator.keys.create({ name: 'looks', scopes: ['read'] });
    const other = await browser.newContext({ locale: 'en-GB' });
    const { page: theirs } = await watchedPage(other);
    await theirs.goto(`${system.url}/#/${tenantId}/models/headlines/ada`);
    await signIn(theirs, reader.secret);
    await theirs.getByText('Read only').waitFor();
    await theirs.getByRole('heading', { name: 'ada' }).waitFor();
    for (const name of [/Roll back/, /Erase/, 'Train now', 'Pin']) {
      t.equal(await theirs.getByRole('button', { name }).count(), 0, String(name));
    }
    const [download] = await Promise.all([
      theirs.waitForEvent('download'),
      theirs.getByRole('button', { name: 'Export user' }).click(),
    ]);
    t.equal(download.suggestedFilename(), 'ada.tar', 'who may see all may take it along');
    const status = await theirs.evaluate(
      async (tenant) =>
        (
          await fetch('v1/tasks/headlines/users/ada/rollback', {
            method: 'POST',
            headers: { 'scion-tenant': tenant, 'content-type': 'application/json' },
            body: '{}',
          })
        ).status,
      tenantId,
    );
    t.equal(status, 403);
    await other.close();
  });

  await t.test('the killed worker’s job is taken up again, and its curve is whole', async (t) => {
    await go(`${tenantId}/jobs/${killed.id}`);
    await main.getByText('Version 1 went live.').waitFor({ timeout: 120_000 });
    const values = await readCurves();
    await page.reload();
    t.strictSame(await readCurves(), values);
    const events = await main.getByRole('list', { name: 'Events of the job' }).textContent();
    t.equal(events.split('The job is succeeded.').length, 2, 'its end is told once');
    const log = await main.getByRole('list', { name: /worker’s log/ }).textContent();
    t.match(log, /training job succeeded/, 'and the log of the worker that took it up stands beside');
  });

  await t.test('a user’s whole archive is handed over, and another tenant takes it', async (t) => {
    await go(`${tenantId}/models/headlines/ada`);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      main.getByRole('button', { name: 'Export user' }).click(),
    ]);
    t.equal(download.suggestedFilename(), 'ada.tar');
    const heir = operator.withTenant((await operator.tenants.create({ name: 'Heir' })).id);
    await heir.tasks.put('headlines', { labels: ['keep', 'skip'], training: { method: 'head' } });
    const imported = await heir.users.import(readFileSync(await download.path()));
    t.match(imported, { user: 'ada', tasks: [{ task: 'headlines', versions: 2, live: 1 }] });
  });

  await t.test('a user is erased once their id was typed, and the receipt is handed over', async (t) => {
    await go(`${tenantId}/models/headlines/ada`);
    await main.getByRole('button', { name: 'Erase…' }).click();
    const ask = dialog('Erase ada?');
    const confirm = ask.getByRole('button', { name: 'Erase for good' });
    t.ok(await confirm.isDisabled());
    await ask.getByLabel(/^Type the user id/).fill('grace');
    t.ok(await confirm.isDisabled(), 'another id does not do');
    await ask.getByLabel(/^Type the user id/).fill('ada');
    const [download] = await Promise.all([page.waitForEvent('download'), confirm.click()]);
    t.match(download.suggestedFilename(), /^erasure.*\.json$/);
    await main.getByRole('heading', { name: 'Models' }).waitFor();
    await main.getByRole('link', { name: 'grace' }).waitFor();
    t.equal(await main.getByRole('link', { name: 'ada', exact: true }).count(), 0);
    await t.rejects(client.models.get('headlines', 'ada'), { code: 'user_not_found' });
  });

  t.strictSame(complaints(), [], 'no error on the console, no violation of the policy');

  await t.test('a session that ended elsewhere leads to the sign-in, and from there back', async (t) => {
    // The page that asks most often is the first to hear of it.
    await go('cache');
    await main.getByRole('heading', { name: 'Cache and bases' }).waitFor();
    const second = await context.newPage();
    await second.goto(system.url);
    await second.getByRole('button', { name: 'Sign out' }).click();
    await second.getByLabel('Admin key').waitFor();
    await page.getByText('Your session has ended').waitFor();
    t.match(page.url(), /\/cache$/, 'the address stays');
    await signIn(page, system.operatorKey);
    await main.getByRole('heading', { name: 'Cache and bases' }).waitFor();
    await second.close();
  });
});

async function until(holds) {
  const deadline = Date.now() + 20_000;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`it never came true: ${holds}`);
    await new Promise((done) => setTimeout(done, 25));
  }
}

/** Whether a canvas holds more than one colour. */
function isDrawn(canvas) {
  return canvas.evaluate((element) => {
    const { data } = element.getContext('2d').getImageData(0, 0, element.width, element.height);
    return new Set(new Uint32Array(data.buffer)).size > 2;
  });
}
