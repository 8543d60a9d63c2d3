// What an operator sets for a tenant: nothing is lost by saving, nothing acts on one click too many, nothing is out of reach.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createClient } from '@scion/sdk';
import t from 'tap';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { startSystem } from './system.mjs';

t.setTimeout(240_000);

t.test('an operator sets what is a tenant’s', { skip: noBrowser }, async (t) => {
  const [system, browser] = await Promise.all([startSystem(), launchBrowser()]);
  t.teardown(system.stop);
  t.teardown(() => browser.close());
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const tenant = await operator.tenants.create({ name: 'Orchard Mail' });
  const client = operator.withTenant(tenant.id);
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, locale: 'en-GB' });
  context.setDefaultTimeout(30_000);
  const { page } = await watchedPage(context);
  const main = page.getByRole('main');
  const go = (path) => page.goto(`${system.url}/#/${path}`);
  const dialog = (name) => page.getByRole('dialog', { name });
  await page.goto(system.url);
  await signIn(page, system.operatorKey);

  await t.test('saving a task in the editor keeps what the editor does not show', async (t) => {
    const spec = {
      labels: ['keep', 'skip'],
      untrained: 'majority',
      abstainBelow: 0.07,
      minExamplesPerLabel: 5,
      maxExamplesPerUser: 300,
      retention: { lastVersions: 3, liveDays: 7 },
      training: { method: 'head' },
      retrain: { schedule: '30 */6 * * *', atMostEverySeconds: 60 },
    };
    const task = await client.tasks.put('mails', spec);
    const { updatedAt: _, ...before } = task;
    await go(`${tenant.id}/tenant/tasks`);
    const row = main.getByRole('row').filter({ hasText: 'mails' });
    await row.getByText('most frequent label').waitFor();
    await row.getByText('at 30 */6 * * * UTC').waitFor({ state: 'attached' });
    await row.getByRole('button', { name: 'Edit' }).click();
    const editor = dialog('Task mails');
    t.equal(await editor.getByLabel('Abstain below, %').inputValue(), '7');
    t.equal(await editor.getByLabel('A user without a model').inputValue(), 'majority');
    await editor.getByRole('button', { name: 'Save' }).click();
    await editor.waitFor({ state: 'detached' });
    const [{ updatedAt, ...after }] = (await client.tasks.list()).data;
    t.strictSame(after, before);
    t.not(updatedAt, task.updatedAt, 'it was saved');
    // What it does show can be taken away.
    await client.tasks.put('nights', { retrain: { afterExamples: 20, nightly: true } });
    await page.reload();
    await main.getByRole('button', { name: 'Edit the task nights' }).click();
    await dialog('Task nights').getByLabel('Retrain after, examples').fill('');
    await dialog('Task nights').getByLabel('Retrain each night').uncheck();
    await dialog('Task nights').getByRole('button', { name: 'Save' }).click();
    await dialog('Task nights').waitFor({ state: 'detached' });
    // A list is read from the store, while what one task is may be remembered for a second.
    const { data } = await client.tasks.list();
    const { retrain } = data.find(({ name }) => name === 'nights');
    t.notOk(retrain?.nightly || retrain?.afterExamples);
  });

  await t.test('a new task takes no name that another one has', async (t) => {
    const before = await client.tasks.get('mails');
    await go(`${tenant.id}/tenant/tasks`);
    await main.getByRole('button', { name: 'New task' }).click();
    const editor = dialog('New task');
    const name = editor.getByRole('textbox', { name: /^Name/ });
    await name.fill('mails');
    await editor.getByRole('button', { name: 'Save' }).click();
    await editor.getByText('A task of this name is there already').waitFor();
    await page.setViewportSize({ width: 320, height: 900 });
    const excess = await editor.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth);
    t.equal(excess, 0, 'the editor fits a telephone');
    await page.setViewportSize({ width: 1280, height: 900 });
    t.equal(await name.getAttribute('aria-invalid'), 'true');
    t.strictSame(await client.tasks.get('mails'), before);
    await name.fill('letters');
    await editor.getByRole('button', { name: 'Save' }).click();
    await main.getByRole('link', { name: 'letters' }).waitFor();
    t.match(await client.tasks.get('letters'), { untrained: 'error' });
  });

  const webhooks = `${tenant.id}/tenant/webhooks`;

  await t.test(
    'a webhook’s secret is rotated once it was confirmed, and once however often it is clicked',
    async (t) => {
      const { id } = await client.webhooks.create({ url: 'http://127.0.0.1:9/nobody-listens' });
      await go(webhooks);
      const ask = dialog('Rotate the signing secret?');
      await main.getByRole('button', { name: 'Rotate secret' }).dblclick();
      await ask.getByRole('button', { name: 'Keep as it is' }).click();
      await ask.waitFor({ state: 'detached' });
      t.equal((await client.webhooks.get(id)).previousSecretUntil, null, 'nothing happens without a yes');

      let rotations = 0;
      let letPass;
      const passes = new Promise((done) => {
        letPass = done;
      });
      await page.route(/rotate-secret/, async (route) => {
        rotations += 1;
        await passes;
        await route.continue();
      });
      await main.getByRole('button', { name: 'Rotate secret' }).click();
      await ask.getByRole('button', { name: 'Rotate' }).dblclick();
      letPass();
      const shown = dialog('The new signing secret');
      t.match(await shown.locator('pre').textContent(), /^whsec_/);
      t.equal(rotations, 1);
      await page.unroute(/rotate-secret/);
      await shown.getByRole('button', { name: 'I have kept it' }).click();
      await shown.waitFor({ state: 'detached' });
      t.equal(await page.getByRole('dialog').count(), 0);
      t.ok((await client.webhooks.get(id)).previousSecretUntil, 'the one before signs too');
      await main.getByRole('button', { name: 'Rotate secret' }).click();
      await ask.getByText('stops at once').waitFor();
      await ask.getByRole('button', { name: 'Keep as it is' }).click();
      await client.webhooks.delete(id);
    },
  );

  await t.test('an event is not said to be sent again to a webhook that is disabled', async (t) => {
    const gone = createServer((_, response) => response.writeHead(410).end()).listen(0, '127.0.0.1');
    await once(gone, 'listening');
    t.teardown(() => gone.close());
    const { id } = await client.webhooks.create({ url: `http://127.0.0.1:${gone.address().port}/hook` });
    await client.examples.append('mails', 'ada', [{ input: 'An offer', label: 'skip' }]);
    await client.users.erase('ada');
    await go(webhooks);
    await main.getByText('disabled').waitFor();
    await main
      .getByRole('button', { name: /^Replay event/ })
      .first()
      .click();
    await main.getByText('enable it first').waitFor();
    t.equal(await main.getByText('is sent again').count(), 0);
    await main.getByRole('button', { name: 'Enable' }).click();
    await main.getByText('The webhook is enabled again.').waitFor();
    await main
      .getByRole('button', { name: /^Replay event/ })
      .first()
      .click();
    await main.getByText('is sent again').waitFor();
    await client.webhooks.delete(id);
  });

  await t.test(
    'the last of more tenants than a page holds has its name, its share and all its keys',
    async (t) => {
      const others = Array.from({ length: 100 }, (_, at) => operator.tenants.create({ name: `Other ${at}` }));
      await Promise.all(others);
      const last = await operator.tenants.create({ name: 'Zinnia Post' });
      const { data } = await operator.tenants.list();
      t.notOk(
        data.some(({ id }) => id === last.id),
        'it is on no first page',
      );
      await go(`${last.id}/tenant`);
      await page.reload();
      await main.getByRole('heading', { name: 'Zinnia Post' }).waitFor();
      t.match(await page.locator('.tenant-picker option:checked').textContent(), 'Zinnia Post');
      await main.getByRole('button', { name: 'Edit share and quotas' }).click();
      await dialog('Tenant Zinnia Post').getByLabel('Weight').fill('3');
      await dialog('Tenant Zinnia Post').getByRole('button', { name: 'Save' }).click();
      await dialog('Tenant Zinnia Post').waitFor({ state: 'detached' });
      t.match(await operator.tenants.get(last.id), { name: 'Zinnia Post', weight: 3 });

      const theirs = operator.withTenant(last.id);
      const names = Array.from({ length: 101 }, (_, at) => `key-${at}`);
      for (const name of names) await theirs.keys.create({ name, scopes: ['predict'] });
      const listed = new Set((await theirs.keys.list()).data.map(({ name }) => name));
      const behind = names.find((name) => !listed.has(name));
      await main.getByRole('link', { name: 'Keys' }).click();
      await main.getByRole('button', { name: 'Show more keys' }).waitFor();
      t.equal(await main.getByText(behind, { exact: true }).count(), 0);
      await main.getByRole('button', { name: 'Show more keys' }).click();
      await main.getByRole('button', { name: `Delete the key ${behind}`, exact: true }).click();
      await dialog(/^Delete the key/)
        .getByRole('button', { name: 'Delete key' })
        .click();
      await main.getByText(behind, { exact: true }).waitFor({ state: 'detached' });
      await main.getByText([...listed][0], { exact: true }).waitFor();
      const left = (await theirs.keys.list()).data;
      t.strictSame([left.length, left.some(({ name }) => name === behind)], [100, false]);
    },
  );

  await t.test(
    'the last of more tasks than a page holds is edited, is the one that the playground asks, and is deleted',
    async (t) => {
      const { id } = await operator.tenants.create({ name: 'Many Tasks' });
      const theirs = operator.withTenant(id);
      const names = Array.from({ length: 101 }, (_, at) => `task-${at}`);
      for (const name of names) await theirs.tasks.put(name, { labels: ['keep', 'skip'] });
      const listed = new Set((await theirs.tasks.list()).data.map(({ name }) => name));
      const behind = names.find((name) => !listed.has(name));
      const act = async (what) => {
        await main.getByRole('button', { name: 'Show more tasks' }).click();
        await main.getByRole('button', { name: `${what} the task ${behind}`, exact: true }).click();
      };
      await go(`${id}/tenant/tasks`);
      await act('Edit');
      await dialog(`Task ${behind}`).getByLabel('Abstain below, %').fill('40');
      await dialog(`Task ${behind}`).getByRole('button', { name: 'Save' }).click();
      await dialog(`Task ${behind}`).waitFor({ state: 'detached' });
      t.equal((await theirs.tasks.get(behind)).abstainBelow, 0.4);

      await go(`${id}/playground?task=${behind}`);
      const chosen = main.getByRole('combobox', { name: 'Task' });
      await chosen.waitFor();
      t.equal(await chosen.inputValue(), behind);
      await go(`${id}/playground?task=nowhere`);
      await main.getByText('No task nowhere').waitFor();
      t.equal(await chosen.count(), 0, 'no other task takes its place');
      await main.getByRole('link', { name: 'Ask another one' }).click();
      await chosen.waitFor();
      t.ok(listed.has(await chosen.inputValue()));

      await go(`${id}/tenant/tasks`);
      await act('Delete');
      await dialog(`Delete the task ${behind}?`)
        .getByLabel(/^Type the task’s name/)
        .fill(behind);
      await dialog(`Delete the task ${behind}?`).getByRole('button', { name: 'Delete task' }).click();
      await dialog(`Delete the task ${behind}?`).waitFor({ state: 'detached' });
      await main.getByText([...listed][0], { exact: true }).waitFor();
      t.strictSame(new Set((await theirs.tasks.list()).data.map(({ name }) => name)), listed);
    },
  );
});
