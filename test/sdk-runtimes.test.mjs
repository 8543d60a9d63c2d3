// The packed SDK in every runtime it names: Node, Deno, Bun, and a page of another origin in a browser.
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { startRedis } from '@scion/testkit';
import t from 'tap';
import { startTestApi } from '../apps/api/dist/testing/test-api.js';
import { launchBrowser, noBrowser } from './dashboard/browser.mjs';
import { installPacked } from './sdk/packed.mjs';
import { runtimeCommand, runtimeNames } from './sdk/runtimes.mjs';

const folder = mkdtempSync(join(tmpdir(), 'scion-sdk-runtimes-'));
t.teardown(() => rmSync(folder, { recursive: true, force: true }));
const app = installPacked(folder);
cpSync(fileURLToPath(new URL('sdk/try-client.mjs', import.meta.url)), join(app, 'try-client.js'));
writeFileSync(
  join(app, 'main.js'),
  `import * as sdk from '@scion/sdk';
   import { tryManaging, tryPredicting } from './try-client.js';
   const given = JSON.parse(process.argv[2]);
   const results = {
     ...(await tryPredicting(sdk, given.predicting)),
     ...(await tryManaging(sdk, given.managing)),
   };
   console.log(JSON.stringify(results));`,
);

const page = createServer((request, response) => {
  if (request.url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end(html);
  else
    response
      .writeHead(200, { 'content-type': 'text/javascript' })
      .end(readFileSync(join(app, new URL(request.url, 'http://x').pathname)));
}).listen(0, '127.0.0.1');
await once(page, 'listening');
t.teardown(() => page.close());
const pageUrl = `http://127.0.0.1:${page.address().port}`;
const html = `<!doctype html><link rel="icon" href="data:,"><script type="importmap">${JSON.stringify({
  imports: {
    '@scion/sdk': './node_modules/@scion/sdk/dist/index.js',
    'eventsource-parser': './node_modules/eventsource-parser/dist/index.js',
  },
})}</script>`;

const redis = await startRedis();
t.teardown(() => redis.close());
const api = await startTestApi(t, { redis: redis.connect(), settings: { corsOrigins: [pageUrl] } });
const baseUrl = await api.app.listen({ host: '127.0.0.1', port: 0 });
const tenant = await api.createTenant();
await api.registry.tasks.put(tenant.id, 'feed', { labels: ['like', 'hide'] }, { base: 'test-base' });
await api.publish({ tenantId: tenant.id, task: 'feed', user: 'ada' });
const predicting = { baseUrl, key: tenant.predict, user: 'ada' };

const secret = Buffer.from('a secret of twenty-four b');
const body = JSON.stringify({ type: 'ping', timestamp: new Date(api.time.now).toISOString(), data: {} });
const seconds = Math.floor(api.time.now / 1000);
const delivery = {
  body,
  at: api.time.now,
  secret: `whsec_${secret.toString('base64')}`,
  headers: {
    'webhook-id': 'evt_1',
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${createHmac('sha256', secret).update(`evt_1.${seconds}.${body}`).digest('base64')}`,
  },
};

const predicted = {
  answer: [1, ['like', 'like']],
  users: [
    ['ada', 'answered'],
    ['nobody', 'model_not_trained'],
  ],
  forbidden: true,
  aborted: 'Error: no longer wanted',
  closed: { name: 'ScionError', code: 'network_error' },
};
const managed = {
  ids: ['ba', 'bb', 'ga', 'gb'],
  states: ['queued', 'cancelled'],
  event: 'evt_1',
  forged: 'webhook_invalid',
};

for (const name of ['node', ...runtimeNames]) {
  const command = name === 'node' ? [process.execPath] : runtimeCommand(name);
  const skip = command ? false : `no ${name} here: npm run runtimes -w @scion/sdk gets it`;
  t.test(`${name} predicts, manages, follows a job and verifies a webhook`, { skip }, async (t) => {
    const managing = { baseUrl, key: tenant.all, user: `user of ${name}`, delivery };
    const [program, ...args] = [...command, 'main.js', JSON.stringify({ predicting, managing })];
    const { stdout } = await promisify(execFile)(program, args, {
      cwd: app,
      env: { PATH: '', HOME: folder },
    });
    t.strictSame(JSON.parse(stdout), { ...predicted, ...managed });
  });
}

t.test(
  'a page of another origin asks with a key that may predict and no more',
  { skip: noBrowser },
  async (t) => {
    const browser = await launchBrowser();
    t.teardown(() => browser.close());
    const tab = await browser.newPage();
    const run = () =>
      tab.evaluate(async (given) => {
        const modules = ['./try-client.js', '@scion/sdk'];
        const [{ tryPredicting }, sdk] = await Promise.all(modules.map((name) => import(name)));
        return tryPredicting(sdk, given);
      }, predicting);
    await tab.goto(pageUrl);
    t.strictSame(await run(), predicted);
    // The same server under a name that the API was not told of.
    await tab.goto(pageUrl.replace('127.0.0.1', 'localhost'));
    await t.rejects(run(), /network_error|connection to/, 'an origin that was not named gets no answer');
  },
);
