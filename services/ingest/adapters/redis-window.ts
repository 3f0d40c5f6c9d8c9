/**
 * The window of duplicates shared through Redis, over one in the process. Redis that is away, slow or
 * lost its data makes it as good as the process' own, never wrong: see W1 and W2.
 *
 * Keys: `<prefix>duplicate:<keyed hash>`, value: event id, expiring by themselves.
 */
import { Redis } from 'ioredis';

import { type DuplicateWindow, processWindow, windowTtlMs } from '../duplicate-window.ts';

/** A webhook waits no longer than this for Redis. */
const commandTimeoutMsDefault = 150;
const connectTimeoutMs = 1_000;
const reconnectDelayMsMax = 2_000;

/** After a failure Redis is left alone this long, so that one that hangs costs one wait, not one per webhook. */
const restMs = 1_000;

/** Opens the window. Connects in the background; `changed` is told whenever it becomes degraded or whole. */
export function openRedisWindow(
  redis: { readonly url: string; readonly keyPrefix: string },
  now: () => number,
  changed: (degraded: boolean) => void = () => undefined,
  commandTimeoutMs = commandTimeoutMsDefault,
): DuplicateWindow {
  const local = processWindow(now);
  const client = new Redis(redis.url, {
    keyPrefix: `${redis.keyPrefix}duplicate:`,
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    // Without a connection commands fail at once instead of waiting for one.
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: (attempt) => Math.min(100 * attempt, reconnectDelayMsMax),
  });
  // Without a listener the client writes to the console.
  client.on('error', () => undefined);
  let isDegraded = false;
  let restUntil = 0;

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
      // W2: whatever Redis says, the process' own window goes on.
      restUntil = now() + restMs;
      setDegraded(true);
      return undefined;
    }
  };

  return {
    async find(keys) {
      const found = await local.find(keys);
      const unknown = keys.filter((_, i) => found[i] === undefined);
      if (unknown.length === 0) return found;
      const answers = await attempt(() => client.mget(unknown));
      if (answers === undefined) return found;
      const elsewhere = new Map(unknown.map((key, i) => [key, answers[i] ?? undefined]));
      return keys.map((key, i) => found[i] ?? elsewhere.get(key));
    },
    async mark(events) {
      await local.mark(events);
      if (events.length === 0) return;
      await attempt(() => Promise.all(events.map(({ key, eventId }) => client.set(key, eventId, 'PX', windowTtlMs))));
    },
    degraded: () => isDegraded,
    async close() {
      client.disconnect();
      await local.close();
    },
  };
}
