/**
 * Windows shared by all sender processes through Redis, counted by its clock in one atomic script.
 *
 * Keys: `<prefix>permits:<key>`, the names of permits by the moment that each counts from (of one that is held
 * it is yet to come), gone when its window is over; `<prefix>senders`, when each process gave its last sign.
 *
 * While Redis is away each process keeps to its share: as many as were alive when it was last heard of,
 * each with that part of the rate. Then all together stay within the bound when all of them lost it; while
 * some still reach it, or in the window in which it comes back, at most twice the bound is granted. What
 * became of permits that Redis granted is told when it is back; else they would count for as long as they may.
 */
import { openOptionalRedis } from '#runtime/redis/adapters/optional-redis.ts';

import { LocalWindows, type NamedPermit, type RateGrant, type RateWindow, type RateWindows } from '../rate-windows.ts';

/** A message waits no longer than this for Redis. */
const commandTimeoutMsDefault = 250;

/** How often a process gives a sign, and how long it counts as alive after it. */
const sign = { everyMs: 5_000, countsMs: 15_000 } as const;

/** Processes that are assumed while none could be counted. */
const sendersAssumed = 4;

/** Permits of which Redis is told when it is back; of more it finds out by their time. */
const untoldMax = 2_000;

const clock = `
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`;

/**
 * KEYS: the windows. ARGV: for how long (ms) a permit is held, then most and length (ms) of each window, then
 * the names that are wanted. Gives how many of these are granted, the first ones, and the wait (ms).
 */
const takeScript = `${clock}
  local names = 2 * #KEYS + 1
  local wanted = #ARGV - names
  local granted = wanted
  for i, key in ipairs(KEYS) do
    local most, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    redis.call('ZREMRANGEBYSCORE', key, '-inf', now - length)
    granted = math.min(granted, math.max(most - redis.call('ZCARD', key), 0))
  end
  local from = now + ARGV[1]
  local wait = granted < wanted and 1 or 0
  for i, key in ipairs(KEYS) do
    local most, length = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    for n = 1, granted do redis.call('ZADD', key, from, ARGV[names + n]) end
    if granted > 0 then redis.call('PEXPIREAT', key, from + length) end
    if granted < wanted then
      local used = redis.call('ZCARD', key)
      if used >= most then
        local first = redis.call('ZRANGE', key, used - most, used - most, 'WITHSCORES')[2] or now
        wait = math.max(wait, math.min(first, now) + length - now)
      end
    end
  end
  return { granted, wait }`;

/** KEYS: the windows. ARGV: for each the name of a permit and the length (ms). It counts from now. */
const endScript = `${clock}
  for i, key in ipairs(KEYS) do
    redis.call('ZADD', key, now, ARGV[2 * i - 1])
    local length = tonumber(ARGV[2 * i])
    if redis.call('PTTL', key) < length then redis.call('PEXPIRE', key, length) end
  end`;

/** KEYS: the windows. ARGV: for each the name of a permit, which counts no longer. */
const giveBackScript = `
  for i, key in ipairs(KEYS) do redis.call('ZREM', key, ARGV[i]) end`;

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

/** A change that Redis is told of. */
type Change = 'end' | 'give-back';

/** Opens the windows. Connects in the background. */
export function openRedisWindows(options: RedisWindowsOptions): RateWindows {
  const { now, owner, changed = () => undefined } = options;
  /** Of permits that were granted here alone. */
  const alone = `${owner}~`;
  const local = new LocalWindows(now, alone);
  let serial = 0;
  /** What Redis does not know yet. */
  const untold: { readonly change: Change; readonly permit: NamedPermit }[] = [];
  let senders = sendersAssumed;
  const redis = openOptionalRedis({
    url: options.url,
    keyPrefix: options.keyPrefix,
    commandTimeoutMs: options.commandTimeoutMs ?? commandTimeoutMsDefault,
    now,
    changed(degraded) {
      changed(degraded);
      if (degraded) return;
      const told = untold.splice(0);
      for (const change of ['end', 'give-back'] as const)
        tell(
          change,
          told.flatMap((one) => (one.change === change ? [one.permit] : [])),
        );
    },
    scripts: { take: takeScript, end: endScript, 'give-back': giveBackScript },
  });

  /** Not waited for. */
  const tell = (change: Change, permits: readonly NamedPermit[]): void => {
    const shared = permits.filter(({ name }) => !name.startsWith(alone));
    const keys = shared.flatMap(({ windows }) => windows.map(keyOf));
    if (keys.length === 0) return;
    const values = shared.flatMap(({ name, windows }) =>
      windows.flatMap(({ windowMs }) => (change === 'end' ? [name, windowMs] : [name])),
    );
    const told = redis.attempt(async () => {
      await redis.run(change, keys, values);
      return true;
    });
    void told.then((isTold) => {
      if (isTold !== true && untold.length < untoldMax) untold.push(...shared.map((permit) => ({ change, permit })));
    });
  };

  /** Whatever was met before: it costs nobody a wait. */
  const giveSign = async (): Promise<void> => {
    const at = Date.now();
    const signed = redis.client
      .multi()
      .zadd('senders', at, owner)
      .zremrangebyscore('senders', '-inf', at - sign.countsMs)
      .zcard('senders')
      .exec();
    const counted = Number((await signed.catch(() => undefined))?.[2]?.[1]);
    if (counted >= 1) senders = counted;
  };
  redis.client.on('ready', () => void giveSign());
  const signs = setInterval(() => void giveSign(), sign.everyMs);
  signs.unref();

  return {
    async take(windows, wanted, heldMs): Promise<RateGrant> {
      if (windows.length === 0 || wanted === 0) return { names: [], waitMs: 0 };
      const asked = Array.from({ length: wanted }, () => `${owner}.${(serial++).toString(36)}`);
      const bounds = windows.flatMap(({ max, windowMs }) => [max, windowMs]);
      const isAsked = !redis.resting();
      const answer = await redis.attempt(() => redis.run('take', windows.map(keyOf), [heldMs, ...bounds, ...asked]));
      if (answer === undefined) {
        // Redis may have granted them without a word.
        if (isAsked)
          tell(
            'give-back',
            asked.map((name) => ({ name, windows })),
          );
        const shares = windows.map((window) => shareOf(window, senders));
        return local.take(shares, wanted, heldMs);
      }
      const [granted, waitMs] = answer as readonly [number, number];
      const names = asked.slice(0, granted);
      local.note(windows, names, heldMs);
      return { names, waitMs };
    },

    giveBack(permits) {
      local.giveBack(permits);
      tell('give-back', permits);
    },

    end(permits) {
      local.end(permits);
      tell('end', permits);
    },

    degraded: () => redis.degraded(),

    async close() {
      clearInterval(signs);
      await redis.attempt(() => redis.client.zrem('senders', owner));
      redis.close();
    },
  };
}

const keyOf = ({ key }: RateWindow): string => `permits:${key}`;

/** The part of a window that each of some processes may use. At least one, then in a longer window. */
export function shareOf(window: RateWindow, senders: number): RateWindow {
  const max = Math.max(1, Math.floor(window.max / senders));
  return { ...window, max, windowMs: Math.ceil((window.windowMs * senders * max) / window.max) };
}
