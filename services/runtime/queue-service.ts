/**
 * A service that keeps what a topic says in a table, and works through the table beside that. Owns the order of its end:
 * nothing more is read, then nothing more is begun, then what goes on is cut.
 */
import { type RecordConsumption, consumeRecords } from './log/consume-records.ts';
import type { Follower } from './log/queue-progress.ts';
import type { RunningService, Runtime } from './runtime.ts';

/** What such a service is made of. Times in milliseconds. */
export interface QueueService extends Omit<RecordConsumption, 'handle' | 'closeGap'> {
  /** Keeps what the topic says. */
  readonly follower: Follower;
  /** Does it. */
  readonly worker: {
    wake(): void;
    /** Begins nothing more; resolves when nothing goes on, or after `graceMs`. */
    stop(graceMs: number): Promise<void>;
    readonly finished: Promise<void>;
  };
  /** Time that `stop` gives to what goes on; none unless given. */
  readonly stopGraceMs?: number;
  /** What is done now and then for all tenants; a failure is logged, and the next time comes. */
  readonly housekeeping?: {
    readonly everyMs: number;
    /** To be broken off when `signal` says so. */
    readonly run: (tenants: readonly string[], signal: AbortSignal) => Promise<unknown>;
  };
  /** Cuts what goes on still. */
  readonly cut?: () => Promise<void>;
  /** Last of all. */
  readonly close?: () => Promise<void>;
}

/** Starts the service. Resolves when it consumes. */
export async function startQueueService(runtime: Runtime, service: QueueService): Promise<RunningService> {
  const { follower, worker, housekeeping, stopGraceMs = 0, cut, close, ...reading } = service;
  const consumer = await consumeRecords(runtime, {
    ...reading,
    handle: async (slices) => {
      if (await follower.handle(slices)) worker.wake();
    },
    closeGap: async (slice, lost) => {
      if (await follower.closeGap(slice, lost)) worker.wake();
    },
  });
  const endHousekeeping = housekeeping === undefined ? undefined : keepHouse(runtime, housekeeping);
  const stop = async (): Promise<void> => {
    const kept = endHousekeeping?.();
    await consumer.stop();
    await worker.stop(stopGraceMs);
    await cut?.();
    await Promise.all([worker.finished, kept]);
    await close?.();
  };
  let stopping: Promise<void> | undefined;
  const finished = Promise.all([consumer.finished, worker.finished]).then(() => stopping);
  finished.catch(() => undefined);
  return { name: reading.group, finished, stop: () => (stopping ??= stop()) };
}

/** Now and every so often, one at a time; what it gives ends it. */
function keepHouse(
  { tenants, logger }: Pick<Runtime, 'tenants' | 'logger'>,
  { everyMs, run }: NonNullable<QueueService['housekeeping']>,
): () => Promise<void> {
  const ending = new AbortController();
  let going = Promise.resolve();
  const turn = (): void => {
    going = going
      .then(async () => (ending.signal.aborted ? undefined : run(await tenants.ids(), ending.signal)))
      .then(
        () => undefined,
        (caught: unknown) => {
          logger.warn('housekeeping failed', { error: caught });
        },
      );
  };
  const timer = setInterval(turn, everyMs);
  turn();
  return () => {
    clearInterval(timer);
    ending.abort();
    return going;
  };
}
