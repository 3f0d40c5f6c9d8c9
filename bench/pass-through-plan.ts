/** What the peer of the host is told, as a line of JSON on its standard input. */
import type { KafkaConfig } from '#runtime/config.ts';

/** What it writes to one topic. */
export interface PassThroughOutput {
  /** The broker's name. */
  readonly topic: string;
  readonly recordsPerInput: number;
  /** Of each record's value. */
  readonly bytes: number;
}

/** The whole job. */
export interface PassThroughPlan {
  readonly kafka: KafkaConfig;
  readonly groupId: string;
  /** The broker's name of the topic that is read, from its beginning. */
  readonly topic: string;
  readonly partitionCount: number;
  /** Records per transaction, as the host's slices have. */
  readonly sliceRecords: number;
  readonly outputs: readonly PassThroughOutput[];
}
