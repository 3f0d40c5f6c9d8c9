/**
 * The window of duplicates shared through Redis, over one in the process. Redis that is away, slow or
 * lost its data makes it as good as the process' own, never wrong: see W1 and W2. Webhooks of the same
 * moment share their questions and marks: written one by one they cost more than the rest of a webhook.
 *
 * Keys: `<prefix>duplicate:<keyed hash>`, value: event id, expiring by themselves.
 */
import { joinCalls } from '#runtime/joined-calls.ts';
import { openOptionalRedis } from '#runtime/redis/adapters/optional-redis.ts';

import { type DuplicateWindow, type RecordedEvent, processWindow, windowTtlMs } from '../duplicate-window.ts';

/** A webhook waits no longer than this for Redis. */
const commandTimeoutMsDefault = 150;

/** Calls that share one round trip. Those of a body of many events have many keys each. */
const callsMax = 250;

/** Opens the window. Connects in the background; `changed` is told whenever it becomes degraded or whole. */
export function openRedisWindow(
  redis: { readonly url: string; readonly keyPrefix: string },
  now: () => number,
  changed: (degraded: boolean) => void = () => undefined,
  commandTimeoutMs = commandTimeoutMsDefault,
): DuplicateWindow {
  const local = processWindow(now);
  // W2: whatever Redis says, the process' own window goes on.
  const shared = openOptionalRedis({
    url: redis.url,
    keyPrefix: `${redis.keyPrefix}duplicate:`,
    commandTimeoutMs,
    now,
    changed,
  });

  const ask = joinCalls<readonly string[], ReadonlyMap<string, string>>(
    async (calls) => {
      const keys = [...new Set(calls.flat())];
      const answers = (await shared.attempt(() => shared.client.mget(keys))) ?? [];
      const known = new Map(keys.flatMap((key, i) => (typeof answers[i] === 'string' ? [[key, answers[i]]] : [])));
      return calls.map(() => known);
    },
    { callsMax },
  );

  const tell = joinCalls<readonly RecordedEvent[], undefined>(
    async (calls) => {
      await shared.attempt(async () => {
        const commands = shared.client.pipeline();
        for (const { key, eventId } of calls.flat()) commands.set(key, eventId, 'PX', windowTtlMs);
        const failed = (await commands.exec())?.find(([error]) => error !== null)?.[0];
        if (failed instanceof Error) throw failed;
      });
      return calls.map(() => undefined);
    },
    { callsMax },
  );

  return {
    async find(keys) {
      const found = await local.find(keys);
      const unknown = keys.filter((_, i) => found[i] === undefined);
      if (unknown.length === 0 || shared.resting()) return found;
      const elsewhere = await ask(unknown).catch(() => undefined);
      return keys.map((key, i) => found[i] ?? elsewhere?.get(key));
    },
    async mark(events) {
      await local.mark(events);
      // Refused when too many wait, as if Redis were slow (W2).
      if (events.length > 0 && !shared.resting()) await tell(events).catch(() => undefined);
    },
    degraded: () => shared.degraded(),
    async close() {
      shared.close();
      await local.close();
    },
  };
}
