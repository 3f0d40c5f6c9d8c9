/**
 * What an actor has already been told: the guarantee that a repeated webhook has one effect, however
 * late it comes. Bounded in time (eight days: Meta retries for seven) and in number; when it
 * overflows, it keeps the provider time below which an unknown id can no longer be told from a
 * repetition, and such records are kept but not acted on.
 */
import { hash } from 'node:crypto';

import type { SealedChange, SealedMessage, SealedStatus } from '#schemas/content.ts';
import type { ActorEvent } from '#schemas/records.ts';

const windowMs = 8 * 24 * 3_600_000;
const entriesMax = 1_000;
/** 16 characters of base 64. */
const keyBytes = 12;

/** Keys with the times at which they were seen, oldest first. */
export interface SeenWindow {
  readonly entries: readonly (readonly [key: string, at: number, providerAt: number])[];
  /** Provider time (epoch ms) at or below which nothing unknown is acted on; 0 until an overflow. */
  readonly lowWater: number;
}

/** Nothing seen. */
export const nothingSeen: SeenWindow = { entries: [], lowWater: 0 };

/**
 * What makes two records the same event. For what a provider reports: kind, stable message id and what
 * happened to it, not who reports it: while a line goes over from one instance to another, both tell of
 * the same message. For all else the event id, which is derived or carries the asker's id.
 */
export function seenKey(record: ActorEvent, opened: unknown): string {
  switch (record.type) {
    case 'message.received':
    case 'message.echoed':
      return short(record.type, (opened as SealedMessage).stableId);
    case 'message.changed': {
      const change = opened as SealedChange;
      return short(record.type, record.change, change.stableId, change.target);
    }
    case 'message.status': {
      const status = opened as SealedStatus;
      return short(record.type, record.status, status.stableId, status.participant ?? '');
    }
    default:
      return short(record.eventId);
  }
}

/** Whether a record was seen, or is too old to tell. */
export function wasSeen(window: SeenWindow, key: string, providerAt: number | null): boolean {
  for (const entry of window.entries) if (entry[0] === key) return true;
  return providerAt !== null && providerAt <= window.lowWater;
}

/**
 * The window with one more key; forgets what is too old, and the oldest beyond the bound. A provider whose clock is ahead
 * dates nothing later than it came: else all that is not would be too old once that key is forgotten.
 */
export function remember(window: SeenWindow, key: string, at: number, providerAt: number | null): SeenWindow {
  // Times inside an actor never go back, so what is too old stands at the beginning.
  const { entries } = window;
  let from = 0;
  while ((entries[from]?.[1] ?? Infinity) <= at - windowMs) from += 1;
  const kept = entries.slice(from);
  kept.push([key, at, Math.min(providerAt ?? 0, at)]);
  if (kept.length <= entriesMax) return { entries: kept, lowWater: window.lowWater };
  const [dropped, ...rest] = kept;
  return { entries: rest, lowWater: Math.max(window.lowWater, dropped?.[2] ?? 0) };
}

/** What either saw, within the bounds of `remember`. */
export function joinSeen(one: SeenWindow, other: SeenWindow): SeenWindow {
  const known = new Set(one.entries.map(([key]) => key));
  const all = [...one.entries, ...other.entries.filter(([key]) => !known.has(key))].sort((a, b) => a[1] - b[1]);
  const dropped = all.slice(0, Math.max(0, all.length - entriesMax));
  return {
    entries: all.slice(dropped.length),
    lowWater: Math.max(one.lowWater, other.lowWater, ...dropped.map(([, , providerAt]) => providerAt)),
  };
}

/** The first bytes of a hash. (Cutting its text would keep the whole of it alive, and slow to compare.) */
const short = (...parts: readonly string[]): string =>
  Buffer.from(hash('sha256', JSON.stringify(parts), 'binary'), 'latin1').toString('base64url', 0, keyBytes);
