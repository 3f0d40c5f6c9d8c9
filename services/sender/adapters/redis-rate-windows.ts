/**
 * Windows shared by all sender processes through Redis, counted by its clock in one atomic script.
 *
 * Keys: `<prefix>rate:<key>`, a list of times of permits, oldest first, gone when its window is over;
 * `<prefix>senders`, when each process gave its last sign.
 *
 * While Redis is away each process keeps to its share: as many as were alive when it was last heard of,
 * each with that part of the rate. Then all together stay within the bound when all of them lost it; while
 * some still reach it, or in the window in which it comes back, at most twice the bound is granted.
 */
import { Redis } from 'ioredis';

import { LocalWindows, type RateGrant, type RateWindow, type RateWindows } from '../rate-windows.ts';

/** A message waits no longer than this for Redis. */
const commandTimeoutMsDefault = 250;
const connectTimeoutMs = 1_000;
const reconnectDelayMsMax = 2_000;

/** After a failure Redis is left alone this long, so that one that hangs costs one wait, not one per message. */
const restMs = 1_000;

/** How often a process gives a sign, and how long it counts as alive after it. */
const sign = { everyMs: 5_000, countsMs: 15_000 } as const;

/** Processes that are assumed while none could be counted. */
const sendersAssumed = 4;

/** KEYS: the windows. ARGV: wanted, then most and length (ms) of each. Gives what is granted, the wait (ms) and the time. */
const takeScript = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  local wanted = tonumber(ARGV[1])
  local granted = wanted
  for i, key in ipairs(KEYS) do
    local most, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    local oldest = redis.call('LINDEX', key, 0)
    while oldest and tonumber(oldest) <= now - length do
      redis.call('LPOP', key)
      oldest = redis.call('LINDEX', key, 0)
    end
    granted = math.min(granted, math.max(most - redis.call('LLEN', key), 0))
  end
  local wait = 0
  for i, key in ipairs(KEYS) do
    local most, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    for _ = 1, granted do redis.call('RPUSH', key, now) end
    if granted > 0 then redis.call('PEXPIRE', key, length) end
    local used = redis.call('LLEN', key)
    if granted < wanted and used >= most then
      wait = math.max(wait, redis.call('LINDEX', key, used - most) + length - now)
    end
  end
  return { granted, wait, now }`;

/** KEYS: the windows. ARGV: when the permit was granted, then the length (ms) of each. */
const renewScript = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for i, key in ipairs(KEYS) do
    redis.call('LREM', key, 1, ARGV[1])
    redis.call('RPUSH', key, now)
    redis.call('PEXPIRE', key, ARGV[i + 1])
  end`;

/** How to reach it, and as whom. */
export interface RedisWindowsOptions {
  readonly url: string;
  readonly keyPrefix: string;
  /** Names this process. */
  readonly owner: string;
  readonly now: () => number;
  /** Told whenever permits can be shared no longer, or again. */
  readonly changed?: (degraded: boolean) => void;
  readonly commandTimeoutMs?: number;
}

/** Opens the windows. Connects in the background. */
export function openRedisWindows(options: RedisWindowsOptions): RateWindows {
  const { now, owner, changed = () => undefined } = options;
  const local = new LocalWindows(now);
  const client = new Redis(options.url, {
    keyPrefix: options.keyPrefix,
    connectTimeout: connectTimeoutMs,
    commandTimeout: options.commandTimeoutMs ?? commandTimeoutMsDefault,
    maxRetriesPerRequest: 0,
    // Without a connection commands fail at once instead of waiting for one.
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: (attempt) => Math.min(100 * attempt, reconnectDelayMsMax),
    scripts: { takeRate: { lua: takeScript }, renewRate: { lua: renewScript } },
  });
  // Without a listener the client writes to the console.
  client.on('error', () => undefined);
  let isDegraded = false;
  let restUntil = 0;
  let senders = sendersAssumed;

  const setDegraded = (degraded: boolean): void => {
    if (degraded !== isDegraded) changed(degraded);
    isDegraded = degraded;
  };

  /** Result of some commands, or undefined when Redis did not answer. */
  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (restUntil > now()) return undefined;
    try {
      const result = await work();
      setDegraded(false);
      return result;
    } catch {
      // W3: whatever Redis says, this process goes on with its share.
      restUntil = now() + restMs;
      setDegraded(true);
      return undefined;
    }
  };

  /** Whatever was met before: it costs nobody a wait. */
  const giveSign = async (): Promise<void> => {
    const at = Date.now();
    const signed = client
      .multi()
      .zadd('senders', at, owner)
      .zremrangebyscore('senders', '-inf', at - sign.countsMs)
      .zcard('senders')
      .exec();
    const counted = Number((await signed.catch(() => undefined))?.[2]?.[1]);
    if (counted >= 1) senders = counted;
  };
  client.on('ready', () => void giveSign());
  const signs = setInterval(() => void giveSign(), sign.everyMs);
  signs.unref();

  return {
    async take(windows, wanted): Promise<RateGrant> {
      if (windows.length === 0 || wanted === 0) return { granted: wanted, waitMs: 0, at: now() };
      const keys = windows.map(({ key }) => `rate:${key}`);
      const bounds = windows.flatMap(({ max, windowMs }) => [max, windowMs]);
      const answer = await attempt(async () => {
        const run = script(client, 'takeRate');
        const [granted, waitMs, at] = (await run(keys.length, ...keys, wanted, ...bounds)) as [number, number, number];
        return { granted, waitMs, at };
      });
      if (answer === undefined)
        return local.take(
          windows.map((window) => shareOf(window, senders)),
          wanted,
        );
      local.note(windows, answer.granted);
      return answer;
    },

    giveBack(windows, count) {
      if (count === 0) return;
      local.giveBack(windows, count);
      void attempt(() => Promise.all(windows.map(({ key }) => client.rpop(`rate:${key}`, count))));
    },

    renew(windows, at) {
      // What was granted while Redis was away is known here alone.
      local.renew(windows, at);
      const keys = windows.map(({ key }) => `rate:${key}`);
      const lengths = windows.map(({ windowMs }) => windowMs);
      void attempt(() => script(client, 'renewRate')(keys.length, ...keys, at, ...lengths));
    },

    degraded: () => isDegraded,

    async close() {
      clearInterval(signs);
      await attempt(() => client.zrem('senders', owner));
      client.disconnect();
    },
  };
}

/** A script as ioredis defines it: its types know no commands of ours. */
const script = (client: Redis, name: string): ((...args: readonly (string | number)[]) => Promise<unknown>) => {
  const run = (client as unknown as Record<string, (...args: readonly (string | number)[]) => Promise<unknown>>)[name];
  if (run === undefined) throw new Error('the scripts of the windows are not defined');
  return run.bind(client);
};

/** The part of a window that each of some processes may use. At least one, then in a longer window. */
export function shareOf(window: RateWindow, senders: number): RateWindow {
  const max = Math.max(1, Math.floor(window.max / senders));
  return { ...window, max, windowMs: Math.ceil((window.windowMs * senders * max) / window.max) };
}
