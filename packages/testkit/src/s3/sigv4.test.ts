import { createHash } from 'node:crypto';
import t from 'tap';
import { signatureOf } from './sigv4.js';

// The worked examples of https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html.
const secret = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const emptyHash = createHash('sha256').update('').digest('hex');
const common = { host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': '20130524T000000Z' };

const examples = [
  {
    name: 'GET Object',
    request: { method: 'GET', target: '/test.txt', headers: { ...common, range: 'bytes=0-9' } },
    names: 'host;range;x-amz-content-sha256;x-amz-date',
    hash: emptyHash,
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT Object',
    request: {
      method: 'PUT',
      target: '/test$file.text',
      headers: {
        ...common,
        date: 'Fri, 24 May 2013 00:00:00 GMT',
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      },
    },
    names: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    hash: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET Bucket Lifecycle',
    request: { method: 'GET', target: '/?lifecycle', headers: common },
    names: 'host;x-amz-content-sha256;x-amz-date',
    hash: emptyHash,
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'GET Bucket (List Objects)',
    request: { method: 'GET', target: '/?max-keys=2&prefix=J', headers: common },
    names: 'host;x-amz-content-sha256;x-amz-date',
    hash: emptyHash,
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

for (const { name, request, names, hash, signature } of examples) {
  await t.test(`the published signature of ${name} comes out`, async (t) => {
    const headers = { ...request.headers, 'x-amz-content-sha256': hash };
    t.equal(
      signatureOf({ ...request, headers }, { names, date: '20130524', region: 'us-east-1' }, secret),
      signature,
    );
  });
}
