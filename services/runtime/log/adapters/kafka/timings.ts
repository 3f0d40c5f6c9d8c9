/** The times of the Kafka adapter, in milliseconds. */

/** All of them; the defaults are for production. */
export interface KafkaTimings {
  /** A member that was silent this long is out of its group. */
  readonly sessionTimeoutMs: number;
  /** Members learn of a rebalance by a heartbeat, and it ends when all of them have: partitions that stay wait for it too. */
  readonly heartbeatIntervalMs: number;
  /** How long a rebalance waits for members to finish what they do. */
  readonly rebalanceTimeoutMs: number;
  /**
   * The broker aborts a transaction that is open this long. Below the session timeout: what a dead
   * owner left is gone before its partitions are given on, and readers are not held up longer.
   */
  readonly transactionTimeoutMs: number;
  /** Longest wait for one answer. */
  readonly requestTimeoutMs: number;
  /** Longest wait of a caller of `append`. Whoever waits is a webhook that must be answered. */
  readonly appendTimeoutMs: number;
  /** Longest time that questions (`ends`, `lag`, …) are repeated. */
  readonly questionTimeoutMs: number;
  /** Longest wait for slices in process when a consumer stops. */
  readonly stopTimeoutMs: number;
}

export const kafkaTimingsDefault: KafkaTimings = {
  sessionTimeoutMs: 30_000,
  heartbeatIntervalMs: 1_000,
  rebalanceTimeoutMs: 60_000,
  transactionTimeoutMs: 10_000,
  requestTimeoutMs: 4_000,
  appendTimeoutMs: 4_000,
  questionTimeoutMs: 5_000,
  stopTimeoutMs: 8_000,
};

/** The times that go with a session timeout: heartbeats often enough for it, transactions shorter than it. */
export function kafkaTimingsFor(sessionTimeoutMs: number): KafkaTimings {
  const { heartbeatIntervalMs, transactionTimeoutMs } = kafkaTimingsDefault;
  return {
    ...kafkaTimingsDefault,
    sessionTimeoutMs,
    heartbeatIntervalMs: Math.min(heartbeatIntervalMs, Math.floor(sessionTimeoutMs / 10)),
    transactionTimeoutMs: Math.min(transactionTimeoutMs, Math.floor(sessionTimeoutMs * 0.8)),
  };
}
