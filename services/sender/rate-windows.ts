/**
 * Sliding windows: at most `max` permits in any `windowMs`, counted one by one.
 *
 * W1 In any `windowMs`, by the clock of whoever counts, no more than `max` are granted. Several windows of
 *    one question are asked together: all grant, or none does.
 * W2 A permit that was not used can be given back. One that was used for something that lasted can be
 *    renewed at its end: it then counts from there.
 * W3 Nothing here throws. A part that is away makes the windows smaller, never larger.
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
  readonly granted: number;
  /** Milliseconds until one more can be granted; 0 when all were. */
  readonly waitMs: number;
  /** The moment that the permits count from, by the clock of whoever counts. */
  readonly at: number;
}

/** Windows of one process, or shared by several. */
export interface RateWindows {
  /** Takes up to `wanted` permits of each of the windows. */
  take(windows: readonly RateWindow[], wanted: number): Promise<RateGrant>;
  /** Gives the newest permits back. Not waited for. */
  giveBack(windows: readonly RateWindow[], count: number): void;
  /** A permit that was granted at `at` counts from now. Not waited for. */
  renew(windows: readonly RateWindow[], at: number): void;
  /** True while permits cannot be shared. */
  degraded(): boolean;
  /** Releases connections. Idempotent. */
  close(): Promise<void>;
}

/** Windows in memory; the keys that were not asked for longest are forgotten. */
const keysMax = 50_000;

/** Windows of this process alone. */
export class LocalWindows {
  /** Times of permits by key, oldest first. */
  readonly #times = new Lru<string, number[]>(keysMax);
  readonly #now: () => number;

  /** `now`: epoch milliseconds. */
  constructor(now: () => number) {
    this.#now = now;
  }

  take(windows: readonly RateWindow[], wanted: number): RateGrant {
    const now = this.#now();
    const granted = Math.min(wanted, ...windows.map((window) => Math.max(window.max - this.#used(window, now), 0)));
    for (const window of windows) this.#note(window.key, granted, now);
    return {
      at: now,
      granted,
      waitMs: granted === wanted ? 0 : Math.max(1, ...windows.map((window) => this.#wait(window, now))),
    };
  }

  /** Permits that somebody else granted to this process. */
  note(windows: readonly RateWindow[], count: number): void {
    const now = this.#now();
    for (const window of windows) {
      this.#used(window, now);
      this.#note(window.key, count, now);
    }
  }

  giveBack(windows: readonly RateWindow[], count: number): void {
    for (const { key } of windows) {
      const times = this.#times.get(key);
      times?.splice(Math.max(times.length - count, 0));
    }
  }

  renew(windows: readonly RateWindow[], at: number): void {
    const now = this.#now();
    for (const { key } of windows) {
      const times = this.#times.get(key) ?? [];
      const place = times.indexOf(at);
      if (place !== -1) times.splice(place, 1);
      times.push(now);
      this.#times.set(key, times);
    }
  }

  /** How many are in the window; what is older is forgotten. */
  #used({ key, windowMs }: RateWindow, now: number): number {
    const times = this.#times.get(key);
    if (times === undefined) return 0;
    const first = times.findIndex((at) => at > now - windowMs);
    times.splice(0, first === -1 ? times.length : first);
    return times.length;
  }

  #note(key: string, count: number, now: number): void {
    if (count === 0) return;
    const times = this.#times.get(key) ?? [];
    for (let i = 0; i < count; i += 1) times.push(now);
    this.#times.set(key, times);
  }

  #wait({ key, max, windowMs }: RateWindow, now: number): number {
    const times = this.#times.get(key) ?? [];
    return times.length < max ? 0 : (times[times.length - max] ?? now) + windowMs - now;
  }
}

/** Windows for one process, or while there is no other. */
export function processWindows(now: () => number): RateWindows {
  const local = new LocalWindows(now);
  return {
    take: (windows, wanted) => Promise.resolve(local.take(windows, wanted)),
    giveBack: (windows, count) => local.giveBack(windows, count),
    renew: (windows, at) => local.renew(windows, at),
    degraded: () => false,
    close: () => Promise.resolve(),
  };
}
