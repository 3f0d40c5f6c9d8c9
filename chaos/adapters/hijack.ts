/** A producer that takes the transactional id of an actor host away from it. */
import { topics } from '#schemas/topics.ts';
import type { KafkaConfig } from '#runtime/config.ts';

import { openKafkaClient } from '../../bench/adapters/broker-admin.ts';

/** Writes a reply that nobody asked for in a transaction of the host's own id; aborts it, or leaves it to the host's next fence. */
export async function hijackTransactionalId(config: KafkaConfig, partition: number, aborts: boolean): Promise<void> {
  const { topicPrefix: prefix } = config;
  const producer = openKafkaClient(config).producer({
    transactionalId: `${prefix}conversation-${topics.events}-${partition}`,
    idempotent: true,
    maxInFlightRequests: 1,
    transactionTimeout: 4_000,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.send({
      topic: prefix + topics.replies,
      messages: [{ key: 'hijacked', value: 'hijacked', partition }],
    });
    if (aborts) await transaction.abort();
  } catch {
    // The host was faster and has fenced us: as good a hijack as any.
  } finally {
    await producer.disconnect();
  }
}
