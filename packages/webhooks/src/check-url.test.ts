import t from 'tap';
import { checkWebhookUrl } from './index.js';

const publicHost = async () => ['93.184.216.34'];
const strict = { allowPrivateAddresses: false, resolve: publicHost };

t.test('an https URL of a public host is accepted', async () => {
  await checkWebhookUrl('https://hooks.example.com/scion?team=1', strict);
  await checkWebhookUrl('https://8.8.8.8:8443/', strict);
});

t.test('a URL that reveals credentials, hides its target or is not https is refused', async (t) => {
  for (const url of [
    'http://hooks.example.com/',
    'ftp://hooks.example.com/',
    'file:///etc/passwd',
    'https://user:secret@hooks.example.com/',
    'https://hooks.example.com/#part',
    '//hooks.example.com/',
    'nonsense',
    '',
  ]) {
    await t.rejects(checkWebhookUrl(url, strict), { code: 'webhook_url_refused' }, url);
  }
});

t.test('an inner address is refused in every spelling a URL allows', async (t) => {
  for (const host of [
    '127.0.0.1',
    '127.1',
    '0x7f.0.0.1',
    '0177.0.0.1',
    '2130706433',
    '169.254.169.254',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '[fd00:ec2::254]',
    '１２７.0.0.1',
  ]) {
    await t.rejects(checkWebhookUrl(`https://${host}/`, strict), { code: 'webhook_url_refused' }, host);
  }
});

t.test('a name is refused when any of its addresses is inner', async (t) => {
  const mixed = async () => ['93.184.216.34', '10.0.0.8'];
  await t.rejects(
    checkWebhookUrl('https://hooks.example.com/', { allowPrivateAddresses: false, resolve: mixed }),
    { code: 'webhook_url_refused' },
  );
});

t.test('the answer does not tell an inner name from an unknown one', async (t) => {
  const details: string[] = [];
  for (const resolve of [
    async () => ['10.0.0.8'],
    async () => [],
    async () => Promise.reject(new Error('ENOTFOUND')),
  ]) {
    const rules = { allowPrivateAddresses: false, resolve };
    await checkWebhookUrl('https://inner.example.com/', rules).catch((error) => details.push(error.detail));
  }
  t.equal(details.length, 3);
  t.equal(new Set(details).size, 1);
});

t.test('where private addresses are allowed, http and loopback are', async () => {
  await checkWebhookUrl('http://127.0.0.1:8080/hook', { allowPrivateAddresses: true });
});
