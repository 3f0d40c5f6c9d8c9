/** Several senders, and any faults: each message at most once, in order within its chat. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { DeliveryUpdated } from '#schemas/records.ts';

import { startSender } from './sender.ts';
import { quick, texts, useSenderWorld } from './testing/sender-world.ts';

const here = useSenderWorld();
const { sender, waha, chatOn, ask, outcome, recordsOf, shown, workerRuntime } = here;

describe('two senders at once', () => {
  test('send each message once, in order per chat, and report each once', async () => {
    const { fake, instance } = await waha();
    const chats = await Promise.all(Array.from({ length: 6 }, () => chatOn(instance)));
    await sender();
    await sender({}, workerRuntime());
    const wanted = Array.from({ length: 15 }, (_, i) => `n${i}`);
    fake.fault({ kind: 'status', status: 503, times: 7 });
    const asked = await Promise.all(chats.map((chat) => ask(chat, ...wanted)));
    const ids = asked.flat();
    await outcome(ids);
    for (const chat of chats) expect(texts(fake, chat)).toEqual(wanted);
    expect(fake.messages.every(({ sends }) => sends === 1)).toBe(true);
    const updates = await recordsOf<DeliveryUpdated>('delivery.updated', ids);
    expect(updates.map(({ deliveryId }) => deliveryId).sort()).toEqual([...ids].sort());
  });

  test('take over from one another when one stops', async () => {
    const chat = await chatOn(here.simulator);
    const first = await sender();
    await sender({}, workerRuntime());
    await outcome(await ask(chat, '1', '2'));
    await first.stop();
    await outcome(await ask(chat, '3', '4'));
    expect((await shown(chat)).map(({ text }) => text)).toEqual(['1', '2', '3', '4']);
  });
});

describe('any number of chats with any faults', () => {
  const fault = fc.constantFrom(
    { kind: 'status', status: 503 } as const,
    { kind: 'status', status: 429 } as const,
    { kind: 'status', status: 400 } as const,
    { kind: 'drop-before' } as const,
    { kind: 'drop-after' } as const,
    { kind: 'fail-after' } as const,
    { kind: 'delay', ms: 20 } as const,
    { kind: 'garbled' } as const,
  );

  test('each chat has its messages in order, each at most once; missing ones are failed or unknown, extra ones none', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }),
        fc.array(fault, { maxLength: 8 }),
        fc.constantFrom('NOWEB' as const, 'WEBJS' as const),
        async (sizes, faults, engine) => {
          const { fake, instance } = await waha({ engine });
          for (const one of faults) fake.fault(one);
          const service = await startSender(here.worker, {
            ...quick,
            retryDelaysMs: [0, 5, 10, 15],
            lookupDelaysMs: [5, 10],
          });
          try {
            for (const size of sizes) {
              const chat = await chatOn(instance);
              const wanted = Array.from({ length: size }, (_, i) => `${chat.phone} ${i}`);
              const found = await outcome(await ask(chat, ...wanted));
              const received = texts(fake, chat);
              const sent = wanted.filter((_, i) => found[i]?.status === 'sent');
              expect(received.filter((text) => sent.includes(text))).toEqual(sent);
              expect(received).toEqual(wanted.filter((text) => received.includes(text)));
              const failed = wanted.filter((_, i) => ['failed', 'manual'].includes(found[i]?.status ?? ''));
              expect(received.filter((text) => failed.includes(text))).toEqual([]);
            }
          } finally {
            await service.stop();
          }
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);
});
