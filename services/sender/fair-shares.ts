/**
 * Weighted fairness between the priorities of an instance, by start-time fair queueing (Goyal, Vin and
 * Cheng, 1996): each priority has a virtual time at which its next message starts, which moves on by its
 * stride with each message; the earliest start goes next, the more urgent one of equals.
 *
 * Owns: the virtual times of the instances of this process. Each process is fair by itself, so that all
 * together are. A restart begins anew, which shifts shares by one round at most.
 *
 * F1 Of what waits all the time, each priority gets its weight's share: within any 21 messages 16, 4
 *    and 1, give or take one round.
 * F2 One that waited for nothing begins now: it has saved up no share, and is behind nobody's.
 */
import { Lru } from '#runtime/lru.ts';

import { priorities } from './lanes.ts';

/** Shares of high, normal and low. */
export const weights = [16, 4, 1] as const;

/** By how much the virtual time of each priority moves on with a message. */
export const strides: readonly number[] = weights.map((weight) => weights[0] / weight);

const instancesMax = 10_000;

/** The virtual times of instances. */
export class FairShares {
  readonly #starts = new Lru<string, readonly number[]>(instancesMax);

  /** Where each priority's next message starts, the most urgent first. */
  starts(instance: string): readonly number[] {
    return this.#starts.get(instance) ?? priorities.map(() => 0);
  }

  /** Messages of each priority went, the earliest starts of those that could. */
  took(instance: string, counts: readonly number[]): void {
    const before = this.starts(instance);
    const served = before.map((start, p) => {
      const count = counts[p] ?? 0;
      return count === 0 ? -Infinity : start + (count - 1) * (strides[p] ?? 1);
    });
    const now = Math.max(...served);
    if (now === -Infinity) return;
    // F2: one whose next start is earlier than what was served had nothing more.
    const after = before.map((start, p) => Math.max(start + (counts[p] ?? 0) * (strides[p] ?? 1), now));
    const base = Math.min(...after);
    this.#starts.set(
      instance,
      after.map((start) => start - base),
    );
  }
}
