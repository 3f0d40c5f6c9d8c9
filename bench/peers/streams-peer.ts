/** Kafka Streams: the conversation in Java (`streams/Conversations.java`), compiled when it is asked for. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { kafkaVersion, slf4jVersion } from '#runtime/components/adapters/apache-kafka.ts';
import { mavenJars } from '#runtime/components/adapters/maven-jars.ts';
import { readConfig } from '#runtime/config.ts';
import { openKafkaLog } from '#runtime/log/adapters/kafka/kafka-log.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';

import { logEnvironment, quietEnvironment } from '../installation.ts';
import type { Scope } from '../stage.ts';
import { type ConversationState, fresh, messageText, patienceMs } from './conversation.ts';
import { logPeer } from './log-peer.ts';
import { type PeerKind, detectionMs, partitionCount } from './peer.ts';
import { startServer } from './servers.ts';

const run = promisify(execFile);

const compileTimeoutMs = 60_000;
const cacheFolder = fileURLToPath(new URL('../../.cache/kafka-streams', import.meta.url));
const source = fileURLToPath(new URL('streams/Conversations.java', import.meta.url));
/** The heap that a conversation service's whole process is to need at most. */
const heapMax = '512m';

/** Without the prefix. */
const names = { messages: 'streams.messages', replies: 'streams.replies', audit: 'streams.audit' } as const;
/** Kafka Streams' own: the group is the application, the changelog is named after it and the store. */
const group = 'streams';
const changelog = 'streams-conversations-changelog';

/** Kafka Streams. */
export const streamsPeer: PeerKind = {
  name: 'kafka-streams',
  title: 'Kafka Streams',
  note: `Kafka Streams ${kafkaVersion}, exactly_once_v2, commit interval 100 ms (its default, and so the least latency), one thread, RocksDB with changelog, static membership with a session of ${detectionMs / 1_000} s, heap up to ${heapMax}; plain JSON, nothing sealed`,
  keepsState: true,
  servers: ['Kafka'],
  async open(stage, scope) {
    const environment = { ...quietEnvironment(), ...(await logEnvironment(stage, scope, 'kafka')) };
    const { kafka } = readConfig(environment);
    if (kafka === undefined) throw new Error('Kafka Streams needs a broker');
    const classPath = await compile(scope);
    const log = await openKafkaLog({ ...kafka, clientId: 'bench', partitionCount });
    scope.defer(() => log.close());
    await log.createTopics(Object.values(names));
    const stores = await scope.temporaryFolder();
    const settings = [kafka.brokers.join(','), kafka.topicPrefix, stores, String(detectionMs), String(patienceMs)];
    return logPeer(scope, {
      log,
      group,
      inputTopic: names.messages,
      replyTopic: names.replies,
      keyOf,
      recordOf: ({ conversation, n }) =>
        Promise.resolve({
          topic: names.messages,
          key: keyOf(conversation),
          value: Buffer.from(JSON.stringify({ id: `m-${conversation}-${n}`, text: messageText(n) })),
          headers: {},
        }),
      textsOf: (records) =>
        Promise.resolve(records.map(({ value }) => (JSON.parse(value.toString()) as { readonly text: string }).text)),
      startWorker: () =>
        startServer(scope, {
          command: 'java',
          arguments: [
            `-Xmx${heapMax}`,
            '-Dorg.slf4j.simpleLogger.defaultLogLevel=error',
            '-cp',
            classPath,
            'Conversations',
            ...settings,
          ],
          environment,
          isReady: (output) => output.includes('ready'),
        }),
      meet: () => Promise.resolve(),
      states: (count) => statesOf(log, count),
    });
  },
};

const keyOf = (conversation: number): string => `c-${conversation}`;

async function compile(scope: Scope): Promise<string> {
  const jars = await mavenJars({
    cacheFolder,
    version: kafkaVersion,
    artifacts: [`org.apache.kafka:kafka-streams:${kafkaVersion}`, `org.slf4j:slf4j-simple:${slf4jVersion}`],
  });
  const classes = await scope.temporaryFolder();
  await run('javac', ['-nowarn', '-d', classes, '-cp', join(jars, '*'), source], { timeout: compileTimeoutMs });
  return [classes, join(jars, '*')].join(':');
}

/** The last values of the changelog are the store. */
async function statesOf(log: RecordLog, count: number): Promise<readonly ConversationState[]> {
  const byKey = new Map<string, Buffer>();
  for (let partition = 0; partition < partitionCount; partition++) {
    for await (const batch of log.readRange({ topic: changelog, partition, from: 0 }))
      for (const { key, value } of batch) byKey.set(key, value);
  }
  return Array.from({ length: count }, (_, conversation) => {
    const value = byKey.get(keyOf(conversation));
    return value === undefined ? fresh : (JSON.parse(value.toString()) as ConversationState);
  });
}
