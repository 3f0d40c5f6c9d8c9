/** The log on a broker, by plain kafkajs: a consumer that reads committed records, each partition from 0 to its end. */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Admin, Consumer, EachBatchPayload, IHeaders, Kafka } from 'kafkajs';

import { topicTable } from '#schemas/topics.ts';

import { openKafkaClient } from '../../bench/adapters/broker-admin.ts';
import type { KafkaConfig } from '#runtime/config.ts';
import { type RawLog, type RawRecord, Readings } from '../raw-log.ts';

const endPatienceMs = 60_000;
const lookIntervalMs = 150;

/** Opens it; nothing is connected until it is asked. */
export function kafkaRawLog(config: KafkaConfig): RawLog {
  const kafka = openKafkaClient(config);
  const { topicPrefix: prefix } = config;
  const names = topicTable.map(({ name }) => prefix + name);

  const consume = async (groupId: string, readings: Readings): Promise<Consumer> => {
    const consumer = kafka.consumer({
      groupId,
      maxWaitTimeInMs: 100,
      retry: { retries: 100, maxRetryTime: 1_000 },
      readUncommitted: false,
    });
    consumer.on('consumer.group_join', () => readings.rejoined());
    await consumer.connect();
    await consumer.subscribe({ topics: names, fromBeginning: true });
    await consumer.run({
      autoCommitInterval: 100,
      eachBatch: ({ batch }: EachBatchPayload) => {
        for (const { offset, key, value, headers, timestamp } of batch.messages) {
          readings.saw({
            topic: batch.topic.slice(prefix.length),
            partition: batch.partition,
            offset: Number(offset),
            key: key?.toString() ?? '',
            value: value ?? Buffer.alloc(0),
            headers: textHeaders(headers),
            timestamp: Number(timestamp),
          });
        }
        return Promise.resolve();
      },
    });
    return consumer;
  };

  return {
    async readAll() {
      const readings = new Readings();
      const groupId = `${prefix}reader-${randomBytes(4).toString('hex')}`;
      const consumer = await consume(groupId, readings);
      try {
        await untilEnd(kafka, groupId, names);
      } finally {
        await consumer.disconnect();
      }
      return unique(readings.all().flatMap(({ records }) => records));
    },
    async readAlong() {
      const readings = new Readings();
      const consumer = await consume(`${prefix}along-${randomBytes(4).toString('hex')}`, readings);
      return { readings: () => readings.all(), close: () => consumer.disconnect() };
    },
    async append(records) {
      const producer = kafka.producer({ allowAutoTopicCreation: false });
      await producer.connect();
      for (const { topic, partition, key, value } of records)
        await producer.send({ topic: prefix + topic, messages: [{ partition, key, value }] });
      await producer.disconnect();
    },
  };
}

/** Resolves when the group has read past the end of every partition, markers of transactions included. */
async function untilEnd(kafka: Kafka, groupId: string, topics: readonly string[]): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  const endsNow = async (): Promise<readonly TopicEnds[]> =>
    Promise.all(topics.map(async (topic) => ({ topic, partitions: await admin.fetchTopicOffsets(topic) })));
  try {
    const until = performance.now() + endPatienceMs;
    let ends = await endsNow();
    for (let isFresh = false; ;) {
      const behind = behindOf(await admin.fetchOffsets({ groupId, topics: [...topics] }), ends);
      if (behind.length === 0 && isFresh) return;
      if (performance.now() > until) throw new Error(`the log could not be read to its end: ${behind.join(', ')}`);
      // Ends cost more to ask for than positions, and may have moved on meanwhile.
      isFresh = behind.length === 0;
      if (isFresh) ends = await endsNow();
      else await sleep(lookIntervalMs);
    }
  } finally {
    await admin.disconnect();
  }
}

interface TopicEnds {
  readonly topic: string;
  readonly partitions: readonly { readonly partition: number; readonly low: string; readonly high: string }[];
}

/** What is not read yet. */
function behindOf(
  committed: Awaited<ReturnType<Admin['fetchOffsets']>>,
  ends: readonly TopicEnds[],
): readonly string[] {
  const positions = new Map(
    committed.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }) => [`${topic}/${partition}`, offset] as const),
    ),
  );
  return ends.flatMap(({ topic, partitions }) =>
    partitions.flatMap(({ partition, low, high }) => {
      const at = positions.get(`${topic}/${partition}`) ?? '-1';
      return Math.max(Number(at), Number(low)) < Number(high) ? [`${topic}/${partition} ${at} of ${high}`] : [];
    }),
  );
}

/** A consumer that joined twice has read some twice; what differs between the two stays. */
function unique(records: readonly RawRecord[]): readonly RawRecord[] {
  const seen = new Map<string, RawRecord>();
  for (const record of records)
    seen.set(`${record.topic}/${record.partition}/${record.offset}/${record.headers['ce_id'] ?? ''}`, record);
  return [...seen.values()];
}

const textHeaders = (headers: IHeaders | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]));
