/**
 * What comes from the log: queued, and begun at once where nothing is before it and there is room for it.
 *
 * Q1 Nothing is begun past what waits: a reply of an instance for which something due may be left is queued.
 * Q2 Room and permit are taken before a reply is accepted as begun, and given back where it was not.
 * Q3 What was read before, and is missing in Postgres, is not begun: it is looked up (A4 of `acceptance.ts`).
 */
import type { Acceptance, PlacedReply } from './acceptance.ts';
import type { RoundParts } from './claim-round.ts';
import type { ClaimedDelivery, Deliveries } from './deliveries.ts';
import { classOfLane } from './lanes.ts';
import type { Permit, Permits } from './permits.ts';
import type { PositionedReply } from './placement.ts';
import type { Room } from './room.ts';

/** What came from the log. */
export interface Arrived extends Pick<Acceptance, 'declined' | 'group' | 'slices' | 'again'> {
  readonly replies: readonly PositionedReply[];
}

/** What accepting needs. */
export interface ArrivalParts extends Pick<RoundParts, 'claims' | 'permits' | 'owner' | 'leaseMs' | 'perInstance'> {
  readonly deliveries: Pick<Deliveries, 'accept'>;
  readonly place: (replies: readonly PositionedReply[]) => Promise<readonly PlacedReply[]>;
}

/** What is done with what was accepted. */
export interface ArrivalHooks {
  /** Carries a delivery. The permit is the carrier's from then on. */
  readonly begin: (delivery: ClaimedDelivery, permit: Permit) => void;
  /** Something was queued. */
  readonly queued: () => void;
}

/**
 * Queues what came from the log and begins with what may be sent at once. Idempotent. Nothing is done where it throws:
 * `database.unavailable`, or what `progressMove` (`queue-progress.ts`) says where Postgres lacks what came before.
 */
export type Acceptor = (arrived: Arrived) => Promise<void>;

/** Makes the function that accepts. */
export function createAcceptor(parts: ArrivalParts, room: Room, hooks: ArrivalHooks): Acceptor {
  const { owner, leaseMs, perInstance } = parts;

  return async ({ replies, ...arrived }) => {
    const placed = await parts.place(replies);
    const chosen = arrived.again ? [] : candidates(placed, await mostOf(placed, perInstance), room);
    let permits: ReadonlyMap<string, Permit> = new Map();
    try {
      permits = await permitted(chosen, parts.permits, room);
      const begin = new Set(permits.keys());
      const accepting = { ...arrived, replies: placed, owner, leaseMs, begin };
      const { begun, queued } = await parts.deliveries.accept(accepting);
      for (const [chat] of queued) room.queued(chat);
      for (const delivery of begun) {
        const permit = permits.get(delivery.id);
        if (permit !== undefined) hooks.begin(delivery, permit);
      }
      const isBegun = new Set(begun.map(({ id }) => id));
      for (const [id, permit] of permits) if (!isBegun.has(id)) permit.release();
      if (queued.length > 0) {
        await parts.claims.raise([...new Set(placed.map(({ reply }) => reply.tenant))], queued);
        // What they wait for may have ended meanwhile.
        hooks.queued();
      }
    } catch (caught) {
      for (const permit of permits.values()) permit.release();
      throw caught;
    } finally {
      room.release(chosen.map(({ reply }) => reply.instance));
    }
  };
}

/** The first reply of each chat for which there is room, which is taken (Q1, Q2). */
function candidates(
  replies: readonly PlacedReply[],
  most: ReadonlyMap<string, number>,
  room: Room,
): readonly PlacedReply[] {
  const chats = new Set<string>();
  return replies.filter(({ reply: { actor, instance }, notBefore, lane }) => {
    if (chats.has(actor)) return false;
    chats.add(actor);
    if (notBefore !== null || classOfLane(lane) === 'cold' || room.isCrowded(instance)) return false;
    return room.reserve(instance, most.get(instance) ?? 0);
  });
}

/** Most calls in flight, by instance. */
async function mostOf(
  replies: readonly PlacedReply[],
  perInstance: RoundParts['perInstance'],
): Promise<ReadonlyMap<string, number>> {
  const tenants = new Map(replies.map(({ reply }) => [reply.instance, reply.tenant]));
  const found = [...tenants].map(
    async ([instance, tenant]) => [instance, await perInstance(tenant, instance)] as const,
  );
  return new Map(await Promise.all(found));
}

/** Permits for candidates, those of an instance together. */
async function permitted(
  chosen: readonly PlacedReply[],
  permits: Permits,
  room: Room,
): Promise<ReadonlyMap<string, Permit>> {
  const granted = new Map<string, Permit>();
  for (const [instance, of] of Map.groupBy(chosen, ({ reply }) => reply.instance)) {
    const classes = [...new Set(of.map(({ lane }) => classOfLane(lane)))];
    const allowance = await permits.allow(of[0]?.reply.tenant ?? '', instance, classes, of.length);
    let total = allowance.total;
    for (const { reply, lane } of of) {
      const sendClass = classOfLane(lane);
      if (total === 0 || allowance.of(sendClass) === 0) {
        room.crowd(instance);
        continue;
      }
      total -= 1;
      granted.set(reply.eventId, allowance.permit(sendClass));
    }
    allowance.close();
  }
  return granted;
}
