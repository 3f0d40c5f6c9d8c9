/**
 * Turns of work, one after the other, with a sleep between them that can be ended: the loop of services that look into a
 * table again and again.
 */
import { OperatingError } from './errors.ts';
import type { Logger } from './logger.ts';

/** Turns that go on. */
export interface Turning {
  /** Looks now instead of at the end of the sleep; in a turn, right after it. */
  wake(): void;
  /** Begins no more turns; resolves as `finished` does. Idempotent. */
  stop(): Promise<void>;
  /** Resolves when it was stopped and the last turn is over. Rejects with what a turn threw. */
  readonly finished: Promise<void>;
}

/** Starts turns. `turn` gives how long to sleep after it, in milliseconds; one that threw `retry` is followed by `idleMs`. */
export function startTurning({
  logger,
  turn,
  idleMs,
}: {
  readonly logger: Logger;
  readonly turn: () => Promise<number>;
  readonly idleMs: number;
}): Turning {
  let isStopped = false;
  let isWoken = false;
  let endSleep = (): void => undefined;

  const sleep = async (ms: number): Promise<void> => {
    if (isWoken || ms <= 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
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
      const sleepMs = await turn().catch((caught: unknown) => {
        if (!(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
        logger.warn('waiting for a part that is away', { code: caught.code });
        return idleMs;
      });
      await sleep(sleepMs);
    }
  };

  const wake = (): void => {
    isWoken = true;
    endSleep();
  };
  const finished = run();
  return {
    wake,
    finished,
    stop() {
      isStopped = true;
      wake();
      return finished;
    },
  };
}
