/**
 * The peer of the actor host: what kafkajs alone costs for the same traffic. Its own consumer reads the
 * same records in the same slices; for each slice one transaction writes as many records of as many
 * bytes to as many topics as the host did, and moves the offset. Nothing is decoded, sealed or stored.
 *
 * Reads a `PassThroughPlan` from its standard input, writes a line when it reads, ends at SIGTERM.
 */
import { createInterface } from 'node:readline';

import type { EachBatchPayload, Message, Producer } from 'kafkajs';

import type { PassThroughPlan } from '../pass-through-plan.ts';
import { openKafkaClient } from './broker-admin.ts';

/** Like those of our own records. */
const headers = {
  ce_specversion: '1.0',
  ce_id: '01M7XVFZDM1F7C41GSWKE7FGTQ',
  ce_source: 'prosa',
  ce_type: 'prosa.reply.requested',
  ce_time: '2026-01-01T00:00:00.000Z',
  ce_tenant: 'demo',
  'content-type': 'application/avro',
};

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const plan = JSON.parse((await input.next()).value ?? '') as PassThroughPlan;
const kafka = openKafkaClient(plan.kafka);
const values = plan.outputs.map(({ bytes }) => Buffer.alloc(bytes, 7));
const producers = await Promise.all(
  Array.from({ length: plan.partitionCount }, (_, partition) => openProducer(partition)),
);
const inputs = Array.from({ length: plan.partitionCount }, () => 0);

async function openProducer(partition: number): Promise<Producer> {
  const producer = kafka.producer({
    transactionalId: `${plan.groupId}-${partition}`,
    idempotent: true,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
  });
  await producer.connect();
  return producer;
}

/** Outputs of `count` further inputs of a partition; fractions are carried on, so that the sum is right. */
function outputsOf(partition: number, keys: readonly (Buffer | null)[]) {
  const before = inputs[partition] ?? 0;
  inputs[partition] = before + keys.length;
  return plan.outputs.flatMap(({ topic, recordsPerInput }, i) => {
    const count = Math.floor((before + keys.length) * recordsPerInput) - Math.floor(before * recordsPerInput);
    const messages = Array.from({ length: count }, (_, n): Message => ({
      key: keys[n % keys.length] ?? null,
      value: values[i] ?? null,
      headers,
      partition,
    }));
    return messages.length === 0 ? [] : [{ topic, messages }];
  });
}

async function passOn(payload: EachBatchPayload): Promise<void> {
  const { batch } = payload;
  const producer = producers[batch.partition];
  if (producer === undefined) throw new Error('a partition that was not planned');
  for (let from = 0; from < batch.messages.length; from += plan.sliceRecords) {
    if (!payload.isRunning() || payload.isStale()) return;
    const slice = batch.messages.slice(from, from + plan.sliceRecords);
    const last = slice.at(-1)?.offset ?? '0';
    const transaction = await producer.transaction();
    try {
      const topicMessages = outputsOf(
        batch.partition,
        slice.map(({ key }) => key),
      );
      if (topicMessages.length > 0) await transaction.sendBatch({ topicMessages });
      const offset = String(BigInt(last) + 1n);
      await transaction.sendOffsets({
        consumerGroupId: plan.groupId,
        topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset }] }],
      });
      await transaction.commit();
    } catch (caught) {
      await transaction.abort();
      throw caught;
    }
    payload.resolveOffset(last);
    await payload.heartbeat();
  }
}

const consumer = kafka.consumer({ groupId: plan.groupId, maxWaitTimeInMs: 100 });
await consumer.connect();
await consumer.subscribe({ topic: plan.topic, fromBeginning: true });
consumer.on('consumer.group_join', () => process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`));
process.once('SIGTERM', () => {
  void consumer
    .disconnect()
    .then(() => Promise.all(producers.map((producer) => producer.disconnect())))
    .finally(() => process.exit(0));
});
await consumer.run({
  autoCommit: false,
  eachBatchAutoResolve: false,
  partitionsConsumedConcurrently: plan.partitionCount,
  eachBatch: passOn,
});
