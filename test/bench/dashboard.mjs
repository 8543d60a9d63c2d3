// How soon the dashboard shows something, and how smoothly ten thousand rows scroll, in chromium against the embedded system.
// node test/bench/dashboard.mjs [loads, default 5]
import { createClient } from '@scion/sdk';
import { launchBrowser, noBrowser, signIn } from '../dashboard/browser.mjs';
import { examplesOf, football, garden } from '../dashboard/headlines.mjs';
import { startSystem } from '../dashboard/system.mjs';
import { fakeJobs } from '../dashboard/ten-thousand.mjs';
import { createReport } from './report.mjs';

if (noBrowser) throw new Error(noBrowser);
const loads = Number(process.argv[2] ?? 5);
const size = { width: 1280, height: 900 };
const quantile = (values, q) => values.toSorted((a, b) => a - b)[Math.ceil(q * values.length) - 1];
const report = createReport('dashboard');
const [system, browser] = await Promise.all([startSystem(), launchBrowser()]);
try {
  const operator = createClient({ baseUrl: system.url, apiKey: system.operatorKey });
  const client = operator.withTenant((await operator.tenants.create({ name: 'Bench' })).id);
  await client.tasks.put('headlines', { labels: ['keep', 'skip'], training: { method: 'head' } });
  await client.examples.append('headlines', 'ada', examplesOf(garden, football));
  const job = await client.jobs.wait((await client.jobs.create({ task: 'headlines', user: 'ada' })).id);
  await client.predict({ task: 'headlines', user: 'ada', inputs: garden });

  for (const cached of [false, true]) {
    const [paints, figures] = [[], []];
    const page = await browser.newPage({ viewport: size });
    await page.goto(system.url);
    await signIn(page, system.operatorKey);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Network.setCacheDisabled', { cacheDisabled: !cached });
    for (let load = 0; load < loads; load += 1) {
      await page.goto('about:blank');
      await page.goto(`${system.url}/#/overview`);
      await page.getByRole('list', { name: 'At a glance' }).waitFor();
      await page.locator('canvas').nth(2).waitFor();
      figures.push(await page.evaluate(() => performance.now()));
      paints.push(
        await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0].startTime),
      );
    }
    const how = cached ? 'files in the browser’s cache' : 'nothing cached';
    report.add(`overview, ${how}: first paint, median`, quantile(paints, 0.5), 'ms', '1000');
    report.add('the same, worst', Math.max(...paints), 'ms', '1000');
    report.add('figures and plots shown, median', quantile(figures, 0.5), 'ms');
    await page.close();
  }

  const page = await browser.newPage({ viewport: size });
  await page.goto(system.url);
  await signIn(page, system.operatorKey);
  await fakeJobs(page, job, 10_000);
  await page.goto(`${system.url}/#/jobs`);
  await page.getByRole('link', { name: 'user 0', exact: true }).waitFor();
  // To the end once, so that every part of the list has been fetched.
  const last = page.getByRole('link', { name: 'user 9999', exact: true });
  while ((await last.count()) === 0) {
    await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
    await page.waitForTimeout(50);
  }
  // The main thread's own time, which says more than frames do where the machine has other work.
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const mainThreadMs = async () => {
    const { metrics } = await devtools.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'TaskDuration').value * 1_000;
  };
  for (const [name, pixels] of Object.entries({ 'a wheel': 120, 'a swipe': 2_400, 'a dragged bar': 7_919 })) {
    await page.evaluate(() => scrollTo(0, 0));
    await page.waitForTimeout(500);
    const startedMs = await mainThreadMs();
    const frames = await page.evaluate(async (pixels) => {
      const times = [];
      let before = await new Promise(requestAnimationFrame);
      for (let frame = 0; frame < 300; frame += 1) {
        scrollTo(0, (frame * pixels) % (document.documentElement.scrollHeight - innerHeight));
        const now = await new Promise(requestAnimationFrame);
        times.push(now - before);
        before = now;
      }
      return times;
    }, pixels);
    report.add(`10,000 rows, scrolled as by ${name}: frame, median`, quantile(frames, 0.5), 'ms', '16.7');
    report.add('the same, 99th percentile', quantile(frames, 0.99), 'ms');
    report.add('the same, worst', Math.max(...frames), 'ms');
    report.add('the same, main thread a frame', ((await mainThreadMs()) - startedMs) / frames.length, 'ms');
  }
  report.write();
} finally {
  await browser.close();
  await system.stop();
}
