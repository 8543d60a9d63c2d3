// Writes docs/images/dashboard-*.png, every page in both themes, from a real run: npm run screenshots -w @scion/dashboard
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClient } from '@scion/sdk';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { toPalette } from './palette-png.mjs';
import { startReceiver } from './receiver.mjs';
import { startSystem } from './system.mjs';
import { growReaders } from './world.mjs';

const mostBytes = 1_500_000;
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const size = { width: 1200, height: 860 };

if (noBrowser) throw new Error(noBrowser);
mkdirSync(folder, { recursive: true });
for (const name of readdirSync(folder)) if (name.startsWith('dashboard-')) rmSync(folder + name);

const system = await startSystem();
const receiver = await startReceiver();
const browser = await launchBrowser();
let total = 0;
try {
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const other = await operator.tenants.create({ name: 'Acme Support', weight: 2 });
  const tenant = await operator.tenants.create({ name: 'Orchard News', concurrentJobs: 4 });
  const client = operator.withTenant(tenant.id);
  await client.keys.create({ name: 'news backend', scopes: ['train', 'predict'] });
  await client.webhooks.create({ url: receiver.url });
  const jobs = await growReaders(client, operator.withTenant(other.id));
  const earlier = (await client.jobs.list({ user: 'ada@example.com' })).data[1].id;

  const at = tenant.id;
  const pages = {
    overview: ['overview?range=15m', (main) => main.locator('canvas').nth(8)],
    jobs: ['jobs', (main) => main.getByRole('link').first()],
    job: [
      `${at}/jobs/${jobs['ada@example.com'].id}?with=${earlier}&scale=log`,
      (main) => main.locator('canvas'),
    ],
    models: [`${at}/models`, (main) => main.getByRole('link').first()],
    model: [`${at}/models/headlines/linus@example.com`, (main) => main.locator('canvas').first()],
    playground: [`${at}/playground`, (main) => main.getByRole('textbox').first()],
    tenants: ['tenants', (main) => main.getByText('Operator keys')],
    tenant: [`${at}/tenant`, (main) => main.getByRole('heading').first()],
    webhooks: [`${at}/tenant/webhooks`, (main) => main.getByRole('button', { name: /Replay/ }).first()],
    cache: ['cache', (main) => main.getByText('Resident adapters')],
  };
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({
      viewport: size,
      locale: 'en-GB',
      colorScheme,
      reducedMotion: 'reduce',
    });
    const { page, complaints } = await watchedPage(context);
    const main = page.getByRole('main');
    const shoot = async (name) => {
      await page.mouse.move(2, size.height - 2);
      await page.evaluate(() => document.activeElement.blur());
      // Two more frames, for plots to be drawn and the navigation's mark to follow.
      await page.evaluate(
        () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))),
      );
      const png = toPalette(await page.screenshot());
      writeFileSync(`${folder}dashboard-${name}-${colorScheme}.png`, png);
      total += png.length;
      console.log(`dashboard-${name}-${colorScheme}.png: ${png.length} bytes`);
    };
    await page.goto(system.url);
    await page.getByLabel('Admin key').waitFor();
    await shoot('sign-in');
    await signIn(page, system.operatorKey);
    for (const [name, [path, ready]] of Object.entries(pages)) {
      await page.goto(`${system.url}/#/${path}`);
      await ready(main).waitFor();
      while ((await main.locator('.loading').count()) > 0) await page.waitForTimeout(50);
      if (name === 'playground') {
        await main.getByRole('textbox').first().fill('Old orchard saved by volunteers with pruning saws');
        await main
          .getByText(/^version \d/)
          .nth(2)
          .waitFor();
      }
      await shoot(name);
    }
    if (complaints().length > 0) throw new Error('the page complained; run the dashboard test');
    await context.close();
  }
  if (total > mostBytes) throw new Error(`${total} bytes in all, more than ${mostBytes}`);
  console.log(`${total} bytes in all`);
} finally {
  await browser.close();
  await receiver.close();
  await system.stop();
}
