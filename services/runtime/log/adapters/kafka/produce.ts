/** Writing batches of records to partitions, as a producer that the broker can tell repeats from. */
import type { OutgoingRecord } from '../../record-log.ts';
import type { KafkaClient } from './client.ts';
import { errorType, KafkaFailure } from './failure.ts';
import { produceRequest } from './produce-request.ts';
import { framedBytes } from './record-batch.ts';
import type { ProducerIdentity } from './requests.ts';

/** Records that go to one partition in one write. `topic` is the broker's name for it. */
export interface PartitionBatch<Record extends OutgoingRecord = OutgoingRecord> {
  readonly topic: string;
  readonly partition: number;
  readonly records: Record[];
  /** The sum of their `framedBytes`. */
  bytes: number;
}

/** A batch with the number by which the broker recognises a repeat of it. */
export interface SequencedBatch<Record extends OutgoingRecord = OutgoingRecord> extends PartitionBatch<Record> {
  readonly firstSequence: number;
}

/** What became of a batch: the offset of its first record, or why it was not written as far as is known. */
export type Written = { readonly baseOffset: number } | { readonly failure: KafkaFailure };

/** A batch with its framing must stay below the broker's 1 MiB; one larger record goes alone. */
const batchBytesMax = 900_000;
const batchRecordsMax = 10_000;

/** Adds the record unless the batch would become too large; says whether it did. */
export function addToBatch<Record extends OutgoingRecord>(batch: PartitionBatch<Record>, record: Record): boolean {
  const bytes = framedBytes(record);
  const { records } = batch;
  if (records.length > 0 && (batch.bytes + bytes > batchBytesMax || records.length >= batchRecordsMax)) return false;
  records.push(record);
  batch.bytes += bytes;
  return true;
}

/** Sequence numbers per partition of one producer identity. They wrap as 32-bit counters do. */
export class Sequences {
  readonly #next = new Map<string, number>();

  next(topic: string, partition: number): number {
    return this.#next.get(`${topic}/${partition}`) ?? 0;
  }

  /** Call when a batch is known to be written. */
  advance(batch: SequencedBatch): void {
    const next = (batch.firstSequence + batch.records.length) % 2 ** 31;
    this.#next.set(`${batch.topic}/${batch.partition}`, next);
  }
}

/** Who writes, and within what. */
export interface Producing {
  readonly identity: ProducerIdentity;
  readonly transactionalId?: string;
  readonly timeoutMs: number;
}

/** Writes at most one batch per partition; never throws, one result for each batch in their order. */
export async function produce(
  client: KafkaClient,
  producing: Producing,
  batches: readonly SequencedBatch[],
): Promise<readonly Written[]> {
  const results = new Map<SequencedBatch, Written>();
  const byLeader = new Map<number, SequencedBatch[]>();
  for (const batch of batches) {
    try {
      const leader = await client.leaderOf(batch.topic, batch.partition);
      byLeader.set(leader, [...(byLeader.get(leader) ?? []), batch]);
    } catch (caught) {
      results.set(batch, { failure: failureOf(caught) });
    }
  }
  await Promise.all(
    [...byLeader].map(async ([leader, group]) => {
      const written = await produceAt(client, leader, producing, group);
      group.forEach((batch, index) => {
        results.set(batch, written[index] ?? { failure: new KafkaFailure('UNKNOWN', 'no result for a batch') });
      });
    }),
  );
  return batches.map((batch) => results.get(batch) ?? { failure: new KafkaFailure('UNKNOWN', 'a batch was not sent') });
}

async function produceAt(
  client: KafkaClient,
  leader: number,
  { identity, transactionalId, timeoutMs }: Producing,
  batches: readonly SequencedBatch[],
): Promise<readonly Written[]> {
  const topics = new Map<string, SequencedBatch[]>();
  for (const batch of batches) topics.set(batch.topic, [...(topics.get(batch.topic) ?? []), batch]);
  try {
    const { produced } = await client.sendOwnUnchecked(
      leader,
      produceRequest({
        ...identity,
        transactionalId,
        timeoutMs,
        topics: [...topics].map(([topic, partitions]) => ({ topic, partitions })),
      }),
    );
    return batches.map(({ topic, partition }) => {
      const result = produced.find((candidate) => candidate.partition === partition && candidate.topic === topic);
      if (result === undefined) return { failure: new KafkaFailure('UNKNOWN', 'no result for a partition') };
      if (result.errorCode !== 0) return { failure: new KafkaFailure(errorType(result.errorCode), 'Produce') };
      return { baseOffset: result.baseOffset };
    });
  } catch (caught) {
    const failure = failureOf(caught);
    return batches.map(() => ({ failure }));
  }
}

function failureOf(caught: unknown): KafkaFailure {
  if (caught instanceof KafkaFailure) return caught;
  throw caught;
}
