// Writes docs/images/dashboard-{light,dark}.png from a real run: npm run screenshots -w @scion/dashboard
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createClient } from '@scion/sdk';
import { launchBrowser, noBrowser, signIn, watchedPage } from './browser.mjs';
import { startSystem } from './system.mjs';

const largestBytes = 200_000;
const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));

if (noBrowser) throw new Error(noBrowser);
mkdirSync(folder, { recursive: true });
const system = await startSystem('--demo');
const browser = await launchBrowser();
try {
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const [tenant] = (await operator.tenants.list()).data;
  const [job] = (await operator.withTenant(tenant.id).jobs.list({ state: 'succeeded' })).data;
  for (const colorScheme of ['light', 'dark']) {
    const context = await browser.newContext({
      viewport: { width: 1280, height: 900 },
      locale: 'en-GB',
      colorScheme,
    });
    const { page } = await watchedPage(context);
    await signIn(page, system.url, system.operatorKey);
    await page.goto(`${system.url}/#/${tenant.id}/jobs/${job.id}`);
    await page.locator('#section-jobs canvas').waitFor();
    await page.locator('#section-models .details').getByText('Adapter SHA-256').waitFor();
    await page.locator('#section-models tbody .number').first().getByText(/^v\d/).waitFor();
    await page.evaluate(() => scrollTo({ top: 0, behavior: 'instant' }));
    // Bars and leaves have taken their final shape.
    await page.evaluate(() =>
      Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))),
    );
    const path = `${folder}dashboard-${colorScheme}.png`;
    await page.screenshot({ path });
    const { size } = statSync(path);
    if (size > largestBytes) throw new Error(`${path} has ${size} bytes, more than ${largestBytes}`);
    console.log(`${path}: ${size} bytes`);
    await context.close();
  }
} finally {
  await browser.close();
  await system.stop();
}
