/** C2 of a courier alone, on a clock that the test moves: whatever takes the time, no call begins that could outlive its lease. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics } from '#runtime/metrics.ts';
import type { Vault } from '#runtime/vault/vault.ts';

import { type CourierParts, createCourier } from './courier.ts';
import type { ClaimedDelivery, Move } from './deliveries.ts';
import type { MessageProvider, SendOutcome } from './ports/provider.ts';

const startWithinMs = 5_000;

let moves: Move[];
let callsBegun: number;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] });
  moves = [];
  callsBegun = 0;
});
afterEach(() => void vi.useRealTimers());

const instance = { id: 'i_1', tenant: 'demo', provider: 'waha', settings: {} } as unknown as Instance;
const claimed = {
  tenant: 'demo',
  id: 'd_1',
  conversation: 'c_1',
  instance: 'i_1',
  content: Buffer.from('sealed'),
  attempts: 1,
  lane: 0,
  uncertain: false,
  fallback: null,
};
/** Claimed so long ago, milliseconds. */
const delivery = (ago = 0) => ({ ...claimed, askedAt: performance.now() - ago }) as unknown as ClaimedDelivery;

/** An adapter: asks for the file, then calls. */
const provider = {
  reaches: ['pn'],
  async send(_, message) {
    await message.readFile('f_1');
    callsBegun += 1;
    return { outcome: 'sent' };
  },
} as Partial<MessageProvider> as MessageProvider;

/** A courier whose parts take as long as is said, milliseconds. */
function courierWith(takes: { readonly preparing?: number; readonly reading?: number }) {
  const parts: Partial<{ [Part in keyof CourierParts]: unknown }> = {
    runtime: {
      vault: { open: () => Promise.resolve({ state: 'open', value: { content: {} } }) } as unknown as Vault,
      instances: { read: () => Promise.resolve(instance) },
      metrics: createMetrics(),
      logger: createLogger('silent'),
      now: Date.now,
    },
    deliveries: { move: (_: unknown, __: unknown, move: Move) => void moves.push(move) },
    providers: { waha: provider },
    personOf: () => Promise.resolve('p_1'),
    addressOf: () => {
      vi.advanceTimersByTime(takes.preparing ?? 0);
      return Promise.resolve({ state: 'open', value: 'pn:5511999990001' });
    },
    routeOf: () => Promise.resolve('i_1'),
    endpoints: { of: (one: Instance) => [one], failed: () => undefined },
    courtesies: { begin: () => 0 },
    objectionTo: () => Promise.resolve(undefined),
    readFile: () => {
      vi.advanceTimersByTime(takes.reading ?? 0);
      return Promise.resolve(Buffer.from('file'));
    },
    verdicts: {
      afterSend: (_: unknown, outcome: SendOutcome) =>
        Promise.resolve(
          outcome.outcome === 'sent'
            ? { to: 'settled', status: 'sent', reason: null, providerMessageIndex: null, result: null }
            : { to: 'queued', delayMs: 60_000, uncertain: outcome.outcome === 'unknown', countsAttempt: true },
        ),
    },
    startWithinMs,
  };
  return createCourier(parts as CourierParts);
}

const permit = { confirm: () => Promise.resolve(0), release: () => undefined };

describe('a call', () => {
  test('begins while there is time for it', async () => {
    await courierWith({ preparing: startWithinMs / 2, reading: startWithinMs / 2 }).attempt(delivery(), permit);
    expect([callsBegun, moves]).toMatchObject([1, [{ to: 'settled', status: 'sent' }]]);
  });

  test('does not begin once that was spent before it: the message is queued again, without an attempt', async () => {
    await courierWith({ preparing: startWithinMs + 1 }).attempt(delivery(), permit);
    expect([callsBegun, moves]).toMatchObject([0, [{ to: 'queued', uncertain: false, countsAttempt: false }]]);
  });

  test('does not begin for a process that stood still between its claim and the beginning', async () => {
    await courierWith({}).attempt(delivery(startWithinMs + 1), permit);
    expect([callsBegun, moves]).toMatchObject([0, [{ to: 'queued', uncertain: false, countsAttempt: false }]]);
  });

  test('that has time to begin does not begin after a file that had none to be read: it is tried again, and certainly was not sent', async () => {
    await courierWith({ preparing: startWithinMs - 10, reading: 11 }).attempt(delivery(), permit);
    expect([callsBegun, moves]).toMatchObject([0, [{ to: 'queued', uncertain: false }]]);
  });
});
