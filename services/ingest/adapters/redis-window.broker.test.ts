// The shared window on a real Redis, behind a wire that can be cut and that can hang.
import { randomUUID } from 'node:crypto';
import { type AddressInfo, type Server, type Socket, connect, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { findRedis } from '#runtime/components/redis.ts';

import { type DuplicateWindow, windowTtlMs } from '../duplicate-window.ts';
import { ingestWorld } from '../testing/ingest-world.ts';
import { openRedisWindow } from './redis-window.ts';

const redis = await findRedis(process.env);
if (redis === undefined) process.stderr.write('\nNO REDIS HERE: the shared window of duplicates is not tested.\n\n');

const url = redis?.url ?? '';

describe.skipIf(redis === undefined)('the window shared through Redis', () => {
  let direct: Redis;
  let wire: Wire;
  let prefix = '';
  const windows: DuplicateWindow[] = [];

  /** Longer than in production: a busy test machine is no Redis that hangs. */
  const patienceMs = 2_000;

  beforeAll(() => {
    direct = new Redis(url);
  });
  afterAll(async () => {
    direct.disconnect();
    await redis?.stop();
  });
  beforeEach(async () => {
    prefix = `test-${randomUUID()}:`;
    wire = await layWire(url);
  });
  afterEach(async () => {
    for (const window of windows.splice(0)) await window.close();
    await wire.close();
  });

  const open = (changes: boolean[] = [], at = wire.url): DuplicateWindow => {
    const window = openRedisWindow(
      { url: at, keyPrefix: prefix },
      Date.now,
      (degraded) => changes.push(degraded),
      patienceMs,
    );
    windows.push(window);
    return window;
  };

  /** Waits until a window reaches Redis. It finds out when it is used. */
  const connected = async (window: DuplicateWindow): Promise<void> => {
    const key = `probe-${randomUUID()}`;
    for (;;) {
      await window.mark([{ key, eventId: 'probe' }]);
      if (!window.degraded()) return;
      await sleep(50);
    }
  };

  const a = { key: 'a', eventId: '1' };

  test('what one process marked another finds, under the prefix, for six hours', async () => {
    const [one, other] = [open(), open()];
    await connected(one);
    await connected(other);
    await one.mark([a, { key: 'b', eventId: '2' }]);
    expect(await other.find(['b', 'c', 'a'])).toEqual(['2', undefined, '1']);
    const ttl = await direct.pttl(`${prefix}duplicate:a`);
    expect(ttl).toBeGreaterThan(windowTtlMs - 60_000);
    expect(ttl).toBeLessThanOrEqual(windowTtlMs);
  });

  test('Redis that dies leaves the process its own memory, and is taken up when it is back', async () => {
    const changes: boolean[] = [];
    const [one, other] = [open(changes), open()];
    await connected(one);
    await connected(other);
    changes.length = 0;
    await one.mark([a]);
    await other.mark([{ key: 'theirs', eventId: '9' }]);
    await wire.set('cut');

    expect(await one.find(['a', 'theirs', 'new'])).toEqual(['1', undefined, undefined]);
    await one.mark([{ key: 'meanwhile', eventId: '3' }]);
    expect(await one.find(['meanwhile'])).toEqual(['3']);
    expect([one.degraded(), changes]).toEqual([true, [true]]);

    await wire.set('whole');
    await connected(one);
    expect(await one.find(['theirs', 'meanwhile'])).toEqual(['9', '3']);
    expect(changes).toEqual([true, false]);
  });

  test('Redis that hangs holds nothing up for long, and the next not at all', async () => {
    const one = open();
    await connected(one);
    await one.mark([a]);
    await wire.set('hanging');
    expect(await one.find(['a', 'new'])).toEqual(['1', undefined]);
    expect(one.degraded()).toBe(true);
    const sent = wire.bytes();
    for (let i = 0; i < 20; i++) expect(await one.find([`new-${i}`])).toEqual([undefined]);
    expect(wire.bytes()).toBe(sent);
  });

  test('a mark that hangs holds nothing up for long either, and later ones not at all', async () => {
    const one = open();
    await connected(one);
    await wire.set('hanging');
    const began = performance.now();
    await Promise.all(Array.from({ length: 50 }, (_, i) => one.mark([{ key: `m-${i}`, eventId: '1' }])));
    // One wait for all of them, not one each.
    expect(performance.now() - began).toBeLessThan(2 * patienceMs);
    expect(one.degraded()).toBe(true);
    const sent = wire.bytes();
    await one.mark([{ key: 'later', eventId: '1' }]);
    expect(wire.bytes()).toBe(sent);
    expect(await one.find(['m-0', 'later'])).toEqual(['1', '1']);
  });

  test('webhooks of one moment share a question and a mark', async () => {
    const [one, other] = [open(), open()];
    await connected(one);
    await connected(other);
    const calls = async (): Promise<number> =>
      Number(/calls=(\d+)/.exec(/cmdstat_mget:.*/.exec(await direct.info('commandstats'))?.[0] ?? '')?.[1] ?? 0);
    const keys = Array.from({ length: 100 }, (_, i) => `k-${i}`);
    await Promise.all(keys.map((key) => one.mark([{ key, eventId: `e-${key}` }])));
    const before = await calls();
    const found = await Promise.all(keys.map((key) => other.find([key, 'unknown'])));
    expect(found).toEqual(keys.map((key) => [`e-${key}`, undefined]));
    expect((await calls()) - before).toBe(1);
  });

  test('a Redis that was never there is no error', async () => {
    const one = open([], 'redis://127.0.0.1:1');
    expect(await one.find(['a'])).toEqual([undefined]);
    await one.mark([a]);
    expect(await one.find(['a'])).toEqual(['1']);
    expect(one.degraded()).toBe(true);
  });

  test('a Redis that lost its data, or holds something else there, makes nothing a duplicate', async () => {
    const [one, other] = [open(), open()];
    await connected(one);
    await connected(other);
    await one.mark([a]);
    await direct.del(`${prefix}duplicate:a`);
    await direct.lpush(`${prefix}duplicate:b`, 'no event id');
    expect(await other.find(['a', 'b'])).toEqual([undefined, undefined]);
    expect(other.degraded()).toBe(false);
  });

  test('two ingest processes: the second finds the webhook that the first recorded; none is lost without Redis', async () => {
    const [first, second] = [ingestWorld(open()), ingestWorld(open())];
    await connected(first.window);
    await connected(second.window);
    const say = async (world: typeof first, messageId: string): Promise<unknown> => {
      const payload = { from: '5511922222222', text: 'Oi', messageId };
      const answer = await world.server.inject({ method: 'POST', url: '/webhooks/simulator/simulator-token', payload });
      const { accepted, duplicates } = answer.json<Record<string, number>>();
      return [answer.statusCode, accepted, duplicates];
    };
    expect(await say(first, 'm1')).toEqual([200, 1, 0]);
    expect(await say(second, 'm1')).toEqual([200, 0, 1]);
    // Keys say nothing about whom they are of.
    const keys = (await direct.keys(`${prefix}*`)).filter((key) => !key.includes('probe-'));
    expect(keys).toEqual([expect.stringMatching(/duplicate:[0-9a-f]{64}$/)]);
    await wire.set('cut');
    expect(await say(second, 'm2')).toEqual([200, 1, 0]);
    expect(await say(second, 'm2')).toEqual([200, 0, 1]);
    // The second delivery passes elsewhere: forgetful, never wrong. The actor tells them apart.
    expect(await say(first, 'm2')).toEqual([200, 1, 0]);
    await first.server.close();
    await second.server.close();
  });
});

type WireState = 'whole' | 'cut' | 'hanging';

/** A wire to Redis that can fail. */
interface Wire {
  readonly url: string;
  set(state: WireState): Promise<void>;
  /** Bytes that clients sent so far. */
  bytes(): number;
  close(): Promise<void>;
}

async function layWire(target: string): Promise<Wire> {
  const to = new URL(target);
  let state: WireState = 'whole';
  let bytes = 0;
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    if (state === 'cut') {
      client.destroy();
      return;
    }
    const upstream = connect({ host: to.hostname, port: Number(to.port) });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (chunk) => {
      bytes += chunk.length;
      if (state === 'whole') upstream.write(chunk);
    });
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const cutAll = (): void => sockets.forEach((socket) => socket.destroy());
  const through = new URL(target);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    async set(next) {
      state = next;
      if (next === 'cut') cutAll();
      // Clients notice in a later turn.
      await sleep(20);
    },
    bytes: () => bytes,
    close() {
      cutAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
