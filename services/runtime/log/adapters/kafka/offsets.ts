/** Offsets as the brokers keep them: ends of partitions, offsets by time, and what groups committed. */
import { OperatingError } from '#runtime/errors.ts';
import { joinCalls } from '#runtime/joined-calls.ts';
import type { PartitionEnds } from '../../record-log.ts';
import type { KafkaClient } from './client.ts';
import { asUnavailable, isUnanswered, KafkaFailure } from './failure.ts';
import { repeating, type Repeating } from './repeating.ts';
import { offsetFetch } from './requests.ts';

/** Special timestamps of ListOffsets. */
const earliest = -2;
const latest = -1;
const readUncommitted = 0;
const readCommitted = 1;
const noOffset = -1;

type Isolation = typeof readUncommitted | typeof readCommitted;

/** One offset for each of the partitions, by timestamp; -1 where there is none. */
async function listOffsets(
  client: KafkaClient,
  topic: string,
  partitions: readonly number[],
  timestamp: number,
  isolationLevel: Isolation = readCommitted,
): Promise<ReadonlyMap<number, number>> {
  const byLeader = new Map<number, number[]>();
  for (const partition of partitions) {
    const leader = await client.leaderOf(topic, partition);
    byLeader.set(leader, [...(byLeader.get(leader) ?? []), partition]);
  }
  const answers = await Promise.all(
    [...byLeader].map(([leader, group]) =>
      client.send(leader, 'ListOffsets', {
        isolationLevel,
        topics: [{ topic, partitions: group.map((partition) => ({ partition, timestamp })) }],
      }),
    ),
  );
  const results = answers.flatMap(({ responses }) => responses.flatMap((response) => response.partitions));
  return new Map(results.map(({ partition, offset }) => [partition, Number(offset)]));
}

/** Oldest offset and last stable offset of the partitions. Throws `KafkaFailure`. */
export async function endsOf(
  client: KafkaClient,
  topic: string,
  partitions: readonly number[],
): Promise<readonly PartitionEnds[]> {
  const [starts, ends] = await Promise.all([
    listOffsets(client, topic, partitions, earliest),
    listOffsets(client, topic, partitions, latest),
  ]);
  return partitions.map((partition) => {
    const [start, stableEnd] = [starts.get(partition), ends.get(partition)];
    if (start === undefined || stableEnd === undefined)
      throw new KafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', `${topic}/${partition}`);
    return { partition, start, stableEnd };
  });
}

/** First offset whose record is at or after `at`, of decided records; undefined when there is none. Throws `KafkaFailure`. */
export async function offsetAt(
  client: KafkaClient,
  topic: string,
  partition: number,
  at: number,
): Promise<number | undefined> {
  const offset = (await listOffsets(client, topic, [partition], at)).get(partition) ?? noOffset;
  return offset === noOffset ? undefined : offset;
}

/** Committed offsets of a group; null where there is none. `stable`: waits for transactions that would change them. */
export async function committedOffsets(
  client: KafkaClient,
  groupId: string,
  topic: string,
  partitions: readonly number[],
  stable: boolean,
): Promise<ReadonlyMap<number, number | null>> {
  const answer = await client.sendOwn(
    await client.coordinatorOf('group', groupId),
    offsetFetch(groupId, topic, partitions, stable),
  );
  const results = answer.topics.flatMap((ofTopic) => ofTopic.partitions);
  const found = new Map(results.map(({ partition, offset }) => [partition, offset]));
  return new Map(
    partitions.map((partition) => {
      const offset = found.get(partition);
      return [partition, offset === undefined || offset === noOffset ? null : offset];
    }),
  );
}

/** Where a new owner begins. */
export interface Start {
  readonly offset: number;
  /** False when the group has no committed offset there yet, and must be given this one. */
  readonly committed: boolean;
}

/**
 * The offset where an owner of the partition begins. Throws `log.offset-missing` and
 * `log.offset-out-of-range`: reading never begins at an offset that nobody committed, except on a
 * partition that never held a record.
 */
export async function startOf(
  client: KafkaClient,
  groupId: string,
  topic: string,
  partition: number,
  committed: number | null,
): Promise<Start> {
  const place = `${groupId} on ${topic}/${partition}`;
  const [start, end] = await Promise.all([
    listOffsets(client, topic, [partition], earliest),
    // Not the stable end: it may be behind what a group committed for a moment after a change of leader.
    listOffsets(client, topic, [partition], latest, readUncommitted),
  ]).then((found) => found.map((offsets) => offsets.get(partition) ?? 0));
  if (start === undefined || end === undefined) throw new KafkaFailure('UNKNOWN_TOPIC_OR_PARTITION', place);
  if (committed === null) {
    if (end > 0) throw new OperatingError('log.offset-missing', `Group ${place}.`);
    return { offset: 0, committed: false };
  }
  if (committed < start || committed > end)
    throw new OperatingError('log.offset-out-of-range', `Group ${place}: ${committed} is outside ${start} to ${end}.`);
  return { offset: committed, committed: true };
}

/** Commits offsets of a group outside of any transaction. Throws `KafkaFailure`. */
export async function commitOffsets(
  client: KafkaClient,
  group: { readonly groupId: string; readonly memberId: string; readonly generationId: number },
  topic: string,
  offsets: readonly { readonly partition: number; readonly offset: number }[],
): Promise<void> {
  await sendOffsets(client, await client.coordinatorOf('group', group.groupId), group, topic, offsets);
}

async function sendOffsets(
  client: KafkaClient,
  node: number,
  { groupId, memberId, generationId }: Parameters<typeof commitOffsets>[1],
  topic: string,
  offsets: Parameters<typeof commitOffsets>[3],
): Promise<void> {
  await client.send(node, 'OffsetCommit', {
    groupId,
    memberId,
    groupGenerationId: generationId,
    topics: [{ topic, partitions: offsets.map(({ partition, offset }) => ({ partition, offset })) }],
  });
}

/** An offset to be committed by who holds its partition until `lost`. */
export interface OwnedOffset {
  readonly partition: number;
  readonly offset: number;
  readonly lost: AbortSignal;
  /**
   * Whether the one before was committed in a transaction. That is carried out a while after it was answered, and writes
   * the offset then, where the broker is Redpanda (as its group.cc has it): this one waits for it.
   */
  readonly afterTransaction: boolean;
}

/** In whose name such offsets are committed. */
export interface OffsetGroup {
  readonly groupId: string;
  readonly topic: string;
  readonly membership: () => { readonly memberId: string; readonly generationId: number };
  /** How long a commit is repeated. */
  readonly timeoutMs: number;
  /**
   * Whether one without an answer is repeated too. The first may arrive still, after later ones of the same generation,
   * and set the offset back: not where that would do something twice.
   */
  readonly repeatsUnanswered: boolean;
}

/** Far more than a member has partitions. */
const offsetsMax = 1_000;

/**
 * Makes the function that commits offsets of a group: what is asked for while a commit is under way is the next one, since
 * each is a write for the broker. Nothing is sent for a partition that was lost, though its call resolves. Throws `KafkaFailure`.
 */
export function createOffsetCommits(
  client: KafkaClient,
  { groupId, topic, membership, timeoutMs, repeatsUnanswered }: OffsetGroup,
): (offset: OwnedOffset) => Promise<void> {
  /** Resolves with what it failed with: the failure of all of them, none of which is tried again by itself. */
  const commit = async (offsets: readonly OwnedOffset[]): Promise<KafkaFailure | undefined> => {
    // Of now, and not of a repetition: a later generation may have given a partition to another owner.
    const { memberId, generationId } = membership();
    let unanswered: KafkaFailure | undefined;
    try {
      await repeating(client, { deadline: Date.now() + timeoutMs }, async () => {
        const held = offsets.filter(({ lost }) => !lost.aborted);
        if (held.length === 0) return;
        const undecided = held.flatMap(({ partition, afterTransaction }) => (afterTransaction ? [partition] : []));
        // Stable: refused, and asked again, while one of them is.
        if (undecided.length > 0) await committedOffsets(client, groupId, topic, undecided, true);
        const node = await client.coordinatorOf('group', groupId);
        try {
          await sendOffsets(client, node, { groupId, memberId, generationId }, topic, held);
        } catch (caught) {
          if (repeatsUnanswered || !(caught instanceof KafkaFailure) || !isUnanswered(caught)) throw caught;
          unanswered = caught;
        }
      });
    } catch (caught) {
      if (caught instanceof KafkaFailure) return caught;
      throw caught;
    }
    return unanswered;
  };
  const joined = joinCalls(
    async (offsets: readonly OwnedOffset[]) => {
      const failure = await commit(offsets);
      return offsets.map(() => failure);
    },
    { callsMax: offsetsMax },
  );
  return async (offset) => {
    const failure = await joined(offset);
    if (failure !== undefined) throw failure;
  };
}

/** Repeats a question until the bound; a failure is then `log.unavailable`. */
export async function askRepeatedly<Answer>(
  client: KafkaClient,
  bound: Repeating,
  ask: () => Promise<Answer>,
): Promise<Answer> {
  try {
    return await repeating(client, bound, ask);
  } catch (caught) {
    throw asUnavailable(caught);
  }
}
