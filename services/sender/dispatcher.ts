/**
 * Decides what is worked on when.
 *
 * Owns: the deliveries in flight of this process. One loop claims; each claimed delivery is carried
 * on its own and wakes the loop when it is done.
 *
 * R1 At most `concurrency` deliveries are in flight, `perInstance` of one instance.
 * R2 Waking is a hint: the poll alone finds everything (retries, other processes' leftovers, reports).
 * R3 What cannot be reached (database, log) is tried again at the next poll; anything else that a
 *    round throws ends the service.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Courier } from './courier.ts';
import type { ClaimedDelivery, Deliveries, PendingReport } from './deliveries.ts';

/** What a dispatcher works with. Times in milliseconds. */
export interface DispatcherParts {
  readonly runtime: Pick<Runtime, 'tenants' | 'logger'>;
  readonly deliveries: Deliveries;
  readonly courier: Courier;
  readonly report: (report: PendingReport) => Promise<void>;
  /** Names this process in claims. */
  readonly owner: string;
  /** No other process works on these data: what others left is taken over at once. */
  readonly soleOwner: boolean;
  readonly pollMs: number;
  readonly leaseMs: number;
  readonly concurrency: number;
  readonly perInstance: number;
}

/** A running dispatcher. */
export interface Dispatcher {
  /** There may be something to send. */
  wake(): void;
  /** Rejects when a round met a defect; resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Claims no more; resolves when nothing is in flight or `graceMs` have passed. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

const reportsPerRound = 100;

/** Starts the loop. */
export function startDispatcher(parts: DispatcherParts): Dispatcher {
  const { runtime, deliveries, courier, owner } = parts;
  const inFlight = new Set<Promise<void>>();
  const busy = new Map<string, number>();
  const stopping = Promise.withResolvers<undefined>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let stopped = false;
  let woken = Promise.withResolvers<undefined>();
  let disowned = !parts.soleOwner;
  let nextSweepAt = 0;

  const wake = (): void => woken.resolve(undefined);

  /** R3: false when the error ends the service. */
  const tolerate = (error: unknown, doing: string): void => {
    if (error instanceof OperatingError && (error.disposition === 'retry' || error.disposition === 'yield')) {
      runtime.logger.warn(doing, { code: error.code });
    } else {
      failed.reject(error);
    }
  };

  const track = (work: Promise<void>): void => {
    const tracked: Promise<void> = work.finally(() => inFlight.delete(tracked));
    inFlight.add(tracked);
  };

  const report = async (pending: PendingReport): Promise<void> => {
    try {
      await parts.report(pending);
    } catch (caught) {
      tolerate(caught, 'delivery report postponed');
    }
  };

  const carry = async (
    delivery: ClaimedDelivery,
    how: (delivery: ClaimedDelivery) => Promise<PendingReport | undefined>,
  ): Promise<void> => {
    const { instance } = delivery;
    busy.set(instance, (busy.get(instance) ?? 0) + 1);
    let settled: PendingReport | undefined;
    try {
      settled = await how(delivery);
    } catch (caught) {
      // Its lease runs out, then somebody looks it up.
      tolerate(caught, 'delivery left to be looked up');
    } finally {
      const calls = (busy.get(instance) ?? 1) - 1;
      if (calls === 0) busy.delete(instance);
      else busy.set(instance, calls);
      // The next one of the chat need not wait for the report.
      wake();
    }
    if (settled !== undefined) await report(settled);
  };

  const free = (): number => parts.concurrency - inFlight.size;

  const sweep = async (tenants: readonly string[]): Promise<void> => {
    if (!disowned) {
      await deliveries.disown(tenants, owner);
      disowned = true;
    }
    const stale = await deliveries.claimStale({ tenants, owner, leaseMs: parts.leaseMs, max: Math.max(free(), 0) });
    for (const delivery of stale) track(carry(delivery, (claimed) => courier.lookUp(claimed)));
    for (const pending of await deliveries.claimReports(tenants, reportsPerRound)) track(report(pending));
  };

  const round = async (): Promise<void> => {
    const tenants = await runtime.tenants.ids();
    if (performance.now() >= nextSweepAt) {
      await sweep(tenants);
      nextSweepAt = performance.now() + parts.pollMs;
    }
    const max = free();
    if (max <= 0) return;
    const { leaseMs, perInstance } = parts;
    const due = await deliveries.claimDue({ tenants, owner, leaseMs, max, perInstance, busy });
    for (const delivery of due) track(carry(delivery, (claimed) => courier.attempt(claimed)));
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      woken = Promise.withResolvers();
      try {
        await round();
      } catch (caught) {
        tolerate(caught, 'sending postponed');
        // A wake-up would only meet the same failure.
        await pause(parts.pollMs, stopping.promise);
      }
      await pause(parts.pollMs, woken.promise, stopping.promise);
    }
  };

  const loop = run();
  const finished = Promise.race([failed.promise, loop]);
  finished.catch(() => undefined);

  return {
    wake,
    finished,
    async stop(graceMs) {
      stopped = true;
      stopping.resolve(undefined);
      await loop;
      await pause(graceMs, Promise.allSettled(inFlight));
    },
  };
}

/** Resolves after `ms`, or sooner with one of the others. */
async function pause(ms: number, ...sooner: readonly Promise<unknown>[]): Promise<void> {
  const timeout = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => timeout.resolve(undefined), ms);
  await Promise.race([timeout.promise, ...sooner]);
  clearTimeout(timer);
}
