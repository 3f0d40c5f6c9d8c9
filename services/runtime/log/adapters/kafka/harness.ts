/** Runs the contract of the log on Kafka: opens handles with short times, and does behind the log's back what cases need. */
import { Kafka, logLevel } from 'kafkajs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { RecordLog } from '../../record-log.ts';
import type { Harness, HarnessOptions } from '#runtime/testing/record-log.contract.ts';
import { uniquePrefix, type SharedBroker } from '#runtime/testing/shared-broker.ts';
import { KafkaClient } from './client.ts';
import { openKafkaLog, type KafkaLogOptions } from './kafka-log.ts';
import { commitOffsets } from './offsets.ts';
import type { KafkaSeam } from './seam.ts';

/** A broker of ours takes sessions this short; one that was configured need not (the default minimum is 6 s). */
const sessionTimeoutMs = { own: 3_000, configured: 6_500 };
const patienceMs = 40_000;

/** The harness, and what tests of this adapter alone need besides. */
export interface KafkaHarness extends Harness {
  readonly prefix: string;
  open(options?: Partial<HarnessOptions>, more?: Partial<KafkaLogOptions>): Promise<RecordLog>;
  /** Faults of a handle, to be staged at any time. */
  seamOf(log: RecordLog): KafkaSeam;
}

/** Makes the harness on a broker. `seam`: faults and missing protections of every handle. */
export async function kafkaHarness(
  broker: SharedBroker,
  { partitionCount }: HarnessOptions,
  seam: KafkaSeam = {},
): Promise<KafkaHarness> {
  const prefix = uniquePrefix();
  const seams = new Map<RecordLog, KafkaSeam>();
  const cutters = new Map<RecordLog, AbortController>();
  const closing: Promise<void>[] = [];
  const sessionMs = sessionTimeoutMs[broker.kind === 'configured' ? 'configured' : 'own'];
  const admin = new Kafka({ brokers: [...broker.brokers], clientId: 'harness', logLevel: logLevel.NOTHING }).admin();
  const client = new KafkaClient({ brokers: broker.brokers, clientId: 'harness', requestTimeoutMs: 5_000 });
  await Promise.all([admin.connect(), client.connect()]);

  const seamOf = (log: RecordLog): KafkaSeam => {
    const found = seams.get(log);
    if (found === undefined) throw new Error('The log is not of this harness.');
    return found;
  };
  return {
    prefix,
    patienceMs,
    seamOf,
    async open(options, more) {
      const cutter = new AbortController();
      const own: KafkaSeam = { ...seam, cut: cutter.signal };
      const log = await openKafkaLog({
        brokers: broker.brokers,
        clientId: 'contract',
        partitionCount: options?.partitionCount ?? partitionCount,
        topicPrefix: prefix,
        sessionTimeoutMs: sessionMs,
        timings: { heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000, stopTimeoutMs: 3_000 },
        seam: own,
        ...more,
      });
      seams.set(log, own);
      cutters.set(log, cutter);
      return log;
    },
    async sever(log) {
      cutters.get(log)?.abort();
      // Its loops end; with its connections cut they can tell nobody.
      closing.push(log.close());
    },
    async stall(log) {
      seamOf(log).heartbeatsStopped = true;
      await sleep(sessionMs + 1_000);
    },
    async truncate(topic, partition, offset) {
      // Makes kafkajs look up the leaders, which the next call takes as known.
      await admin.fetchTopicOffsets(prefix + topic);
      await admin.deleteTopicRecords({ topic: prefix + topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async setCommitted(group, topic, partition, offset) {
      // In nobody's name, as `createGroup` does it; kafkajs' own way to do it takes five seconds.
      const nobody = { groupId: prefix + group, memberId: '', generationId: -1 };
      await commitOffsets(client, nobody, prefix + topic, [{ partition, offset }]);
    },
    loseNextAnswer(log, outcome) {
      const own = seamOf(log);
      own.loseNextAnswer = () => {
        delete own.loseNextAnswer;
        return outcome;
      };
    },
    holdNextCommit(log, until) {
      const own = seamOf(log);
      return new Promise((reached) => {
        own.beforeEndOfTransaction = () => {
          delete own.beforeEndOfTransaction;
          reached();
          return until;
        };
      });
    },
    async close() {
      await Promise.all([...closing, ...[...seams.keys()].map((log) => log.close())]);
      const topics = (await admin.listTopics()).filter((name) => name.startsWith(prefix));
      if (topics.length > 0) await admin.deleteTopics({ topics });
      await Promise.all([admin.disconnect(), client.close()]);
    },
  };
}
