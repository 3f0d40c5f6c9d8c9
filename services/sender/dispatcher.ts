/**
 * Decides what is worked on when.
 *
 * Owns: the deliveries in flight of this process. What comes from the log and has nothing before it is
 * carried at once; the rest is claimed by one loop. Each delivery is carried on its own, and wakes the
 * loop when it is done if something may have waited for it.
 *
 * R1 At most `concurrency` deliveries are in flight, `perInstance` of one instance. Room is taken before
 *    a claim is asked for.
 * R2 Waking is a hint: the poll alone finds everything (retries, other processes' leftovers, reports).
 * R3 What cannot be reached (database, log) is tried again at the next poll; anything else that a
 *    round throws ends the service.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Acceptance } from './acceptance.ts';
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
  /** Queues what came from the log and begins with what may be sent at once. Idempotent. Throws `database.unavailable`. */
  accept(arrived: Pick<Acceptance, 'replies' | 'declined'>): Promise<void>;
  /** Rejects when a round met a defect; resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Claims no more; resolves when nothing is in flight or `graceMs` have passed. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

const reportsPerRound = 100;
/** Chats that are remembered to have something waiting; past it, every delivery is taken for one of theirs. */
const waitingChatsMax = 10_000;

/** Starts the loop. */
export function startDispatcher(parts: DispatcherParts): Dispatcher {
  const { runtime, deliveries, courier, owner } = parts;
  const inFlight = new Set<Promise<void>>();
  /** Deliveries in flight or about to be, by instance. */
  const busy = new Map<string, number>();
  /** Chats of which something may be queued behind what is in flight. */
  const waitingChats = new Set<string>();
  /** Something may be queued that only waits for room. */
  let crowded = true;
  const stopping = Promise.withResolvers<undefined>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  /** Deliveries that may be begun by an acceptance on its way. */
  let reserved = 0;
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

  const occupy = (instance: string): void => void busy.set(instance, (busy.get(instance) ?? 0) + 1);
  const vacate = (instance: string): void => {
    const left = (busy.get(instance) ?? 1) - 1;
    if (left === 0) busy.delete(instance);
    else busy.set(instance, left);
  };

  const carry = async (
    delivery: ClaimedDelivery,
    how: (delivery: ClaimedDelivery) => Promise<PendingReport | undefined>,
  ): Promise<void> => {
    const { instance, conversation } = delivery;
    occupy(instance);
    let settled: PendingReport | undefined;
    try {
      settled = await how(delivery);
    } catch (caught) {
      // Its lease runs out, then somebody looks it up.
      tolerate(caught, 'delivery left to be looked up');
    } finally {
      vacate(instance);
      // The next one of the chat need not wait for the report.
      if (waitingChats.delete(conversation) || crowded || settled === undefined) wake();
    }
    if (settled !== undefined) await report(settled);
  };

  const free = (): number => parts.concurrency - inFlight.size - reserved;

  /** The first reply of each chat for which there is room, which is taken. */
  const reserve = (replies: Acceptance['replies']): ReadonlyMap<string, string> => {
    const chosen = new Map<string, string>();
    const chats = new Set<string>();
    for (const { reply } of replies) {
      const { actor, instance, eventId } = reply;
      if (stopped || chats.has(actor)) continue;
      chats.add(actor);
      if (free() <= 0 || (busy.get(instance) ?? 0) >= parts.perInstance) {
        crowded = true;
        continue;
      }
      chosen.set(eventId, instance);
      occupy(instance);
      reserved += 1;
    }
    return chosen;
  };

  const accept: Dispatcher['accept'] = async (arrived) => {
    const chosen = reserve(arrived.replies);
    try {
      const begin = new Set(chosen.keys());
      const { begun, queued } = await deliveries.accept({ ...arrived, owner, leaseMs: parts.leaseMs, begin });
      for (const chat of queued) waitingChats.add(chat);
      if (waitingChats.size > waitingChatsMax) {
        waitingChats.clear();
        crowded = true;
      }
      for (const delivery of begun) track(carry(delivery, (claimed) => courier.attempt(claimed)));
      // What they wait for may have ended meanwhile.
      if (queued.length > 0) wake();
    } finally {
      for (const instance of chosen.values()) vacate(instance);
      reserved -= chosen.size;
    }
  };

  const sweep = async (tenants: readonly string[]): Promise<void> => {
    if (!disowned) {
      await deliveries.disown(tenants, owner);
      disowned = true;
    }
    const stale = await deliveries.claimStale({ tenants, owner, leaseMs: parts.leaseMs, max: Math.max(free(), 0) });
    for (const delivery of stale) {
      waitingChats.add(delivery.conversation);
      track(carry(delivery, (claimed) => courier.lookUp(claimed)));
    }
    for (const pending of await deliveries.claimReports(tenants, reportsPerRound)) track(report(pending));
  };

  const round = async (): Promise<void> => {
    const tenants = await runtime.tenants.ids();
    if (performance.now() >= nextSweepAt) {
      await sweep(tenants);
      nextSweepAt = performance.now() + parts.pollMs;
    }
    const max = free();
    if (max <= 0) {
      crowded = true;
      return;
    }
    const { leaseMs, perInstance } = parts;
    crowded = [...busy.values()].some((calls) => calls >= perInstance);
    const due = await deliveries.claimDue({ tenants, owner, leaseMs, max, perInstance, busy });
    // Where nothing is found, nothing waits for room; else there may be more, and behind each of these.
    if (due.length > 0) crowded = true;
    for (const delivery of due) {
      waitingChats.add(delivery.conversation);
      track(carry(delivery, (claimed) => courier.attempt(claimed)));
    }
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
    accept,
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
