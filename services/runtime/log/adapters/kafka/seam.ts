/** Moments of a commit at which a process can die with different consequences. */
export type CommitPoint = 'begun' | 'appended' | 'offset-moved' | 'commit-sent';

/** Faults that tests stage and protections that they take out, to show that the suite would notice. Empty in production. */
export interface KafkaSeam {
  /** The process "hangs": no heartbeat is sent and its absence is not noticed. */
  heartbeatsStopped?: boolean;
  /** The process "dies" when this is aborted: its connections are cut. */
  readonly cut?: AbortSignal;
  /** Awaited with everything written but before the request that ends a transaction. */
  beforeEndOfTransaction?: (partition: number) => Promise<void>;
  /** Awaited at each of these moments; `commit-sent` while the request is under way. */
  reached?: (point: CommitPoint, partition: number) => Promise<void>;
  /** Awaited by a new owner before it fences. */
  beforeFence?: (partition: number) => Promise<void>;
  /** What becomes of the commit about to be sent. */
  loseNextAnswer?: () => 'applied' | 'lost' | undefined;
  /** Protection out: every owner has a transactional id of its own, so none fences another. */
  withoutFence?: boolean;
  /** Protection out: offsets are committed without member and generation, always in transactions. */
  withoutGenerationCheck?: boolean;
  /** Protection out: the committed offset is read before the fence, whether stable or not. */
  withoutRereadAfterFence?: boolean;
}
