// Goal: offsets of many partitions cost the broker one request, and none is committed for who lost its partition, or in a
// place in time where it could set another back.
import { expect, test } from 'vitest';

import type { KafkaClient } from './client.ts';
import { KafkaFailure, noAnswer } from './failure.ts';
import { createOffsetCommits, type OwnedOffset } from './offsets.ts';

interface Sent {
  readonly groupGenerationId: number;
  readonly offsets: readonly (readonly [partition: number, offset: number])[];
}

/** A coordinator that fails as told, request by request; `meanwhile` happens before each answer. */
function coordinator(failures: readonly (string | undefined)[] = [], meanwhile: () => void = () => undefined) {
  const sent: Sent[] = [];
  const lookUps: string[] = [];
  /** Partitions of each question for stable offsets, and how many of these are refused. */
  const stable: { readonly asked: string[]; unstable: number } = { asked: [], unstable: 0 };
  let generationId = 1;
  const client = {
    coordinatorOf: () => {
      const failure = lookUps.pop();
      return failure === undefined ? Promise.resolve(1) : Promise.reject(new KafkaFailure(failure, 'look-up'));
    },
    sendOwn: (_: number, { protocol }: { readonly protocol: { readonly request: { readonly apiName: string } } }) => {
      stable.asked.push(`${protocol.request.apiName} before ${sent.length}`);
      if (stable.unstable-- > 0) return Promise.reject(new KafkaFailure('UNSTABLE_OFFSET_COMMIT', 'OffsetFetch'));
      return Promise.resolve({ topics: [] });
    },
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
  return { sent, lookUps, stable, commits, rebalance: () => (generationId += 1) };
}

const held = new AbortController().signal;
const of = (partition: number, offset: number, more: Partial<OwnedOffset> = {}): OwnedOffset => ({
  partition,
  offset,
  lost: held,
  afterTransaction: false,
  ...more,
});

test('offsets of one moment are one request, and those that come meanwhile the next', async () => {
  const { sent, commits } = coordinator();
  const commit = commits(false);
  const first = [0, 1, 2].map((partition) => commit(of(partition, 10)));
  await new Promise((resolve) => setImmediate(resolve));
  const second = [0, 3].map((partition) => commit(of(partition, 20)));
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
    commit(of(0, 10)),
    commit(of(1, 10, { lost: lost.signal })),
    commit(of(2, 10, { lost: AbortSignal.abort() })),
  ]);
  expect(sent.map(({ offsets }) => offsets.map(([partition]) => partition))).toEqual([[0, 1], [0]]);
});

test('a repetition is of the generation in which it was asked for', async () => {
  const { sent, commits, rebalance } = coordinator(['NOT_COORDINATOR_FOR_GROUP'], () => rebalance());
  await commits(false)(of(0, 10));
  expect(sent.map(({ groupGenerationId }) => groupGenerationId)).toEqual([1, 1]);
});

test.each([
  ['is repeated where doing something twice is harmless', true, 2],
  ['is not repeated where it could set the offset back, and is the failure of all', false, 1],
])('one without an answer %s', async (_, repeats, requests) => {
  const { sent, commits } = coordinator([noAnswer]);
  const commit = commits(repeats);
  const ended = await Promise.allSettled([0, 1].map((partition) => commit(of(partition, 10))));
  expect(sent).toHaveLength(requests);
  const reason: unknown = expect.objectContaining({ type: noAnswer });
  const expected = repeats ? { status: 'fulfilled', value: undefined } : { status: 'rejected', reason };
  expect(ended).toEqual([expected, expected]);
});

test('a refusal is thrown, and nothing is tried one by one', async () => {
  const { sent, commits } = coordinator(['ILLEGAL_GENERATION']);
  const commit = commits(false);
  const ended = await Promise.allSettled([0, 1].map((partition) => commit(of(partition, 10))));
  expect(ended.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(sent).toHaveLength(1);
});

test('one that follows a transaction waits until that was carried out', async () => {
  const { sent, stable, commits } = coordinator();
  stable.unstable = 2;
  const commit = commits(false);
  await Promise.all([commit(of(0, 10)), commit(of(1, 10, { afterTransaction: true }))]);
  expect(stable.asked).toEqual(Array(3).fill('OffsetFetch before 0'));
  expect(sent).toHaveLength(1);
  await commit(of(1, 20));
  expect([stable.asked.length, sent.length]).toEqual([3, 2]);
});

test('a coordinator that is not found is looked up again: nothing was sent', async () => {
  const { sent, lookUps, commits } = coordinator();
  lookUps.push(noAnswer);
  await commits(false)(of(0, 10));
  expect(sent).toHaveLength(1);
});
