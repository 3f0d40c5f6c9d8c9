/** Bounds as numbers: whatever is asked for, and whenever. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import type { Instance, Provider } from '#runtime/instances/instances.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';

import { shareOf } from './adapters/redis-rate-windows.ts';
import type { ClaimedDelivery } from './deliveries.ts';
import { laneOf } from './lanes.ts';
import { type Permit, createPermits } from './permits.ts';
import { LocalWindows, processWindows } from './rate-windows.ts';
import { describeWindows } from './testing/window-cases.ts';

/** The most of any stretch of `windowMs`. */
const peak = (times: readonly number[], windowMs: number): number =>
  Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + windowMs).length));

/** Longer than anything lasts. */
const heldMs = 1_000_000;

describe('windows of a process', () => {
  describeWindows(() => {
    let now = 0;
    const pass = (ms: number) => Promise.resolve(void (now += ms));
    return Promise.resolve({ windows: processWindows(() => now), pass });
  });
});

describe('a window', () => {
  const steps = fc.array(fc.tuple(fc.nat(700), fc.integer({ min: 1, max: 9 }), fc.nat(4)), { maxLength: 80 });

  test('grants all of its bound to who waits as told', () => {
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 12 }), (asked, max) => {
        let now = 0;
        const windows = new LocalWindows(() => now);
        const bound = [{ key: 'k', max, windowMs: 1_000 }];
        const times: number[] = [];
        /** Calls that take no time. */
        const use = (names: readonly string[]): void => {
          windows.end(names.map((name) => ({ name, windows: bound })));
          times.push(...names.map(() => now));
        };
        for (const [pause, wanted, unused] of asked) {
          now += pause;
          const { names, waitMs } = windows.take(bound, wanted, heldMs);
          expect(names.length === wanted).toBe(waitMs === 0);
          const back = Math.min(unused, names.length);
          windows.giveBack(names.slice(0, back).map((name) => ({ name, windows: bound })));
          use(names.slice(back));
          if (names.length < wanted && back === 0) {
            now += waitMs;
            const more = windows.take(bound, 1, heldMs).names;
            expect(more).toHaveLength(1);
            use(more);
          }
        }
        expect(peak(times, 1_000)).toBeLessThanOrEqual(max);
      }),
      { numRuns: 500 },
    );
  });

  /** Each: milliseconds before it asks, from the permit to its call, for which this lasts, and the part of it after which it is seen. */
  const calls = fc.array(
    fc.tuple(fc.nat(400), fc.nat(3_000), fc.nat(3_000), fc.double({ min: 0, max: 1, noNaN: true })),
    { minLength: 1, maxLength: 80 },
  );

  test('holds by the clock of who is called, however late calls begin, however long they last', () => {
    fc.assert(
      fc.property(calls, fc.integer({ min: 1, max: 6 }), (asked, max) => {
        let now = 0;
        const windows = new LocalWindows(() => now);
        const bound = [{ key: 'k', max, windowMs: 1_000 }];
        const seen: number[] = [];
        const inFlight: { readonly endsAt: number; readonly name: string }[] = [];
        const endUntil = (until: number): void => {
          inFlight.sort((a, b) => a.endsAt - b.endsAt);
          while (inFlight[0] !== undefined && inFlight[0].endsAt <= until) {
            const { endsAt, name } = inFlight[0];
            inFlight.shift();
            now = endsAt;
            windows.end([{ name, windows: bound }]);
          }
          now = until;
        };
        for (const [pause, late, lasting, part] of asked) {
          endUntil(now + pause);
          for (const name of windows.take(bound, 1, heldMs).names) {
            seen.push(now + late + lasting * part);
            inFlight.push({ name, endsAt: now + late + lasting });
          }
        }
        expect(peak(seen, 1_000)).toBeLessThanOrEqual(max);
      }),
      { numRuns: 500 },
    );
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
    const permits = createPermits({ runtime, windows: processWindows(() => now), callWithinMs: 15_000 });
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
      now += went === 0 ? Math.max(100, forMs / 10_000) : 1;
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

  /** Permits of an account with one call a second, and a process that stands still when it is told to. */
  const slow = () => {
    const world = { now: 0 };
    const instance = instanceOf('cloud', { perSecond: 1 });
    const runtime = { instances: { read: () => Promise.resolve(instance) } as never, now: () => world.now };
    const windows = processWindows(() => world.now);
    const permits = createPermits({ runtime, windows, callWithinMs: 10_000 });
    const allowed = async () => {
      const allowance = await permits.allow('demo', 'i_1', ['reply'], 1);
      const permit = allowance.total === 1 ? allowance.permit('reply') : undefined;
      allowance.close();
      return permit;
    };
    const confirm = (permit: Permit | undefined) =>
      permit?.confirm({ lane: reply, conversation: 'c' } as unknown as ClaimedDelivery, instance);
    return { world, allowed, confirm };
  };

  test('count until the call is over, however late it began, and for a window after it', async () => {
    const { world, allowed, confirm } = slow();
    const permit = await allowed();
    expect(await confirm(permit)).toBe(0);
    // The process stands still. Then the call begins: another one beside it would be the second of a second.
    world.now = 1_500;
    expect(await allowed()).toBeUndefined();
    permit?.release();
    world.now = 2_500;
    expect(await allowed()).toBeUndefined();
    world.now = 2_521;
    expect(await allowed()).toBeDefined();
  });

  test('that became old before they are confirmed are taken anew, and may be gone', async () => {
    const { world, allowed, confirm } = slow();
    const permit = await allowed();
    world.now = 9_000;
    expect(await confirm(permit)).toBe(0);
    // Else it would have ended at 11 000, in the middle of the call.
    world.now = 18_000;
    expect(await allowed()).toBeUndefined();
    const late = slow();
    const first = await late.allowed();
    late.world.now = 13_000;
    const second = await late.allowed();
    expect(second).toBeDefined();
    expect(await late.confirm(first)).toBeGreaterThan(0);
    expect(await late.confirm(second)).toBe(0);
  });

  test('that are not used are given back at once', async () => {
    const { allowed } = slow();
    (await allowed())?.release();
    expect(await allowed()).toBeDefined();
  });
});
