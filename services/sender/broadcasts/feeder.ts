/**
 * Broadcasts: hands over, a minute ahead and at the pace that was asked for, one message per recipient. From
 * there on each is an ordinary message: its conversation's machine says whether the person may be written to.
 *
 * B1 One message per recipient, whatever crashes and however many senders there are: its id is decided by
 *    broadcast and conversation, and it is written together with the recipient's step in one transaction.
 * B2 The pace is the broadcast's row, not a process's: the transaction that hands over moves `next_due_at` on,
 *    and only while nobody else has begun a turn since or changed the status.
 * B3 No more is on its way than two minutes' worth: what limits, pauses and quiet hours hold back waits here.
 * B4 Every recipient is handed over or skipped with a reason; what still waits when a broadcast ends counts as
 *    cancelled.
 */
import { openBroadcast, cancelHandedOver, settleHandedOver } from '#runtime/broadcasts/handed-over.ts';
import type { Sql } from '#runtime/database/database.ts';
import { auditRecord, derivedId, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { PolicyFinder } from '../placement.ts';
import { gatherPage } from './gathering.ts';
import { dueTimes, roomOf } from './pace.ts';
import { type Prepared, prepareRecipients, readWaiting, writePrepared } from './recipients.ts';
import { type Broadcast, type Segment, type Step, advance, claimBroadcasts } from './turns.ts';

/** The loop's two halves, for `startClaimPump`. */
export interface BroadcastFeeder {
  /** Takes broadcasts that are to be looked at. Throws `database.unavailable`. */
  claim(count: number): Promise<readonly Broadcast[]>;
  /** Looks at one. Does nothing when it is another's by now. Throws `database.unavailable`, `vault.unavailable`, `log.unavailable`. */
  turn(broadcast: Broadcast): Promise<void>;
}

/** What is due sooner than this is handed over. */
const aheadMs = 60_000;
/** Most recipients of one turn: other broadcasts get theirs in between. */
const handedMax = 200;
const againMs = 1_000;
/** Longest sleep of one that waits: settings may change meanwhile. */
const sleepMsMax = 30_000;

/** Makes the feeder. */
export function createBroadcastFeeder(
  runtime: Pick<Runtime, 'database' | 'directory' | 'instances' | 'log' | 'now' | 'tenants' | 'vault'>,
  policyOf: PolicyFinder,
): BroadcastFeeder {
  const { database, log, now, tenants, vault } = runtime;

  /** Writes a step with what belongs to it, if the turn is still ours (B2). */
  const step = (broadcast: Broadcast, to: Step, besides?: (sql: Sql) => Promise<void>): Promise<void> =>
    database.transaction([broadcast.tenant], async (sql) => {
      if (!(await advance(sql, broadcast, to))) return;
      await besides?.(sql);
      // Before the commit: lost in between, the step is made again, and the record is the same.
      if (to.status !== undefined) await log.append([outgoing(ended(broadcast, to.status, now()))]);
    });

  const gather = async (broadcast: Broadcast, segment: Segment): Promise<void> => {
    await database.transaction([broadcast.tenant], async (sql) => {
      if (!(await advance(sql, broadcast, { wakeAt: now() }))) return;
      if (await gatherPage(sql, broadcast, segment, now())) return;
      await log.append([outgoing(ended(broadcast, 'failed', now()))]);
    });
  };

  const feed = async (broadcast: Broadcast, at: number): Promise<void> => {
    const onTheWay = await settleHandedOver(database, broadcast);
    const room = Math.min(handedMax, roomOf(broadcast, onTheWay));
    const due = dueTimes(broadcast, await policyOf(broadcast.tenant), { at, until: at + aheadMs, count: room });
    const waiting = await readWaiting(database, broadcast, Math.max(due.times.length, 1));
    if (waiting.length === 0 && onTheWay === 0) return step(broadcast, { status: 'finished', wakeAt: null });
    let prepared: readonly Prepared[] = [];
    if (due.times.length > 0) {
      const content = await openBroadcast(vault, broadcast, broadcast.content);
      if (content === undefined) return step(broadcast, { status: 'failed', reason: 'content-erased', wakeAt: at });
      prepared = await prepareRecipients(runtime, broadcast, content, waiting, due.times, at);
    }
    const used = prepared.filter(({ request }) => request !== undefined).length;
    const nextDueAt = due.times[used] ?? due.next;
    const hasMore = prepared.length === handedMax || used < prepared.length;
    const later = Math.min(Math.max(at + againMs, nextDueAt - aheadMs), at + sleepMsMax);
    await step(broadcast, { wakeAt: hasMore ? at : onTheWay > 0 ? at + againMs : later, nextDueAt }, (sql) =>
      writePrepared(sql, broadcast, prepared),
    );
  };

  /** What was on its way when it ended may have come back to the queue. */
  const sweep = async (broadcast: Broadcast, at: number): Promise<void> => {
    await cancelHandedOver(database, broadcast);
    const left = await settleHandedOver(database, broadcast);
    await step(broadcast, { wakeAt: left === 0 ? null : at + againMs });
  };

  return {
    claim: async (count) => claimBroadcasts(database, await tenants.ids(), now(), count),

    async turn(broadcast) {
      const at = now();
      const { tenant, instance, status, segment, is_gathered: isGathered, expires_at: expiresAt } = broadcast;
      if (status !== 'running') return sweep(broadcast, at);
      if (expiresAt !== null && expiresAt.getTime() <= at) return step(broadcast, { status: 'expired', wakeAt: at });
      if ((await runtime.instances.read(tenant, instance)) === undefined)
        return step(broadcast, { status: 'failed', reason: 'instance-removed', wakeAt: at });
      if (!isGathered) return gather(broadcast, segment ?? {});
      return feed(broadcast, at);
    },
  };
}

/** The audit of an end that nobody ordered. */
const ended = ({ tenant, id, instance }: Broadcast, how: string, at: number) =>
  auditRecord(uncaused(tenant, instance, derivedId('a', tenant, 'broadcast', id, how), at), {
    action: `broadcast.${how}`,
    instance,
    subject: id,
  });
