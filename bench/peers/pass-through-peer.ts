/**
 * The plain kafkajs pass-through as one of the peers: it reads the records that Prosa reads and writes as
 * many records and bytes to as many topics, in transactions, without looking into any. Its replies have
 * no texts: their number and order are compared.
 */
import { topicTable, topics } from '#schemas/topics.ts';

import type { PassThroughOutput, PassThroughPlan } from '../pass-through-plan.ts';
import { contentOf } from '../population.ts';
import type { Stage } from '../stage.ts';
import { logPeer } from './log-peer.ts';
import { type PeerKind, partitionCount } from './peer.ts';
import { People } from './people.ts';
import { openWorld, startProsa } from './prosa-peer.ts';
import { startWorkerProgram } from './servers.ts';

const group = 'pass-through';
const sliceRecords = 200;

/** People and messages of each by which it is found out what Prosa writes. */
const [samplePeople, sampleRounds] = [20, 31] as const;

/** What Prosa writes for each message of the peers' conversation, as it is now. */
async function outputsOfProsa(stage: Stage): Promise<readonly PassThroughOutput[]> {
  return stage.scoped(async (scope) => {
    const { installation, options } = await openWorld(stage, scope, 'kafka');
    const peer = logPeer(scope, { ...options, startWorker: () => startProsa(scope, installation) });
    const people = new People(peer);
    await people.meet(samplePeople);
    await peer.startWorker();
    await peer.backlog?.fill(people.next(people.all(), sampleRounds));
    await peer.backlog?.settled();
    const outputs: PassThroughOutput[] = [];
    for (const { name } of topicTable) {
      const { records, bytes } = await contentOf(options.log, name);
      if (name === topics.events || records === 0) continue;
      const recordsPerInput = records / (samplePeople * sampleRounds);
      outputs.push({ topic: outputTopicOf(name), recordsPerInput, bytes: Math.round(bytes / records) });
    }
    return outputs;
  });
}

const outputTopicOf = (topic: string): string => `pass-through.${topic}`;

/** The pass-through. */
export const passThroughPeer: PeerKind = {
  name: 'pass-through',
  title: 'kafkajs pass-through',
  note: 'as many records and bytes as Prosa on Kafka reads and writes, in transactions, nothing else',
  keepsState: false,
  servers: ['Kafka'],
  async open(stage, scope) {
    const outputs = await outputsOfProsa(stage);
    const { installation, options } = await openWorld(stage, scope, 'kafka');
    const { kafka } = installation.config;
    if (kafka === undefined) throw new Error('the pass-through needs a broker');
    await options.log.createTopics(outputs.map(({ topic }) => topic));
    const plan: PassThroughPlan = {
      kafka,
      groupId: kafka.topicPrefix + group,
      topic: kafka.topicPrefix + topics.events,
      partitionCount,
      sliceRecords,
      outputs: outputs.map((output) => ({ ...output, topic: kafka.topicPrefix + output.topic })),
    };
    return logPeer(scope, {
      ...options,
      group,
      replyTopic: outputTopicOf(topics.replies),
      textsOf: undefined,
      states: () => Promise.resolve(undefined),
      startWorker: () =>
        startWorkerProgram(scope, 'bench/adapters/kafkajs-pass-through.ts', {
          environment: installation.environment,
          input: plan,
        }),
    });
  },
};
