/**
 * The window of duplicates: which events were recorded in the last hours, so that most repeated
 * webhooks end here. It is a saving, not a guarantee: two deliveries at the same moment may both
 * pass, and what it forgot passes again. The actor's own memory is the guarantee.
 *
 * W1 A key is marked only after the log acknowledged its event: what is found was recorded.
 * W2 Nothing here throws. A part that is away makes the window forgetful, never wrong.
 */

/** How long a recorded event is known. WAHA's retries end within minutes, Evolution's within hours. */
export const windowTtlMs = 6 * 60 * 60_000;

/** Entries that one process knows. About 200 bytes each. */
const windowEntriesMax = 200_000;

/** An event that was recorded. `key` is a keyed hash, so it names nobody. */
export interface RecordedEvent {
  readonly key: string;
  readonly eventId: string;
}

/** Remembers recorded events. Nothing throws (W2). */
export interface DuplicateWindow {
  /** For each key the id of the event that was recorded under it; undefined when none is known. */
  find(keys: readonly string[]): Promise<readonly (string | undefined)[]>;
  /** Remembers recorded events. Call it after the log's acknowledgement (W1). Idempotent. */
  mark(events: readonly RecordedEvent[]): Promise<void>;
  /** True while a part is away: other processes' events may not be known. */
  degraded(): boolean;
  /** Releases connections. Idempotent. */
  close(): Promise<void>;
}

/** A window in this process, for one process or while there is no other. `now`: epoch milliseconds. */
export function processWindow(now: () => number, entriesMax = windowEntriesMax): DuplicateWindow {
  // In the order of marking, so the first are the oldest.
  const entries = new Map<string, { readonly eventId: string; readonly until: number }>();

  const forgetOldest = (): void => {
    for (const [key, entry] of entries) {
      if (entries.size <= entriesMax && entry.until > now()) return;
      entries.delete(key);
    }
  };

  return {
    async find(keys) {
      return keys.map((key) => {
        const entry = entries.get(key);
        return entry !== undefined && entry.until > now() ? entry.eventId : undefined;
      });
    },
    async mark(events) {
      for (const { key, eventId } of events) {
        // Put at the end, where its time belongs.
        entries.delete(key);
        entries.set(key, { eventId, until: now() + windowTtlMs });
      }
      forgetOldest();
    },
    degraded: () => false,
    async close() {
      entries.clear();
    },
  };
}
