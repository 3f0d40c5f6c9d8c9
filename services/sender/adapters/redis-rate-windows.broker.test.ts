// The shared bounds on a real Redis: what several processes are granted together, with it and without.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';

import { findRedis } from '#runtime/components/redis.ts';

import type { RateWindows } from '../rate-windows.ts';
import { expectLimitsHeld, peakOf } from '../testing/limited-senders.ts';
import { useSenderWorld } from '../testing/sender-world.ts';
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
    const windows = openRedisWindows({ url, keyPrefix: prefix, owner, now: Date.now, commandTimeoutMs: 2_000 });
    opened.push(windows);
    return windows;
  };

  /** Waits until it reaches Redis. It finds out when it is used. */
  const connected = async (windows: RateWindows): Promise<RateWindows> => {
    for (;;) {
      await windows.take([{ key: `probe-${randomUUID()}`, max: 1, windowMs: 1 }], 1);
      if (!windows.degraded()) return windows;
      await sleep(50);
    }
  };

  test('five processes are granted together what one would be, whoever asks', async () => {
    const all = await Promise.all(Array.from({ length: 5 }, (_, i) => connected(open(`p${i}`))));
    const bound = [{ key: '{i}:number', max: 20, windowMs: 400 }];
    const granted: number[] = [];
    const until = Date.now() + 2_000;
    await Promise.all(
      all.map(async (windows) => {
        while (Date.now() < until) {
          const grant = await windows.take(bound, 3);
          for (let i = 0; i < grant.granted; i += 1) granted.push(grant.at);
          await sleep(grant.granted === 3 ? 1 : Math.min(grant.waitMs, 30));
        }
      }),
    );
    expect(peakOf(granted, 400)).toBe(20);
    expect(granted.length).toBeGreaterThanOrEqual(80);
  });

  test('what is given back is there for others; what is renewed counts from its end; keys end by themselves', async () => {
    const [one, other] = [await connected(open('one')), await connected(open('other'))];
    const bound = [{ key: '{i}:number', max: 4, windowMs: 600 }];
    const { at } = await one.take(bound, 4);
    expect((await other.take(bound, 1)).granted).toBe(0);
    one.giveBack(bound, 2);
    await sleep(30);
    expect((await other.take(bound, 4)).granted).toBe(2);
    await sleep(300);
    one.renew(bound, at);
    await sleep(350);
    // The other three are over, the renewed one is not.
    expect((await other.take(bound, 4)).granted).toBe(3);
    const direct = new Redis(redis?.url ?? '');
    expect(await direct.pttl(`${prefix}rate:{i}:number`)).toBeGreaterThan(0);
    expect(await direct.zcard(`${prefix}senders`)).toBe(2);
    direct.disconnect();
  });

  test('without Redis each keeps to a share, so that all together stay within the bound', async () => {
    const away = Array.from({ length: 4 }, (_, i) => open(`away-${i}`, 'redis://127.0.0.1:1'));
    const bound = [{ key: '{i}:number', max: 40, windowMs: 10_000 }];
    const grants = await Promise.all(away.map((windows) => windows.take(bound, 40)));
    expect(grants.reduce((sum, { granted }) => sum + granted, 0)).toBeLessThanOrEqual(40);
    expect(grants.every(({ granted }) => granted > 0)).toBe(true);
    expect(away.map((windows) => windows.degraded())).toEqual(away.map(() => true));
  });

  test('two senders keep together to the limits of an account, by its own clock', async () => {
    await expectLimitsHeld(here, (owner) => open(owner));
  }, 40_000);
});
