import t from 'tap';
import { createClient, unwrapWebhook } from './index.js';

const secret = `whsec_${Buffer.from('a secret of twenty-four b').toString('base64')}`;
const other = `whsec_${Buffer.from('another secret of bytes!!').toString('base64')}`;
const at = Date.parse('2026-11-23T20:00:00Z');
const clock = () => at;
const body = JSON.stringify({
  type: 'job.succeeded',
  timestamp: '2026-11-23T20:00:00.000Z',
  data: { user: 'Größe' },
});

/** Signs with Node's own crypto, which the SDK does not use. */
async function signed(text = body, { key = secret, id = 'evt_1', seconds = at / 1000 } = {}) {
  const { createHmac } = await import('node:crypto');
  const bytes = Buffer.from(key.slice('whsec_'.length), 'base64');
  const signature = createHmac('sha256', bytes).update(`${id}.${seconds}.${text}`).digest('base64');
  return {
    'webhook-id': id,
    'webhook-timestamp': String(seconds),
    'webhook-signature': `v1,${signature}`,
  };
}

t.test('a genuine delivery becomes its event, from Headers or from Node’s headers', async (t) => {
  const headers = await signed();
  t.match(await unwrapWebhook(body, headers, secret, { clock }), {
    id: 'evt_1',
    type: 'job.succeeded',
    data: { user: 'Größe' },
  });
  t.equal((await unwrapWebhook(Buffer.from(body), new Headers(headers), secret, { clock })).id, 'evt_1');
  const client = createClient({ baseUrl: 'http://x', apiKey: 'scion_x', clock });
  t.equal((await client.webhooks.unwrap(body, headers, secret)).id, 'evt_1');
});

t.test('while a secret is rotated, either side may already use the new one', async (t) => {
  const [mine, theirs] = [await signed(), await signed(body, { key: other })];
  t.ok(await unwrapWebhook(body, mine, [other, secret], { clock }), 'two secrets, one signature');
  const both = `v1a,zzz ${theirs['webhook-signature']} ${mine['webhook-signature']}`;
  t.ok(
    await unwrapWebhook(body, { ...mine, 'webhook-signature': both }, secret, { clock }),
    'two signatures, one secret',
  );
});

t.test('what is forged, altered, replayed or cut is refused', async (t) => {
  const genuine = await signed();
  const refused: [string, string, Record<string, string>][] = [
    ['another secret', body, await signed(body, { key: other })],
    ['another body', `${body} `, genuine],
    ['another id', body, { ...genuine, 'webhook-id': 'evt_2' }],
    ['an old one', body, await signed(body, { seconds: at / 1000 - 301 })],
    ['one from the future', body, await signed(body, { seconds: at / 1000 + 301 })],
    ['no time', body, { ...genuine, 'webhook-timestamp': 'soon' }],
    ['no signature', body, { ...genuine, 'webhook-signature': '' }],
    ['no base64', body, { ...genuine, 'webhook-signature': 'v1,*' }],
    ['only an unknown scheme', body, { ...genuine, 'webhook-signature': 'v2,AAAA' }],
    ['no JSON', '{', await signed('{')],
  ];
  for (const [what, text, headers] of refused)
    await t.rejects(unwrapWebhook(text, headers, secret, { clock }), { code: 'webhook_invalid' }, what);
  await t.rejects(unwrapWebhook(body, genuine, 'secret', { clock }), TypeError, 'a secret that is none');
});

t.test('a body that a parser has had says what is wanted instead', async (t) => {
  const parsed = [JSON.parse(body), undefined, await new Response(body).arrayBuffer()];
  for (const wrong of parsed)
    await t.rejects(unwrapWebhook(wrong, await signed(), secret, { clock }), {
      name: 'TypeError',
      message: /bytes as they arrived/,
    });
});
