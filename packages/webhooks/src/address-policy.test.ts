import fc from 'fast-check';
import t from 'tap';
import { isPublicAddress } from './address-policy.js';

const refused = {
  loopback: ['127.0.0.1', '127.255.255.254', '::1', '0:0:0:0:0:0:0:1'],
  'this host': ['0.0.0.0', '0.1.2.3', '::'],
  private: ['10.0.0.1', '172.16.0.1', '172.31.255.255', '192.168.1.1'],
  'unique local': ['fc00::1', 'fd00:ec2::254'],
  'link-local and metadata': ['169.254.0.1', '169.254.169.254', 'fe80::1', 'fe80::1%eth0'],
  'site-local (deprecated)': ['fec0::1'],
  'carrier-grade NAT and its metadata': ['100.64.0.1', '100.100.100.200', '100.127.255.255'],
  'IETF protocol assignments and their metadata': ['192.0.0.192'],
  'platform endpoints with public numbers': ['168.63.129.16'],
  'IPv4-mapped, even of a public address': ['::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:8.8.8.8'],
  'IPv4-compatible': ['::127.0.0.1', '::8.8.8.8'],
  'NAT64 and 6to4 and Teredo': ['64:ff9b::7f00:1', '64:ff9b:1::1', '2002:7f00:1::1', '2001:0:1::1'],
  documentation: ['192.0.2.1', '198.51.100.1', '203.0.113.1', '2001:db8::1'],
  benchmarking: ['198.18.0.1', '198.19.255.255'],
  'multicast, broadcast and reserved': ['224.0.0.1', '255.255.255.255', '240.0.0.1', 'ff02::1'],
  'not an address': ['', 'localhost', 'example.com', '1.2.3', '1.2.3.4.5'],
};

for (const [range, addresses] of Object.entries(refused)) {
  t.test(`${range} is not public`, async (t) => {
    for (const address of addresses) t.equal(isPublicAddress(address), false, address || '(empty)');
  });
}

t.test('global unicast is public', async (t) => {
  for (const address of ['8.8.8.8', '93.184.216.34', '172.15.255.255', '172.32.0.1', '2606:4700::1111']) {
    t.equal(isPublicAddress(address), true, address);
  }
});

t.test(
  'an address is judged alike however it is written, and its IPv4-mapped form never passes',
  async () => {
    fc.assert(
      fc.property(fc.ipV4(), (address) => {
        const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
        const isInner =
          a === 10 || a === 127 || (a === 172 && b >= 16 && b < 32) || (a === 192 && b === 168) || a >= 224;
        const mapped = `::ffff:${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        return !(isInner && isPublicAddress(address)) && !isPublicAddress(mapped);
      }),
    );
  },
);
