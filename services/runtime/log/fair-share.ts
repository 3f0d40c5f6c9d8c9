/** How many partitions each member of a group should own. */

/** A member and how many partitions it owns now. */
export interface Share {
  readonly member: string;
  readonly owned: number;
}

/**
 * The fair number of partitions per member: all alike, but that the remainder goes to those that
 * own most already, so that as little as possible moves. The same for everyone who sees the same shares.
 */
export function fairShares(shares: readonly Share[], partitionCount: number): ReadonlyMap<string, number> {
  const each = Math.floor(partitionCount / shares.length);
  const remainder = partitionCount % shares.length;
  const byOwned = [...shares].sort((a, b) => b.owned - a.owned || (a.member < b.member ? -1 : 1));
  return new Map(byOwned.map(({ member }, index) => [member, each + (index < remainder ? 1 : 0)]));
}
