// Goal: an owner goes on after a rebalance only where nobody else can have had its partition in between. Method: a
// coordinator that is one object, and counts generations.
import { MemberAssignment } from 'kafkajs/src/consumer/assignerProtocol.js';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';

import type { ConsumeOptions } from '../../record-log.ts';
import type { KafkaClient } from './client.ts';
import { KafkaFailure, noAnswer } from './failure.ts';
import { KafkaConsumer } from './kafka-consumer.ts';
import { kafkaTimingsDefault, type KafkaTimings } from './timings.ts';

const topic = 'events';

/** What is fetched of a partition in which a transaction ended. */
const marker = {
  partition: 0,
  errorCode: 0,
  abortedTransactions: [],
  messages: [
    {
      offset: '0',
      key: Buffer.from([0, 0, 0, 1]),
      isControlRecord: true,
      batchContext: { producerId: '9', inTransaction: true },
    },
  ],
};

/** A broker with one group of one member, who has the one partition in every generation. */
class Coordinator {
  generation = 0;
  heartbeats = 0;
  rebalances = false;
  /** Answers of SyncGroup that are lost. */
  syncsLost = 0;
  /** Whether answers of Heartbeat are lost. */
  isSilent = false;
  /** Answers of OffsetCommit that are lost. */
  commitsLost = 0;
  /** Whether there is something to read: the marker of a transaction. */
  hasMarker = false;
  /** Requests of these names, with the member that they name. */
  readonly asked: (readonly [name: string, memberId: string])[] = [];
  #members = 0;

  readonly client = {
    coordinatorOf: () => Promise.resolve(1),
    leaderOf: () => Promise.resolve(1),
    reconsider: () => Promise.resolve(),
    close: () => Promise.resolve(),
    sendOwn: () => Promise.resolve({ topics: [{ partitions: [{ partition: 0, offset: 0 }] }] }),
    sendUnchecked: async (_: number, name: string, { memberId }: { readonly memberId?: string }) => {
      if (name === 'Fetch') await sleep(5);
      if (name === 'Fetch') return { errorCode: 0, responses: this.hasMarker ? [{ partitions: [marker] }] : [] };
      this.asked.push([name, memberId ?? '']);
      this.rebalances = false;
      const member = memberId === undefined || memberId === '' ? `m${(this.#members += 1)}` : memberId;
      return { errorCode: 0, memberId: member, generationId: (this.generation += 1), leaderId: 'another', members: [] };
    },
    send: async (_: number, name: string, { memberId = '' }: { readonly memberId?: string }) => {
      if (name === 'OffsetCommit' || name === 'LeaveGroup') this.asked.push([name, memberId]);
      switch (name) {
        case 'OffsetCommit':
          if (this.commitsLost-- > 0) throw new KafkaFailure(noAnswer, name);
          return {};
        case 'InitProducerId':
          return { producerId: '1', producerEpoch: 0 };
        case 'SyncGroup':
          if (this.syncsLost-- > 0) throw new KafkaFailure(noAnswer, name);
          return { memberAssignment: MemberAssignment.encode({ version: 1, assignment: { [topic]: [0] } }) };
        case 'Heartbeat':
          if (this.isSilent) throw new KafkaFailure(noAnswer, name);
          if (this.rebalances) throw new KafkaFailure('REBALANCE_IN_PROGRESS', name);
          this.heartbeats += 1;
          return {};
        default:
          return { responses: [{ topic, partitions: [{ partition: 0, offset: '0' }] }] };
      }
    },
  } as unknown as KafkaClient;
}

const consumerOf = (
  coordinator: Coordinator,
  transactional: boolean,
  assigned: ConsumeOptions['assigned'],
  timings: Partial<KafkaTimings> = {},
) =>
  new KafkaConsumer({
    consume: { group: 'timers', topic, transactional, sliceRecordsMax: 10, sliceBytesMax: 1_000, assigned },
    client: coordinator.client,
    producerClients: transactional ? [coordinator.client] : [],
    sharedClient: coordinator.client,
    groupId: 'timers',
    instanceId: null,
    name: topic,
    partitions: [0],
    transactionalIdOf: String,
    place: (record) => ({ topic, partition: 0, record }),
    timings: { ...kafkaTimingsDefault, heartbeatIntervalMs: 10, ...timings },
    seam: {},
  });

test.each([
  ['goes on in the next generation', 0, 2, 1],
  ['begins anew where a generation lies between', 1, 3, 2],
])('an owner %s', async (_, syncsLost, generation, assignments) => {
  const coordinator = new Coordinator();
  let assigned = 0;
  const consumer = consumerOf(coordinator, false, () => {
    assigned += 1;
    return Promise.resolve({ process: () => Promise.resolve() });
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

// A join may give the generation that there is already, in which the first would be taken.
test.each([
  ['is asked for again by the same member where doing something twice is harmless', false, ['m1', 'm1'], []],
  ['ends its member where it is not, which joins as a new one', true, ['m1', 'm2'], ['m1']],
])('an offset whose commit got no answer %s', async (_, transactional, committing, left) => {
  const coordinator = new Coordinator();
  coordinator.commitsLost = 1;
  coordinator.hasMarker = true;
  const consumer = consumerOf(coordinator, transactional, ({ commit }) =>
    Promise.resolve({ process: ({ nextOffset }) => commit([], nextOffset) }),
  );
  const askedOf = (name: string) => coordinator.asked.flatMap(([asked, member]) => (asked === name ? [member] : []));
  await vi.waitFor(() => expect(askedOf('OffsetCommit')).toEqual(committing), 10_000);
  expect(askedOf('LeaveGroup')).toEqual(left);
  await consumer.stop();
});

// By no id it would take the place of another of its name (KIP-345); by the one that it had it is told that there is one.
test('a member that was silent for its session joins by the id that it had', async () => {
  const coordinator = new Coordinator();
  const process = () => Promise.resolve();
  const consumer = consumerOf(coordinator, false, () => Promise.resolve({ process }), { sessionTimeoutMs: 50 });
  await consumer.firstRound;
  coordinator.isSilent = true;
  const joins = () => coordinator.asked.filter(([name]) => name === 'JoinGroup');
  await vi.waitFor(() => expect(joins().length).toBeGreaterThan(1), 10_000);
  expect(joins()[1]).toEqual(['JoinGroup', 'm1']);
  await consumer.stop();
});
