/** How many calls an account may have in flight. */
import { expect, test } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';

import { callsAtOnce } from './limits.ts';

const account = (provider: Instance['provider'], limits: SendLimits = {}): Instance => ({
  id: 'i_1',
  tenant: 'demo',
  line: 'l_1',
  provider,
  name: provider,
  settings: { limits },
  credentials: { webhookToken: 'invented' },
});

test('a Cloud number has as many calls in flight as its limit needs, of a quarter of a second each', () => {
  expect(callsAtOnce(account('cloud'))).toBe(20);
  expect(callsAtOnce(account('cloud', { perSecond: 1_000 }))).toBe(250);
  expect(callsAtOnce(account('cloud', { perSecond: null }))).toBe(256);
  expect(callsAtOnce(account('cloud', { coexistence: true }))).toBe(8);
});

test.each(['waha', 'evolution', 'baileys', 'simulator'] as const)(
  'an account of %s, which is one session, has eight whatever its limits',
  (provider) => {
    expect(callsAtOnce(account(provider))).toBe(8);
    expect(callsAtOnce(account(provider, { perSecond: 1_000 }))).toBe(8);
  },
);
