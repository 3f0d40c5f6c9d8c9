// Goal: offsets of many partitions cost the broker one request, and none is committed for who lost its partition, or in a
// place in time where it could set another back.
import { expect, test } from 'vitest';

import type { KafkaClient } from './client.ts';
import { KafkaFailure, noAnswer } from './failure.ts';
import { createOffsetCommits } from './offsets.ts';

interface Sent {
  readonly groupGenerationId: number;
  readonly offsets: readonly (readonly [partition: number, offset: number])[];
}

/** A coordinator that fails as told, request by request; `meanwhile` happens before each answer. */
function coordinator(failures: readonly (string | undefined)[] = [], meanwhile: () => void = () => undefined) {
  const sent: Sent[] = [];
  let generationId = 1;
  const client = {
    coordinatorOf: () => Promise.resolve(1),
    reconsider: () => Promise.resolve(),
    send: async (
      _: number,
      name: string,
      asked: {
        readonly groupGenerationId: number;
        readonly topics: readonly { readonly partitions: readonly { partition: number; offset: number }[] }[];
      },
    ) => {
      const failure = failures[sent.length];
      const offsets = asked.topics.flatMap(({ partitions }) => partitions);
      sent.push({
        groupGenerationId: asked.groupGenerationId,
        offsets: offsets.map(({ partition, offset }) => [partition, offset]),
      });
      await new Promise((resolve) => setImmediate(resolve));
      meanwhile();
      if (failure !== undefined) throw new KafkaFailure(failure, name);
      return {};
    },
  } as unknown as KafkaClient;
  const commits = (repeatsUnanswered: boolean) =>
    createOffsetCommits(client, {
      groupId: 'g',
      topic: 't',
      membership: () => ({ memberId: 'm', generationId }),
      timeoutMs: 1_000,
      repeatsUnanswered,
    });
  return { sent, commits, rebalance: () => (generationId += 1) };
}

const held = new AbortController().signal;

test('offsets of one moment are one request, and those that come meanwhile the next', async () => {
  const { sent, commits } = coordinator();
  const commit = commits(false);
  const first = [0, 1, 2].map((partition) => commit({ partition, offset: 10, lost: held }));
  await new Promise((resolve) => setImmediate(resolve));
  const second = [0, 3].map((partition) => commit({ partition, offset: 20, lost: held }));
  await Promise.all([...first, ...second]);
  expect(sent.map(({ offsets }) => offsets)).toEqual([
    [
      [0, 10],
      [1, 10],
      [2, 10],
    ],
    [
      [0, 20],
      [3, 20],
    ],
  ]);
});

test('nothing is sent for a partition that was lost, also where the request is repeated', async () => {
  const lost = new AbortController();
  const { sent, commits } = coordinator(['NOT_COORDINATOR_FOR_GROUP'], () => lost.abort());
  const commit = commits(false);
  await Promise.all([
    commit({ partition: 0, offset: 10, lost: held }),
    commit({ partition: 1, offset: 10, lost: lost.signal }),
    commit({ partition: 2, offset: 10, lost: AbortSignal.abort() }),
  ]);
  expect(sent.map(({ offsets }) => offsets.map(([partition]) => partition))).toEqual([[0, 1], [0]]);
});

test('a repetition is of the generation in which it was asked for', async () => {
  const { sent, commits, rebalance } = coordinator(['NOT_COORDINATOR_FOR_GROUP'], () => rebalance());
  await commits(false)({ partition: 0, offset: 10, lost: held });
  expect(sent.map(({ groupGenerationId }) => groupGenerationId)).toEqual([1, 1]);
});

test.each([
  ['is repeated where doing something twice is harmless', true, 2],
  ['is not repeated where it could set the offset back, and is the failure of all', false, 1],
])('one without an answer %s', async (_, repeats, requests) => {
  const { sent, commits } = coordinator([noAnswer]);
  const commit = commits(repeats);
  const ended = await Promise.allSettled([0, 1].map((partition) => commit({ partition, offset: 10, lost: held })));
  expect(sent).toHaveLength(requests);
  const reason: unknown = expect.objectContaining({ type: noAnswer });
  const expected = repeats ? { status: 'fulfilled', value: undefined } : { status: 'rejected', reason };
  expect(ended).toEqual([expected, expected]);
});

test('a refusal is thrown, and nothing is tried one by one', async () => {
  const { sent, commits } = coordinator(['ILLEGAL_GENERATION']);
  const commit = commits(false);
  const ended = await Promise.allSettled([0, 1].map((partition) => commit({ partition, offset: 10, lost: held })));
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(sent).toHaveLength(1);
});
