// The shared bounds on a real Redis: what several processes are granted together, with it and without.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';

import { findRedis } from '#runtime/components/redis.ts';

import type { RateWindows } from '../rate-windows.ts';
import { expectLimitsHeld, peakOf } from '../testing/limited-senders.ts';
import { useSenderWorld } from '../testing/sender-world.ts';
import { describeWindows } from '../testing/window-cases.ts';
import { openRedisWindows } from './redis-rate-windows.ts';

const redis = await findRedis(process.env);
if (redis === undefined) process.stderr.write('\nNO REDIS HERE: limits shared between processes are not tested.\n\n');

describe.skipIf(redis === undefined)('limits shared through Redis', () => {
  const here = useSenderWorld();
  const opened: RateWindows[] = [];
  let prefix = '';

  beforeEach(() => {
    prefix = `test-${randomUUID()}:`;
  });
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
  });
  afterAll(() => redis?.stop());

  const open = (owner: string, url = redis?.url ?? '') => {
    const windows = openRedisWindows({ url, keyPrefix: prefix, owner, now: Date.now, commandTimeoutMs: 10_000 });
    opened.push(windows);
    return windows;
  };

  /** Waits until it reaches Redis. It finds out when it is used; too early, it waits a while before it asks again. */
  const connected = async (windows: RateWindows): Promise<RateWindows> => {
    await sleep(50);
    for (;;) {
      await windows.take([{ key: `probe-${randomUUID()}`, max: 1, windowMs: 1 }], 1, 1);
      if (!windows.degraded()) return windows;
      await sleep(50);
    }
  };

  describeWindows(async () => ({
    windows: await connected(open('one')),
    // Its clock counts in whole milliseconds.
    pass: (ms) => sleep(ms + 2),
  }));

  test('five processes are granted together what one would be, whoever asks', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, (_, i) => connected(open(`p${i}`))));
    const bound = [{ key: '{i}:number', max: 20, windowMs: 400 }];
    const seen: number[] = [];
    const until = Date.now() + 2_000;
    await Promise.all(
      all.map(async (windows) => {
        while (Date.now() < until) {
          const { names, waitMs } = await windows.take(bound, 3, 10_000);
          await sleep(Math.random() * 20);
          seen.push(...names.map(() => Date.now()));
          await sleep(Math.random() * 20);
          windows.end(names.map((name) => ({ name, windows: bound })));
          if (waitMs > 0) await sleep(Math.min(waitMs, 30));
        }
      }),
    );
    expect(peakOf(seen, 400)).toBeLessThanOrEqual(20);
    expect(seen.length).toBeGreaterThanOrEqual(20);
  });

  test('what one gives back or ends is so for others; keys end by themselves', async () => {
    const [one, other] = [await connected(open('one')), await connected(open('other'))];
    const bound = [{ key: '{i}:number', max: 4, windowMs: 60_000 }];
    const { names } = await one.take(bound, 4, 60_000);
    expect((await other.take(bound, 1, 1)).names).toHaveLength(0);
    one.giveBack(names.slice(2).map((name) => ({ name, windows: bound })));
    // On its own connection one is answered after it.
    expect((await one.take(bound, 3, 60_000)).names).toHaveLength(2);
    expect((await other.take(bound, 1, 1)).names).toHaveLength(0);
    const direct = new Redis(redis?.url ?? '');
    const ttl = await direct.pttl(`${prefix}permits:{i}:number`);
    expect(ttl).toBeGreaterThan(60_000);
    expect(ttl).toBeLessThanOrEqual(120_000);
    expect(await direct.zcard(`${prefix}senders`)).toBe(2);
    direct.disconnect();
  });

  test('without Redis each keeps to a share, so that all together stay within the bound', async () => {
    const away = Array.from({ length: 4 }, (_, i) => open(`away-${i}`, 'redis://127.0.0.1:1'));
    const bound = [{ key: '{i}:number', max: 40, windowMs: 10_000 }];
    const grants = await Promise.all(away.map((windows) => windows.take(bound, 40, 1_000)));
    expect(grants.reduce((sum, { names }) => sum + names.length, 0)).toBeLessThanOrEqual(40);
    expect(grants.every(({ names }) => names.length > 0)).toBe(true);
    expect(away.map((windows) => windows.degraded())).toEqual(away.map(() => true));
  });

  test('two senders keep together to the limits of an account, by its own clock', async () => {
    await expectLimitsHeld(here, (owner) => open(owner));
  }, 40_000);
});
