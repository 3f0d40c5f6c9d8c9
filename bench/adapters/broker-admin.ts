/** What benches ask of the broker besides what the log's port offers, by kafkajs' own admin client. */
import { type Admin, Kafka, logLevel } from 'kafkajs';

import type { KafkaConfig } from '#runtime/config.ts';

/** A plain kafkajs client on the configured broker. */
export function openKafkaClient({ brokers, ssl, sasl }: KafkaConfig): Kafka {
  return new Kafka({
    brokers: [...brokers],
    clientId: 'bench',
    logLevel: logLevel.NOTHING,
    ssl,
    // kafkajs types each mechanism apart; the shape is the same.
    ...(sasl === undefined ? {} : { sasl: sasl as never }),
  });
}

async function withAdmin<T>(config: KafkaConfig, work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = openKafkaClient(config).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Deletes every topic whose name begins with the prefix. */
export async function deleteTopics(config: KafkaConfig, prefix: string): Promise<void> {
  await withAdmin(config, async (admin) => {
    const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
    if (topics.length > 0) await admin.deleteTopics({ topics });
  });
}

/** Looks at what a group has committed. */
export interface CommitWatch {
  /** Sum of the committed offsets of all partitions. */
  committed(): Promise<number>;
  close(): Promise<void>;
}

/**
 * Watches a group on a topic, both by the broker's names. Offsets of a transaction count once it is
 * committed, and one that is under way is not waited for.
 */
export async function watchCommits(config: KafkaConfig, groupId: string, topic: string): Promise<CommitWatch> {
  const admin = openKafkaClient(config).admin();
  await admin.connect();
  return {
    async committed() {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
      // -1: nothing was committed there.
      return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
    },
    close: () => admin.disconnect(),
  };
}
