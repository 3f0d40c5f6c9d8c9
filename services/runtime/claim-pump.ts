/**
 * Work that is claimed from a table, so much of it at once.
 *
 * Owns what is in flight. Claims are leases: what ends here with a part that is away comes back when its lease is over.
 */
import { OperatingError } from './errors.ts';
import type { Logger } from './logger.ts';

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
  let isStopped = false;
  let isWoken = false;
  let broken: { readonly cause: unknown } | undefined;
  let endSleep = (): void => undefined;

  const wake = (): void => {
    isWoken = true;
    endSleep();
  };

  const start = (item: Item): void => {
    const guarded = work(item)
      .catch((caught: unknown) => {
        if (!isAway(caught)) broken ??= { cause: caught };
      })
      .finally(() => {
        inFlight.delete(guarded);
        wake();
      });
    inFlight.set(guarded, item);
  };

  const claimDue = async (count: number): Promise<readonly Item[]> => {
    try {
      return count === 0 ? [] : await claim(count, [...inFlight.values()]);
    } catch (caught) {
      if (!isAway(caught)) throw caught;
      logger.warn('waiting for a part that is away', { code: caught.code });
      return [];
    }
  };

  const sleep = async (): Promise<void> => {
    if (isWoken) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pollMs);
      endSleep = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    endSleep = () => undefined;
  };

  const run = async (): Promise<void> => {
    while (!isStopped) {
      isWoken = false;
      const free = concurrency - inFlight.size;
      const due = await claimDue(free);
      for (const item of due) start(item);
      if (broken !== undefined) throw broken.cause;
      if (free === 0 || due.length < free) await sleep();
    }
    await Promise.all(inFlight.keys());
  };

  return {
    wake,
    finished: run(),
    async stop(graceMs) {
      isStopped = true;
      wake();
      const timer = Promise.withResolvers<undefined>();
      const cut = setTimeout(timer.resolve, graceMs, undefined);
      await Promise.race([Promise.all(inFlight.keys()), timer.promise]);
      clearTimeout(cut);
    },
  };
}

const isAway = (caught: unknown): caught is OperatingError =>
  caught instanceof OperatingError && caught.disposition === 'retry';
