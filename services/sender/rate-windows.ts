/**
 * Sliding windows: at most `max` calls in any `windowMs`, by the clock of whoever receives them.
 *
 * W1 Several windows of one question are asked together: all grant, or none does.
 * W2 A permit has a name and counts without a break from when it is taken until `windowMs` after its call
 *    has ended. When that is not told it counts until `windowMs` after `heldMs`, which outlasts any call.
 *    What was not used is given back by its name, so that nobody ends another's.
 * W3 So no stretch of `windowMs` sees more than `max` calls, however late a call begins, however long it lasts, wherever
 *    within it the receiver sees it. For of the calls seen in such a stretch let L be the one whose permit
 *    was taken last, so before the stretch is over. Each other one was taken before L and ended after the
 *    stretch began, so it counts until after the stretch: it counted when L was granted. What counts
 *    then, L included, is at most `max`.
 * W4 Nothing here throws. A part that is away makes the windows smaller, never larger.
 *
 * It costs what it must: who does not know when within a call it is seen uses `max` in `windowMs` and the
 * time from taking to end. So whoever holds a permit ends it as soon as the call is over.
 */
import { Lru } from '#runtime/lru.ts';

/** One bound. `key` names nobody: it is made of opaque ids. */
export interface RateWindow {
  readonly key: string;
  readonly max: number;
  readonly windowMs: number;
}

/** What was granted of what was asked for. */
export interface RateGrant {
  /** The names of the permits. */
  readonly names: readonly string[];
  /** Milliseconds until one more can be granted, if what is in flight ends now; 0 when all were. */
  readonly waitMs: number;
}

/** A permit, and the windows in which it counts. */
export interface NamedPermit {
  readonly name: string;
  readonly windows: readonly RateWindow[];
}

/** Windows of one process, or shared by several. */
export interface RateWindows {
  /** Takes up to `wanted` permits of each of the windows, for calls that end within `heldMs`. */
  take(windows: readonly RateWindow[], wanted: number, heldMs: number): Promise<RateGrant>;
  /** Those were not used. Not waited for. */
  giveBack(permits: readonly NamedPermit[]): void;
  /** The call of those is over: they count from now. Not waited for. */
  end(permits: readonly NamedPermit[]): void;
  /** True while permits cannot be shared. */
  degraded(): boolean;
  /** Releases connections. Idempotent. */
  close(): Promise<void>;
}

/** Windows in memory; the keys that were not asked for longest are forgotten. */
const keysMax = 50_000;

/** Windows of this process alone. */
export class LocalWindows {
  /** The moment that each permit counts from, by key and name. Of one that is held it is yet to come. */
  readonly #countsFrom = new Lru<string, Map<string, number>>(keysMax);
  readonly #now: () => number;
  readonly #prefix: string;
  #serial = 0;

  /** `now`: epoch milliseconds. `prefix` begins the names of permits. */
  constructor(now: () => number, prefix = '') {
    this.#now = now;
    this.#prefix = prefix;
  }

  take(windows: readonly RateWindow[], wanted: number, heldMs: number): RateGrant {
    const now = this.#now();
    const granted = Math.min(wanted, ...windows.map((window) => Math.max(window.max - this.#used(window, now), 0)));
    const names = Array.from({ length: granted }, () => `${this.#prefix}${(this.#serial++).toString(36)}`);
    this.note(windows, names, heldMs);
    return {
      names,
      waitMs: granted === wanted ? 0 : Math.max(1, ...windows.map((window) => this.#wait(window, now))),
    };
  }

  /** Permits that somebody else granted to this process. */
  note(windows: readonly RateWindow[], names: readonly string[], heldMs: number): void {
    if (names.length === 0) return;
    const now = this.#now();
    for (const window of windows) {
      this.#used(window, now);
      for (const name of names) this.#count(window, name, now + heldMs);
    }
  }

  giveBack(permits: readonly NamedPermit[]): void {
    for (const { name, windows } of permits) for (const { key } of windows) this.#countsFrom.get(key)?.delete(name);
  }

  end(permits: readonly NamedPermit[]): void {
    const now = this.#now();
    for (const { name, windows } of permits) for (const window of windows) this.#count(window, name, now);
  }

  /** How many count; what is over is forgotten. */
  #used({ key, windowMs }: RateWindow, now: number): number {
    const permits = this.#countsFrom.get(key);
    if (permits === undefined) return 0;
    for (const [name, from] of permits) if (from <= now - windowMs) permits.delete(name);
    return permits.size;
  }

  #count({ key }: RateWindow, name: string, from: number): void {
    const permits = this.#countsFrom.get(key) ?? new Map<string, number>();
    permits.set(name, from);
    this.#countsFrom.set(key, permits);
  }

  #wait({ key, max, windowMs }: RateWindow, now: number): number {
    const from = [...(this.#countsFrom.get(key)?.values() ?? [])];
    if (from.length < max) return 0;
    // As a rule there are as many as may be: then the first of them frees a place.
    const first =
      from.length === max ? from.reduce((a, b) => Math.min(a, b), now) : from.sort((a, b) => a - b)[from.length - max];
    return Math.min(first ?? now, now) + windowMs - now;
  }
}

/** Windows for one process, or while there is no other. */
export function processWindows(now: () => number): RateWindows {
  const local = new LocalWindows(now);
  return {
    take: (windows, wanted, heldMs) => Promise.resolve(local.take(windows, wanted, heldMs)),
    giveBack: (permits) => local.giveBack(permits),
    end: (permits) => local.end(permits),
    degraded: () => false,
    close: () => Promise.resolve(),
  };
}
