/**
 * Work that is claimed from a table, so much of it at once.
 *
 * Owns what is in flight. Claims are leases: what ends here with a part that is away comes back when its lease is over.
 */
import { OperatingError } from './errors.ts';
import type { Logger } from './logger.ts';
import { startTurning } from './turning.ts';

/** What is done, and how. Times in milliseconds. */
export interface Pumped<Item> {
  readonly logger: Logger;
  /** Takes what is due, `count` at most; `inFlight` is what this process has. Throws `database.unavailable`. */
  readonly claim: (count: number, inFlight: readonly Item[]) => Promise<readonly Item[]>;
  /** Does it and settles it. What it throws that is not `retry` ends the pump. */
  readonly work: (item: Item) => Promise<void>;
  readonly concurrency: number;
  /** Longest sleep between looks: bounds how late what another process put off is seen. */
  readonly pollMs: number;
}

/** A pump that runs. */
export interface ClaimPump {
  /** Looks now instead of at the end of the sleep. */
  wake(): void;
  /** Claims no more; resolves when nothing is in flight, or after `graceMs`. */
  stop(graceMs: number): Promise<void>;
  /** Resolves when it was stopped and nothing is in flight. Rejects with the defect that ended it. */
  readonly finished: Promise<void>;
}

/** Starts a pump. */
export function startClaimPump<Item>({ logger, claim, work, concurrency, pollMs }: Pumped<Item>): ClaimPump {
  const inFlight = new Map<Promise<void>, Item>();
  let broken: { readonly cause: unknown } | undefined;

  const start = (item: Item): void => {
    const guarded = work(item)
      .catch((caught: unknown) => {
        if (!isAway(caught)) broken ??= { cause: caught };
      })
      .finally(() => {
        inFlight.delete(guarded);
        turning.wake();
      });
    inFlight.set(guarded, item);
  };

  const turn = async (): Promise<number> => {
    const free = concurrency - inFlight.size;
    const due = free <= 0 ? [] : await claim(free, [...inFlight.values()]);
    for (const item of due) start(item);
    if (broken !== undefined) throw broken.cause;
    return free <= 0 || due.length < free ? pollMs : 0;
  };

  const turning = startTurning({ logger, turn, idleMs: pollMs });
  return {
    wake: () => {
      turning.wake();
    },
    finished: turning.finished.then(async () => {
      await Promise.all(inFlight.keys());
    }),
    async stop(graceMs) {
      // A defect that ended it is told by `finished`.
      const over = turning.stop().then(
        () => Promise.all(inFlight.keys()),
        () => undefined,
      );
      const timer = Promise.withResolvers<undefined>();
      const cut = setTimeout(timer.resolve, graceMs, undefined);
      await Promise.race([over, timer.promise]);
      clearTimeout(cut);
    },
  };
}

const isAway = (caught: unknown): caught is OperatingError =>
  caught instanceof OperatingError && caught.disposition === 'retry';
