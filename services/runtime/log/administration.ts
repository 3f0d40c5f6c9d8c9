/**
 * What only a growth of the log does to its topics. Two adapters: `adapters/kafka/administration.ts` and
 * `adapters/postgres/administration.ts`. Names are the broker's, without the prefix of the installation.
 */

/** Acts on topics as they are at the broker. */
export interface LogAdministration {
  /** Members that the groups have now. Throws `log.unavailable`. */
  members(groups: readonly string[]): Promise<number>;
  /**
   * Makes topics take no more records: from then on appends and commits with outputs are refused as
   * `log.unavailable`, in every process. Idempotent. Throws `log.unavailable`.
   */
  hold(topics: readonly string[]): Promise<void>;
  /** Makes them take records again. Idempotent. Throws `log.unavailable`. */
  release(topics: readonly string[]): Promise<void>;
  /** Whether any of some topics takes no more; those that do not exist are left out. Throws `log.unavailable`. */
  areHeld(topics: readonly string[]): Promise<boolean>;
  /** Idempotent. */
  close(): Promise<void>;
}
