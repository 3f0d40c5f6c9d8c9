/**
 * Decides what is worked on when.
 *
 * Owns: the loop of this process. What comes from the log and has nothing before it is carried at once
 * (`arrivals.ts`); the rest is claimed by the loop. Each delivery is carried on its own, and wakes the loop when
 * it is done if something may have waited for it.
 *
 * R1 No more is claimed or begun than there is room for (`room.ts`).
 * R2 Waking is a hint: the poll alone finds everything (retries, other processes' leftovers, reports).
 * R3 What cannot be reached (database, log) is tried again at the next poll; anything else that a
 *    round throws ends the service.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type Acceptor, type ArrivalParts, createAcceptor } from './arrivals.ts';
import { type Round, type RoundParts, claimRound } from './claim-round.ts';
import type { Courier } from './courier.ts';
import type { ClaimedDelivery, Deliveries, PendingReport } from './deliveries.ts';
import type { DueWork } from './due-work.ts';
import type { Permit } from './permits.ts';
import { Room } from './room.ts';

/** Work besides, with the reports that it leads to; it throws what R3 tolerates. */
export interface Chore {
  /** Done at polls that find this due; at every poll without it. */
  readonly when?: DueWork;
  readonly turn: (tenants: readonly string[]) => Promise<readonly PendingReport[]>;
}

/** What a dispatcher works with. Times in milliseconds. */
export interface DispatcherParts extends RoundParts, ArrivalParts {
  readonly runtime: Pick<Runtime, 'tenants' | 'logger'>;
  readonly deliveries: Pick<Deliveries, 'accept' | 'disown' | 'claimReports'>;
  readonly courier: Courier;
  readonly report: (report: PendingReport) => Promise<void>;
  /** What came due by itself; looked for at every poll. */
  readonly dueWork: (tenants: readonly string[]) => Promise<ReadonlySet<DueWork>>;
  readonly chores: readonly Chore[];
  /** No other process works on these data: what others left is taken over at once. */
  readonly soleOwner: boolean;
  readonly pollMs: number;
  readonly concurrency: number;
}

/** A running dispatcher. */
export interface Dispatcher {
  readonly accept: Acceptor;
  /** Rejects when a round met a defect; resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Claims no more; resolves when nothing is in flight or `graceMs` have passed. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

const reportsPerRound = 100;
const putOffPerRound = 500;
/** How often chats are looked through for what waits behind nothing. */
const mendEveryMs = 5_000;

/** Starts the loop. */
export function startDispatcher(parts: DispatcherParts): Dispatcher {
  const { runtime, deliveries, claims, gates, courier, owner } = parts;
  const room = new Room(parts.concurrency);
  const stopping = Promise.withResolvers<undefined>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  let stopped = false;
  let woken = Promise.withResolvers<undefined>();
  let disowned = !parts.soleOwner;
  let nextSweepAt = 0;
  let nextMendAt = 0;
  let mendedUpTo = '';

  const wake = (): void => woken.resolve(undefined);

  /** R3: any other error ends the service. */
  const tolerate = (error: unknown, doing: string): void => {
    if (error instanceof OperatingError && (error.disposition === 'retry' || error.disposition === 'yield')) {
      runtime.logger.warn(doing, { code: error.code });
    } else {
      failed.reject(error);
    }
  };

  const report = async (pending: PendingReport): Promise<void> => {
    try {
      // Cancelled by the API, which leaves what waits behind it to the sender.
      if (pending.status === 'cancelled') await claims.promote([pending.tenant], [pending.conversation]);
      await parts.report(pending);
    } catch (caught) {
      tolerate(caught, 'delivery report postponed');
    }
  };

  const carry = async (
    delivery: ClaimedDelivery,
    how: (delivery: ClaimedDelivery) => Promise<PendingReport | undefined>,
  ): Promise<void> => {
    const { instance, conversation } = delivery;
    room.occupy(instance);
    let settled: PendingReport | undefined;
    try {
      settled = await how(delivery);
      // It ended before it could tell anything of the account.
      if (gates.isProbing(instance)) await gates.leaveProbe(delivery);
    } catch (caught) {
      // Its lease runs out, then somebody looks it up.
      tolerate(caught, 'delivery left to be looked up');
    } finally {
      room.vacate(instance);
      // The next one of the chat need not wait for the report.
      if (room.takeQueued(conversation) || room.isCrowded(instance) || settled === undefined) wake();
    }
    if (settled !== undefined) await report(settled);
  };

  const carryOut = (delivery: ClaimedDelivery, permit: Permit): void =>
    room.track(carry(delivery, (claimed) => courier.attempt(claimed, permit)).finally(() => permit.release()));

  const lookUpStale = async (tenants: readonly string[]): Promise<void> => {
    const stale = await claims.claimStale({ tenants, owner, leaseMs: parts.leaseMs, max: Math.max(room.free, 0) });
    for (const delivery of stale) {
      room.queued(delivery.conversation);
      room.track(carry(delivery, (claimed) => courier.lookUp(claimed)));
    }
  };

  const sweep = async (tenants: readonly string[]): Promise<void> => {
    if (!disowned) {
      await deliveries.disown(tenants, owner);
      disowned = true;
    }
    const due = await parts.dueWork(tenants);
    if (due.has('stale')) await lookUpStale(tenants);
    if (due.has('reports'))
      for (const pending of await deliveries.claimReports(tenants, reportsPerRound)) room.track(report(pending));
    if (due.has('put-off')) await claims.queuePutOff(tenants, putOffPerRound);
    if (performance.now() >= nextMendAt) {
      mendedUpTo = await claims.mend(tenants, mendedUpTo);
      nextMendAt = performance.now() + mendEveryMs;
    }
    for (const { when, turn } of parts.chores) {
      if (when !== undefined && !due.has(when)) continue;
      for (const pending of await turn(tenants)) room.track(report(pending));
    }
  };

  /** Milliseconds until the next round, as far as is known. */
  const round = async (): Promise<number> => {
    const tenants = await runtime.tenants.ids();
    if (performance.now() >= nextSweepAt) {
      await sweep(tenants);
      nextSweepAt = performance.now() + parts.pollMs;
    }
    const max = room.free;
    if (max <= 0) {
      room.crowdAll();
      return Infinity;
    }
    const found: Round = await claimRound(parts, tenants, max, room.busy);
    room.looked(found.claimed.length >= max, found.crowded);
    for (const { delivery, permit } of found.claimed) {
      room.queued(delivery.conversation);
      carryOut(delivery, permit);
    }
    return found.againInMs;
  };

  const run = async (): Promise<void> => {
    while (!stopped) {
      woken = Promise.withResolvers();
      let againInMs = Infinity;
      try {
        againInMs = await round();
      } catch (caught) {
        tolerate(caught, 'sending postponed');
        // A wake-up would only meet the same failure.
        await pause(parts.pollMs, stopping.promise);
      }
      await pause(Math.min(parts.pollMs, againInMs), woken.promise, stopping.promise);
    }
  };

  const loop = run();
  const finished = Promise.race([failed.promise, loop]);
  finished.catch(() => undefined);

  return {
    accept: createAcceptor(parts, room, { begin: carryOut, queued: wake }),
    finished,
    async stop(graceMs) {
      stopped = true;
      room.close();
      stopping.resolve(undefined);
      await loop;
      await pause(graceMs, room.empty());
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
