/** Bounds as numbers: whatever is asked for, and whenever. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Instance, Provider } from '#runtime/instances/instances.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';

import { shareOf } from './adapters/redis-rate-windows.ts';
import type { ClaimedDelivery } from './deliveries.ts';
import { laneOf } from './lanes.ts';
import { createPermits } from './permits.ts';
import { LocalWindows, processWindows } from './rate-windows.ts';

/** The most of any stretch of `windowMs`. */
const peak = (times: readonly number[], windowMs: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length));

describe('a window', () => {
  const steps = fc.array(fc.tuple(fc.nat(700), fc.integer({ min: 1, max: 9 }), fc.nat(4)), { maxLength: 80 });

  test('never grants more than its bound in any stretch of its length, and all of it to who waits as told', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), (asked, max) => {
        let now = 0;
        const windows = new LocalWindows(() => now);
        const bound = [{ key: 'k', max, windowMs: 1_000 }];
        const times: number[] = [];
        for (const [pause, wanted, unused] of asked) {
          now += pause;
          const { granted, waitMs } = windows.take(bound, wanted);
          expect(granted === wanted).toBe(waitMs === 0);
          const back = Math.min(unused, granted);
          windows.giveBack(bound, back);
          for (let i = 0; i < granted - back; i += 1) times.push(now);
          if (granted < wanted && back === 0) {
            now += waitMs;
            expect(windows.take(bound, 1).granted).toBe(1);
            times.push(now);
          }
        }
        expect(peak(times, 1_000)).toBeLessThanOrEqual(max);
      }),
      { numRuns: 500 },
    );
  });

  test('that is asked with another grants what both do', () => {
    const windows = new LocalWindows(() => 0);
    const [narrow, wide] = [
      { key: 'a', max: 3, windowMs: 5_000 },
      { key: 'b', max: 10, windowMs: 1_000 },
    ];
    expect(windows.take([narrow, wide], 5)).toEqual({ granted: 3, waitMs: 5_000, at: 0 });
    expect(windows.take([wide], 10)).toEqual({ granted: 7, waitMs: 1_000, at: 0 });
  });

  test('counts what lasted from its end, once it is renewed', () => {
    let now = 0;
    const windows = new LocalWindows(() => now);
    const bound = [{ key: 'k', max: 1, windowMs: 1_000 }];
    const { at } = windows.take(bound, 1);
    now = 600;
    windows.renew(bound, at);
    now = 1_599;
    expect(windows.take(bound, 1)).toMatchObject({ granted: 0, waitMs: 1 });
    now = 1_600;
    expect(windows.take(bound, 1)).toMatchObject({ granted: 1 });
  });

  test('is shared by no more than its rate, also where there are more senders than permits', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 1_000 }),
        fc.integer({ min: 1, max: 64 }),
        fc.constantFrom(1_000, 60_000),
        (max, senders, windowMs) => {
          const share = shareOf({ key: 'k', max, windowMs }, senders);
          expect(share.max).toBeGreaterThanOrEqual(1);
          expect((senders * share.max) / share.windowMs).toBeLessThanOrEqual(max / windowMs + 1e-9);
        },
      ),
    );
  });
});

describe('permits', () => {
  const instanceOf = (provider: Provider, limits?: SendLimits): Instance => ({
    id: 'i_1',
    tenant: 'demo',
    line: 'l_1',
    provider,
    name: 'n',
    settings: limits === undefined ? {} : { limits },
    credentials: { webhookToken: 't' },
  });

  /** Sends as much as may be sent for `forMs`, to `chats` in turn; the times of it by chat. */
  async function flood(instance: Instance, lane: number, chats: number, forMs: number) {
    let now = 1_000_000;
    const until = now + forMs;
    const runtime = { instances: { read: () => Promise.resolve(instance) } as never, now: () => now };
    const permits = createPermits(
      runtime,
      processWindows(() => now),
    );
    const sent: { readonly at: number; readonly chat: number }[] = [];
    let turn = 0;
    while (now < until) {
      const allowance = await permits.allow('demo', 'i_1', ['reply', 'initiated', 'cold'], 8);
      const sendClass = lane < 3 ? 'reply' : lane < 6 ? 'initiated' : 'cold';
      const some = Math.min(allowance.total, allowance.of(sendClass));
      const taken = Array.from({ length: some }, () => allowance.permit(sendClass));
      allowance.close();
      let went = 0;
      for (const permit of taken) {
        turn += 1;
        const chat = turn % chats;
        const delivery = { lane, conversation: `c_${chat}` } as unknown as ClaimedDelivery;
        if ((await permit.confirm(delivery, instance)) > 0) continue;
        went += 1;
        sent.push({ at: now, chat });
        permit.release();
      }
      now += went === 0 ? 100 : 1;
    }
    return sent;
  }

  const reply = laneOf('reply', 'normal');

  test('of a Cloud number are 80 a second, 20 in coexistence, and 45 in 270 s to one chat', async () => {
    const many = await flood(instanceOf('cloud'), reply, 1_000, 5_000);
    expect(
      peak(
        many.map(({ at }) => at),
        1_000,
      ),
    ).toBe(80);
    expect(many.length).toBeGreaterThan(350);
    const shared = await flood(instanceOf('cloud', { coexistence: true }), reply, 1_000, 5_000);
    expect(
      peak(
        shared.map(({ at }) => at),
        1_000,
      ),
    ).toBe(20);
    const one = await flood(instanceOf('cloud'), reply, 1, 600_000);
    expect(
      peak(
        one.map(({ at }) => at),
        270_000,
      ),
    ).toBe(45);
    expect(one).toHaveLength(135);
  });

  test('of the others are 10 a minute for messages that we begin with, 30 for one chat, and none more', async () => {
    const begun = await flood(instanceOf('waha'), laneOf('initiated', 'normal'), 1_000, 180_000);
    expect(
      peak(
        begun.map(({ at }) => at),
        60_000,
      ),
    ).toBe(10);
    const chatty = await flood(instanceOf('waha'), reply, 1, 180_000);
    expect(
      peak(
        chatty.map(({ at }) => at),
        60_000,
      ),
    ).toBe(30);
    expect((await flood(instanceOf('waha'), reply, 2_000, 1_000)).length).toBeGreaterThan(1_000);
    expect((await flood(instanceOf('simulator'), laneOf('cold', 'low'), 1, 1_000)).length).toBeGreaterThan(1_000);
  });

  test('can be set: for the number, for replies, for people who never wrote', async () => {
    const cold = await flood(
      instanceOf('waha', { newChatsPerDay: 5, initiatedPerMinute: null }),
      laneOf('cold', 'low'),
      100,
      86_000_000,
    );
    expect(cold).toHaveLength(5);
    const replies = await flood(
      instanceOf('waha', { repliesPerMinute: 12, perChatPerMinute: null }),
      reply,
      3,
      120_000,
    );
    expect(
      peak(
        replies.map(({ at }) => at),
        60_000,
      ),
    ).toBe(12);
  });

  test('that became old are taken anew, so that none counts at another time than it is used', async () => {
    let now = 0;
    const instance = instanceOf('cloud', { perSecond: 1 });
    const runtime = { instances: { read: () => Promise.resolve(instance) } as never, now: () => now };
    const windows = processWindows(() => now);
    const permits = createPermits(runtime, windows);
    const delivery = { lane: reply, conversation: 'c' } as unknown as ClaimedDelivery;
    const allowance = await permits.allow('demo', 'i_1', ['reply'], 1);
    const permit = allowance.permit('reply');
    allowance.close();
    now = 900;
    expect(await permit.confirm(delivery, instance)).toBe(0);
    permit.release();
    now = 1_500;
    expect((await permits.allow('demo', 'i_1', ['reply'], 1)).total).toBe(0);
    now = 2_001;
    expect((await permits.allow('demo', 'i_1', ['reply'], 1)).total).toBe(1);
  });
});
