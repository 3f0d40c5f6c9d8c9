/**
 * Shares the partitions of one topic among the members of a group: evenly, and with as few moves as
 * evenness allows, since every move costs a fence and a cold cache.
 */

/** A member and what it says of itself. */
export interface Candidate {
  readonly memberId: string;
  /** Generation in which `owned` was true. */
  readonly generation: number;
  readonly owned: readonly number[];
  /** Partitions it gave up because it cannot work on them now; somebody else gets them if there is anybody. */
  readonly declined: readonly number[];
}

/** The owner of every claimed partition; of two claims the later generation's counts, of equal ones neither. */
function undisputed(candidates: readonly Candidate[], partitions: ReadonlySet<number>): Map<number, string> {
  const claims = new Map<number, { memberId: string | undefined; generation: number }>();
  for (const { memberId, generation, owned } of candidates) {
    for (const partition of owned) {
      const rival = claims.get(partition);
      if (!partitions.has(partition) || (rival !== undefined && rival.generation > generation)) continue;
      const tied = rival?.generation === generation;
      claims.set(partition, { memberId: tied ? undefined : memberId, generation });
    }
  }
  const owners = new Map<number, string>();
  for (const [partition, { memberId }] of claims) if (memberId !== undefined) owners.set(partition, memberId);
  return owners;
}

/** Partitions per member. Deterministic; counts differ by one at most; every partition is in it once. */
export function assignSticky(
  candidates: readonly Candidate[],
  partitions: readonly number[],
): ReadonlyMap<string, readonly number[]> {
  if (candidates.length === 0) return new Map();
  const owners = undisputed(candidates, new Set(partitions));
  const claimsOf = (memberId: string): number[] => partitions.filter((partition) => owners.get(partition) === memberId);
  // Those with most go first, so that the odd partitions stay where they are.
  const byClaims = candidates
    .map((candidate) => ({ ...candidate, claims: claimsOf(candidate.memberId) }))
    .sort(
      (a, b) =>
        b.claims.length - a.claims.length ||
        a.declined.length - b.declined.length ||
        (a.memberId < b.memberId ? -1 : 1),
    );
  const share = Math.floor(partitions.length / candidates.length);
  const odd = partitions.length % candidates.length;
  const seats = byClaims.map(({ memberId, claims, declined }, index) => {
    const quota = index < odd ? share + 1 : share;
    return { memberId, quota, declined: new Set(declined), assigned: claims.slice(0, quota) };
  });

  const kept = new Set(seats.flatMap(({ assigned }) => assigned));
  const free = partitions.filter((partition) => !kept.has(partition));
  // Those that somebody declined first, while there is still a choice.
  free.sort((a, b) => declinedBy(seats, b) - declinedBy(seats, a) || a - b);
  for (const partition of free) seatFor(seats, partition)?.assigned.push(partition);
  return new Map(seats.map(({ memberId, assigned }) => [memberId, assigned.sort((a, b) => a - b)]));
}

interface Seat {
  readonly quota: number;
  readonly declined: ReadonlySet<number>;
  readonly assigned: number[];
}

/** The seat that gets a free partition: the emptiest that takes it, else one that swaps for it, else the emptiest. */
function seatFor(seats: readonly Seat[], partition: number): Seat | undefined {
  const open = seats
    .filter(({ assigned, quota }) => assigned.length < quota)
    .sort((a, b) => a.assigned.length - b.assigned.length);
  const [emptiest] = open;
  const willing = open.find(({ declined }) => !declined.has(partition));
  if (willing !== undefined || emptiest === undefined) return willing;
  for (const full of seats) {
    if (full.declined.has(partition)) continue;
    const at = full.assigned.findIndex((other) => !emptiest.declined.has(other));
    if (at === -1) continue;
    emptiest.assigned.push(...full.assigned.splice(at, 1));
    return full;
  }
  return emptiest;
}

const declinedBy = (seats: readonly Seat[], partition: number): number =>
  seats.filter(({ declined }) => declined.has(partition)).length;
