// Goal: signatures are those of Standard Webhooks. Method: the vector of its own test suites, and forgeries.
import { expect, test } from 'vitest';

import { signatureHeaders } from './signature.ts';

test('is that of the reference implementations', () => {
  // standard-webhooks/standard-webhooks, libraries/*: "sign function works".
  const headers = signatureHeaders(
    'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
    'msg_p5jXN8AQM9LWM0D4loKWxJek',
    1_614_265_330_000,
    '{"test": 2432232314}',
  );
  expect(headers).toEqual({
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  });
});

test('is another for any other id, time, body and secret', () => {
  const given = ['whsec_AAAA', 'wd_1', 1_000_000, 'body'] as const;
  const of = (...[secret, id, at, body]: readonly [string, string, number, string]) =>
    signatureHeaders(secret, id, at, body)['webhook-signature'];
  const all = [
    of(...given),
    of('whsec_AAAB', given[1], given[2], given[3]),
    of(given[0], 'wd_2', given[2], given[3]),
    of(given[0], given[1], 1_001_000, given[3]),
    of(given[0], given[1], given[2], 'bodY'),
  ];
  expect(new Set(all).size).toBe(all.length);
});
