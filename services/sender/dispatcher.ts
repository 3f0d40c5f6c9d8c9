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
 * R4 Nothing is carried past what waits: a reply of an instance for which something due is left is queued.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Acceptance, PlacedReply } from './acceptance.ts';
import { type Round, type RoundParts, claimRound } from './claim-round.ts';
import type { Courier } from './courier.ts';
import type { ClaimedDelivery, Deliveries, PendingReport } from './deliveries.ts';
import type { DueWork } from './due-work.ts';
import { type SendClass, classOfLane } from './lanes.ts';
import type { Allowance, Permit } from './permits.ts';
import type { PositionedReply } from './placement.ts';

/** Work besides, with the reports that it leads to; it throws what R3 tolerates. */
export interface Chore {
  /** Done at polls that find this due; at every poll without it. */
  readonly when?: DueWork;
  readonly turn: (tenants: readonly string[]) => Promise<readonly PendingReport[]>;
}

/** What a dispatcher works with. Times in milliseconds. */
export interface DispatcherParts extends RoundParts {
  readonly runtime: Pick<Runtime, 'tenants' | 'logger'>;
  readonly deliveries: Deliveries;
  readonly courier: Courier;
  readonly place: (replies: readonly PositionedReply[]) => Promise<readonly PlacedReply[]>;
  readonly report: (report: PendingReport) => Promise<void>;
  /** What came due by itself; looked for at every poll. */
  readonly dueWork: (tenants: readonly string[]) => Promise<ReadonlySet<DueWork>>;
  readonly chores: readonly Chore[];
  /** No other process works on these data: what others left is taken over at once. */
  readonly soleOwner: boolean;
  readonly pollMs: number;
  readonly concurrency: number;
}

/** What came from the log. */
export interface Arrived extends Pick<Acceptance, 'declined'> {
  readonly replies: readonly PositionedReply[];
}

/** A running dispatcher. */
export interface Dispatcher {
  /** Queues what came from the log and begins with what may be sent at once. Idempotent. Throws `database.unavailable`. */
  accept(arrived: Arrived): Promise<void>;
  /** Rejects when a round met a defect; resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Claims no more; resolves when nothing is in flight or `graceMs` have passed. Idempotent. */
  stop(graceMs: number): Promise<void>;
}

const reportsPerRound = 100;
const putOffPerRound = 500;
/** How often chats are looked through for what waits behind nothing. */
const mendEveryMs = 5_000;
/** Chats that are remembered to have something waiting; past it, every delivery is taken for one of theirs. */
const waitingChatsMax = 10_000;

/** Starts the loop. */
export function startDispatcher(parts: DispatcherParts): Dispatcher {
  const { runtime, deliveries, claims, gates, courier, owner } = parts;
  const inFlight = new Set<Promise<void>>();
  /** Deliveries in flight or about to be, by instance. */
  const busy = new Map<string, number>();
  /** Chats of which something may be queued behind what is in flight. */
  const waitingChats = new Set<string>();
  /** Instances for which something due may be left (R4); `all` when any may. */
  let crowded: { readonly all: boolean; readonly instances: Set<string> } = { all: true, instances: new Set() };
  const stopping = Promise.withResolvers<undefined>();
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  /** Deliveries that may be begun by an acceptance on its way. */
  let reserved = 0;
  let stopped = false;
  let woken = Promise.withResolvers<undefined>();
  let disowned = !parts.soleOwner;
  let nextSweepAt = 0;
  let nextMendAt = 0;
  let mendedUpTo = '';

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
      // Cancelled by the API, which leaves what waits behind it to the sender.
      if (pending.status === 'cancelled') await claims.promote([pending.tenant], [pending.conversation]);
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

  const mayWaitFor = (instance: string): boolean => crowded.all || crowded.instances.has(instance);

  const carry = async (
    delivery: ClaimedDelivery,
    how: (delivery: ClaimedDelivery) => Promise<PendingReport | undefined>,
  ): Promise<void> => {
    const { instance, conversation } = delivery;
    occupy(instance);
    let settled: PendingReport | undefined;
    try {
      settled = await how(delivery);
      // It ended before it could tell anything of the account.
      if (gates.isProbing(instance)) await gates.leaveProbe(delivery);
    } catch (caught) {
      // Its lease runs out, then somebody looks it up.
      tolerate(caught, 'delivery left to be looked up');
    } finally {
      vacate(instance);
      // The next one of the chat need not wait for the report.
      if (waitingChats.delete(conversation) || mayWaitFor(instance) || settled === undefined) wake();
    }
    if (settled !== undefined) await report(settled);
  };

  const carryOut = (delivery: ClaimedDelivery, permit: Permit): void =>
    track(carry(delivery, (claimed) => courier.attempt(claimed, permit)).finally(() => permit.release()));

  const free = (): number => parts.concurrency - inFlight.size - reserved;

  /** The first reply of each chat for which there is room, which is taken. */
  const candidates = (
    replies: readonly PlacedReply[],
    perInstance: ReadonlyMap<string, number>,
  ): readonly PlacedReply[] => {
    const chats = new Set<string>();
    return replies.filter(({ reply: { actor, instance }, notBefore, lane }) => {
      if (stopped || chats.has(actor)) return false;
      chats.add(actor);
      if (notBefore !== null || classOfLane(lane) === 'cold' || mayWaitFor(instance)) return false;
      if (free() <= 0 || (busy.get(instance) ?? 0) >= (perInstance.get(instance) ?? 0)) {
        crowded.instances.add(instance);
        return false;
      }
      occupy(instance);
      reserved += 1;
      return true;
    });
  };

  /** Most calls in flight, by instance. */
  const mostOf = async (replies: readonly PlacedReply[]): Promise<ReadonlyMap<string, number>> => {
    const tenants = new Map(replies.map(({ reply }) => [reply.instance, reply.tenant]));
    const found = [...tenants].map(
      async ([instance, tenant]) => [instance, await parts.perInstance(tenant, instance)] as const,
    );
    return new Map(await Promise.all(found));
  };

  /** Permits for candidates, those of an instance together. */
  const permitted = async (chosen: readonly PlacedReply[]): Promise<ReadonlyMap<string, Permit>> => {
    const permits = new Map<string, Permit>();
    for (const [instance, of] of Map.groupBy(chosen, ({ reply }) => reply.instance)) {
      const classes = [...new Set(of.map(({ lane }) => classOfLane(lane)))];
      const allowance: Allowance = await parts.permits.allow(of[0]?.reply.tenant ?? '', instance, classes, of.length);
      let total = allowance.total;
      for (const { reply, lane } of of) {
        const sendClass: SendClass = classOfLane(lane);
        if (total === 0 || allowance.of(sendClass) === 0) {
          crowded.instances.add(instance);
          continue;
        }
        total -= 1;
        permits.set(reply.eventId, allowance.permit(sendClass));
      }
      allowance.close();
    }
    return permits;
  };

  const accept: Dispatcher['accept'] = async ({ replies, declined }) => {
    const placed = await parts.place(replies);
    const chosen = candidates(placed, await mostOf(placed));
    let permits: ReadonlyMap<string, Permit> = new Map();
    try {
      permits = await permitted(chosen);
      const begin = new Set(permits.keys());
      const { leaseMs } = parts;
      const { begun, queued } = await deliveries.accept({ replies: placed, declined, owner, leaseMs, begin });
      for (const [chat] of queued) waitingChats.add(chat);
      if (waitingChats.size > waitingChatsMax) {
        waitingChats.clear();
        crowded = { ...crowded, all: true };
      }
      for (const delivery of begun) {
        const permit = permits.get(delivery.id);
        if (permit !== undefined) carryOut(delivery, permit);
      }
      const isBegun = new Set(begun.map(({ id }) => id));
      for (const [id, permit] of permits) if (!isBegun.has(id)) permit.release();
      if (queued.length > 0) {
        await claims.raise([...new Set(placed.map(({ reply }) => reply.tenant))], queued);
        // What they wait for may have ended meanwhile.
        wake();
      }
    } catch (caught) {
      for (const permit of permits.values()) permit.release();
      throw caught;
    } finally {
      for (const { reply } of chosen) vacate(reply.instance);
      reserved -= chosen.length;
    }
  };

  const lookUpStale = async (tenants: readonly string[]): Promise<void> => {
    const stale = await claims.claimStale({ tenants, owner, leaseMs: parts.leaseMs, max: Math.max(free(), 0) });
    for (const delivery of stale) {
      waitingChats.add(delivery.conversation);
      track(carry(delivery, (claimed) => courier.lookUp(claimed)));
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
      for (const pending of await deliveries.claimReports(tenants, reportsPerRound)) track(report(pending));
    if (due.has('put-off')) await claims.queuePutOff(tenants, putOffPerRound);
    if (performance.now() >= nextMendAt) {
      mendedUpTo = await claims.mend(tenants, mendedUpTo);
      nextMendAt = performance.now() + mendEveryMs;
    }
    for (const { when, turn } of parts.chores) {
      if (when !== undefined && !due.has(when)) continue;
      for (const pending of await turn(tenants)) track(report(pending));
    }
  };

  /** Milliseconds until the next round, as far as is known. */
  const round = async (): Promise<number> => {
    const tenants = await runtime.tenants.ids();
    if (performance.now() >= nextSweepAt) {
      await sweep(tenants);
      nextSweepAt = performance.now() + parts.pollMs;
    }
    const max = free();
    if (max <= 0) {
      crowded = { ...crowded, all: true };
      return Infinity;
    }
    const found: Round = await claimRound(parts, tenants, max, busy);
    crowded = { all: found.claimed.length >= max, instances: new Set(found.crowded) };
    for (const { delivery, permit } of found.claimed) {
      waitingChats.add(delivery.conversation);
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
