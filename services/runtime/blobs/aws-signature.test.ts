// Goal: signatures are Amazon's. Method: the four examples of the S3 API Reference ("Authenticating Requests: Using the
// Authorization Header"), whose signatures are published.
import { expect, test } from 'vitest';

import { signed } from './aws-signature.ts';

const key = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
  region: 'us-east-1',
};
const at = Date.UTC(2013, 4, 24);

test.each([
  {
    name: 'GET of an object',
    path: '/test.txt',
    headers: { range: 'bytes=0-9' },
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT of an object',
    method: 'PUT',
    path: '/test%24file.text',
    headers: { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    body: 'Welcome to Amazon S3.',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET of a setting of the bucket',
    path: '/?lifecycle',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'GET of a list',
    path: '/?max-keys=2&prefix=J',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
])('$name', ({ method = 'GET', path, headers = {}, body = '', signature }) => {
  const url = new URL(path, 'https://examplebucket.s3.amazonaws.com');
  const { authorization } = signed({ method, url, headers: { ...headers }, body: Buffer.from(body) }, key, at);
  expect(authorization).toContain(`Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request`);
  expect(authorization).toContain(`Signature=${signature}`);
});
