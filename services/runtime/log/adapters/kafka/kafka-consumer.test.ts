// Goal: an owner goes on after a rebalance only where nobody else can have had its partition in between. Method: a
// coordinator that is one object, and counts generations.
import { MemberAssignment } from 'kafkajs/src/consumer/assignerProtocol.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';

import type { KafkaClient } from './client.ts';
import { KafkaFailure, noAnswer } from './failure.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { kafkaTimingsDefault } from './timings.ts';

const topic = 'events';

/** A broker with one group of one member, who has the one partition in every generation. */
class Coordinator {
  generation = 0;
  heartbeats = 0;
  rebalances = false;
  /** Answers of SyncGroup that are lost. */
  syncsLost = 0;

  readonly client = {
    coordinatorOf: () => Promise.resolve(1),
    leaderOf: () => Promise.resolve(1),
    reconsider: () => Promise.resolve(),
    close: () => Promise.resolve(),
    sendOwn: () => Promise.resolve({ topics: [{ partitions: [{ partition: 0, offset: 0 }] }] }),
    sendUnchecked: async (_: number, name: string) => {
      if (name === 'Fetch') await sleep(5);
      if (name === 'Fetch') return { errorCode: 0, responses: [] };
      this.rebalances = false;
      return { errorCode: 0, memberId: 'm', generationId: (this.generation += 1), leaderId: 'another', members: [] };
    },
    send: async (_: number, name: string) => {
      switch (name) {
        case 'SyncGroup':
          if (this.syncsLost-- > 0) throw new KafkaFailure(noAnswer, name);
          return { memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [topic]: [0] } }) };
        case 'Heartbeat':
          if (this.rebalances) throw new KafkaFailure('REBALANCE_IN_PROGRESS', name);
          this.heartbeats += 1;
          return {};
        default:
          return { responses: [{ topic, partitions: [{ partition: 0, offset: '0' }] }] };
      }
    },
  } as unknown as KafkaClient;
}

test.each([
  ['goes on in the next generation', 0, 2, 1],
  ['begins anew where a generation lies between', 1, 3, 2],
])('an owner %s', async (_, syncsLost, generation, assignments) => {
  const coordinator = new Coordinator();
  let assigned = 0;
  const consumer = new KafkaConsumer({
    consume: {
      group: 'timers',
      topic,
      transactional: false,
      sliceRecordsMax: 10,
      sliceBytesMax: 1_000,
      assigned: () => ((assigned += 1), Promise.resolve({ process: () => Promise.resolve() })),
    },
    client: coordinator.client,
    producerClients: [],
    sharedClient: coordinator.client,
    groupId: 'timers',
    instanceId: null,
    name: topic,
    partitions: [0],
    transactionalIdOf: String,
    place: (record) => ({ topic, partition: 0, record }),
    timings: { ...kafkaTimingsDefault, heartbeatIntervalMs: 10 },
    seam: {},
  });
  await consumer.firstRound;
  coordinator.syncsLost = syncsLost;
  coordinator.rebalances = true;
  await vi.waitFor(() => expect(coordinator.generation).toBe(generation), 10_000);
  const { heartbeats } = coordinator;
  await vi.waitFor(() => expect(coordinator.heartbeats).toBeGreaterThan(heartbeats + 1), 10_000);
  expect([assigned, consumer.owned()]).toEqual([assignments, [0]]);
  await consumer.stop();
});
