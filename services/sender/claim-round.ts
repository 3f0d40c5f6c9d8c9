/**
 * One round of claims: what is due, of instances whose gate lets it pass, within room and limits, shared
 * fairly between priorities.
 */
import type { ClaimedDelivery } from './deliveries.ts';
import type { Claims, LaneRoom, WaitingLane } from './claims.ts';
import type { FairShares } from './fair-shares.ts';
import type { Gates } from './gates.ts';
import { type SendClass, classOfLane, priorities, urgencyOfLane } from './lanes.ts';
import type { Allowance, Permit, Permits } from './permits.ts';

/** What a round works with. Times in milliseconds. */
export interface RoundParts {
  readonly claims: Claims;
  readonly gates: Gates;
  readonly permits: Permits;
  readonly shares: FairShares;
  readonly owner: string;
  readonly leaseMs: number;
  /** Most calls in flight of an instance; throws `database.unavailable`. */
  readonly perInstance: (tenant: string, instance: string) => Promise<number>;
}

/** What a round found. */
export interface Round {
  readonly claimed: readonly { readonly delivery: ClaimedDelivery; readonly permit: Permit }[];
  /** Instances for which something due may be left. */
  readonly crowded: ReadonlySet<string>;
  /** Milliseconds after which another round can do more, as far as is known; Infinity when it is not. */
  readonly againInMs: number;
}

/** An instance with something due. */
interface DueInstance {
  readonly tenant: string;
  readonly instance: string;
  readonly lanes: readonly number[];
  readonly gate: WaitingLane['gate'];
}

/** Claims up to `max` in all, `busy` being the calls in flight by instance. Throws `database.unavailable`, `vault.unavailable`. */
export async function claimRound(
  parts: RoundParts,
  tenants: readonly string[],
  max: number,
  busy: ReadonlyMap<string, number>,
): Promise<Round> {
  const waiting = await parts.claims.waiting(tenants);
  const crowded = new Set<string>();
  const allowances = new Map<string, Allowance>();
  const probed: DueInstance[] = [];
  let againInMs = Math.min(Infinity, ...waiting.map(({ dueInMs }) => (dueInMs > 0 ? dueInMs : Infinity)));
  const again = (ms: number): void => void (againInMs = Math.min(againInMs, Math.max(ms, 1)));
  try {
    const rooms: LaneRoom[] = [];
    for (const due of dueInstances(waiting, crowded, again)) {
      const most = await parts.perInstance(due.tenant, due.instance);
      const free = due.gate === 'probe' ? 1 : most - (busy.get(due.instance) ?? 0);
      const wanted = Math.min(free, max);
      if (wanted <= 0) crowded.add(due.instance);
      if (wanted <= 0) continue;
      if (due.gate === 'probe') {
        if (!(await parts.gates.takeProbe(due, parts.owner, parts.leaseMs))) continue;
        probed.push(due);
      }
      const allowance = await parts.permits.allow(due.tenant, due.instance, inTurn(due.lanes), wanted);
      allowances.set(due.instance, allowance);
      if (allowance.waitMs !== undefined) {
        crowded.add(due.instance);
        again(allowance.waitMs);
      }
      rooms.push(...roomsOf(due, allowance, parts.shares.starts(due.instance)));
    }
    const { owner, leaseMs } = parts;
    const claimed = await parts.claims.claimDue({ tenants, owner, leaseMs, max, rooms });
    const counts = countsOf(claimed);
    for (const [instance, taken] of counts) {
      parts.shares.took(instance, taken);
      if (taken.reduce((sum, count) => sum + count, 0) >= (allowances.get(instance)?.total ?? 0)) crowded.add(instance);
    }
    for (const due of probed) if (!counts.has(due.instance)) await parts.gates.leaveProbe(due);
    return {
      claimed: claimed.map((delivery) => ({
        delivery,
        permit: allowances.get(delivery.instance)?.permit(classOfLane(delivery.lane)) ?? neverHeld,
      })),
      crowded,
      againInMs,
    };
  } finally {
    for (const allowance of allowances.values()) allowance.close();
  }
}

/** Instances with something due that may pass now; the others are noted. */
function dueInstances(
  waiting: readonly WaitingLane[],
  crowded: Set<string>,
  again: (ms: number) => void,
): readonly DueInstance[] {
  const due = new Map<string, DueInstance>();
  for (const { tenant, instance, lane, dueInMs, gate, gateInMs, coldShut } of waiting) {
    if (dueInMs > 0) continue;
    if (gate === 'shut') {
      crowded.add(instance);
      again(gateInMs);
      continue;
    }
    if (coldShut && classOfLane(lane) === 'cold') continue;
    const known = due.get(instance);
    due.set(instance, { tenant, instance, gate, lanes: [...(known?.lanes ?? []), lane] });
  }
  return [...due.values()];
}

let turn = 0;

/** The classes of lanes. They begin in turns: where two share a bound, the first would always have all of it. */
function inTurn(lanes: readonly number[]): readonly SendClass[] {
  const classes = [...new Set(lanes.map(classOfLane))];
  const first = turn++ % classes.length;
  return [...classes.slice(first), ...classes.slice(0, first)];
}

const roomsOf = (
  { instance, lanes }: DueInstance,
  allowance: Allowance,
  starts: readonly number[],
): readonly LaneRoom[] =>
  lanes.flatMap((lane) => {
    const classRoom = allowance.of(classOfLane(lane));
    const room = Math.min(classRoom, allowance.total);
    const start = starts[urgencyOfLane(lane)] ?? 0;
    return room === 0 ? [] : [{ instance, lane, room, classRoom, instanceRoom: allowance.total, start }];
  });

/** How many of each priority were claimed, by instance. */
function countsOf(claimed: readonly ClaimedDelivery[]): ReadonlyMap<string, readonly number[]> {
  const counts = new Map<string, number[]>();
  for (const { instance, lane } of claimed) {
    const taken = counts.get(instance) ?? priorities.map(() => 0);
    const urgency = urgencyOfLane(lane);
    taken[urgency] = (taken[urgency] ?? 0) + 1;
    counts.set(instance, taken);
  }
  return counts;
}

const neverHeld: Permit = { confirm: () => Promise.resolve(0), release: () => undefined };
