/**
 * The transactions of one input partition.
 *
 * Owns a transactional id and the identity that the broker gave it. One id per input partition, as
 * the exactly-once design before KIP-447 has it: the broker refuses every earlier owner by its epoch.
 * KIP-447's own check (member and generation with the offset) comes on top; of an offset alone, which needs no transaction,
 * it is the only one (`offsets.ts`).
 *
 * 1. `fence` makes every earlier producer of this id powerless, and returns when its last transaction is decided.
 * 2. Nothing follows an unanswered request but the end: the broker could still carry it out, within
 *    the next transaction of the same epoch (Jepsen "Bufstream 0.1.0", KIP-890). Repeating the very
 *    same request is right, except for the one that ends a transaction; but where it moved the offset
 *    no other transaction of this epoch follows, which it could take back. (Late records are refused by
 *    their sequence numbers.)
 * 3. After `log.fenced` or `log.outcome-unknown` this producer is not used again.
 */
import { randomUUID } from 'node:crypto';
import { OperatingError } from '#runtime/errors.ts';
import type { OutgoingRecord } from '../../record-log.ts';
import type { KafkaClient } from './client.ts';
import { isOwnershipGone, isUnanswered, KafkaFailure } from './failure.ts';
import { addToBatch, produce, Sequences, type PartitionBatch, type SequencedBatch } from './produce.ts';
import { repeating } from './repeating.ts';
import { txnOffsetCommit, type ProducerIdentity } from './requests.ts';
import type { KafkaSeam } from './seam.ts';

/** An output with its place at the broker. */
export interface PlacedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly record: OutgoingRecord;
}

/** The offset that moves with the outputs, and in whose name. */
export interface OffsetMove {
  readonly groupId: string;
  readonly memberId: string;
  readonly generationId: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** Bounds. */
export interface TransactionTimings {
  /** The broker aborts a transaction that is open longer. */
  readonly transactionTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

export class TransactionalProducer {
  readonly #client: KafkaClient;
  readonly #transactionalId: string;
  readonly #timings: TransactionTimings;
  readonly #seam: KafkaSeam;
  #identity: ProducerIdentity | undefined;
  #sequences = new Sequences();
  /** An offset was sent and not answered, so that it may still arrive (2). */
  #offsetMayComeLate = false;

  constructor(client: KafkaClient, transactionalId: string, timings: TransactionTimings, seam: KafkaSeam) {
    this.#client = client;
    // Without the fence every owner has an id of its own, so none is in another's way.
    this.#transactionalId = seam.withoutFence === true ? `${transactionalId}-${randomUUID()}` : transactionalId;
    this.#timings = timings;
    this.#seam = seam;
  }

  /** Takes the id over. Throws a passing failure when that takes longer than a transaction may. */
  async fence(signal: AbortSignal): Promise<void> {
    // A predecessor that prepared its commit must be waited for; it takes no longer than its timeout.
    const deadline = Date.now() + this.#timings.transactionTimeoutMs + this.#timings.requestTimeoutMs;
    const { producerId, producerEpoch } = await repeating(this.#client, { deadline, signal }, async () =>
      this.#client.send(await this.#coordinator(), 'InitProducerId', {
        transactionalId: this.#transactionalId,
        transactionTimeout: this.#timings.transactionTimeoutMs,
      }),
    );
    this.#identity = { producerId, producerEpoch };
    this.#sequences = new Sequences();
  }

  /**
   * Commits outputs and offset together. Throws `log.fenced`, `log.outcome-unknown`, or
   * `log.unavailable` when nothing was committed and another attempt may be made.
   */
  async commit(outputs: readonly PlacedRecord[], move: OffsetMove): Promise<void> {
    const identity = this.#identity;
    if (identity === undefined) throw new OperatingError('log.fenced', 'not fenced yet');
    const deadline = Date.now() + Math.floor(this.#timings.transactionTimeoutMs * 0.8);
    try {
      await this.#addPartitions(identity, outputs, deadline);
      await this.#seam.reached?.('begun', move.partition);
      // Both must have ended before an abort may be sent.
      const parts = await Promise.allSettled([
        this.#write(identity, outputs, deadline).then(() => this.#seam.reached?.('appended', move.partition)),
        this.#moveOffset(identity, move, deadline),
      ]);
      for (const part of parts) if (part.status === 'rejected') throw part.reason;
    } catch (caught) {
      await this.#abort(identity, caught);
    }
    await this.#seam.beforeEndOfTransaction?.(move.partition);
    const ending = this.#end(identity);
    await Promise.all([ending, this.#seam.reached?.('commit-sent', move.partition)]);
    // It was committed; whoever goes on must fence first.
    if (this.#offsetMayComeLate) throw new OperatingError('log.outcome-unknown', 'TxnOffsetCommit');
  }

  #coordinator(): Promise<number> {
    return this.#client.coordinatorOf('transaction', this.#transactionalId);
  }

  async #addPartitions(identity: ProducerIdentity, outputs: readonly PlacedRecord[], deadline: number): Promise<void> {
    const topics = new Map<string, Set<number>>();
    for (const { topic, partition } of outputs) {
      const partitions = topics.get(topic) ?? new Set();
      topics.set(topic, partitions.add(partition));
    }
    if (topics.size === 0) return;
    await repeating(this.#client, { deadline }, async () =>
      this.#client.send(await this.#coordinator(), 'AddPartitionsToTxn', {
        ...identity,
        transactionalId: this.#transactionalId,
        topics: [...topics].map(([topic, partitions]) => ({ topic, partitions: [...partitions] })),
      }),
    );
  }

  /** Writes the outputs, in as many rounds as their batches need; order within a partition is kept. */
  async #write(identity: ProducerIdentity, outputs: readonly PlacedRecord[], deadline: number): Promise<void> {
    for (let left = outputs; left.length > 0;) {
      const [batches, rest] = takeRound(left);
      let pending = batches.map((batch): SequencedBatch => ({
        ...batch,
        firstSequence: this.#sequences.next(batch.topic, batch.partition),
      }));
      await repeating(this.#client, { deadline }, async () => {
        const producing = {
          identity,
          transactionalId: this.#transactionalId,
          timeoutMs: this.#timings.requestTimeoutMs,
        };
        const written = await produce(this.#client, producing, pending);
        const failures = written.flatMap((result) => ('failure' in result ? [result.failure] : []));
        pending = pending.filter((batch, index) => {
          const done = 'baseOffset' in (written[index] ?? {});
          if (done) this.#sequences.advance(batch);
          return !done;
        });
        const worst = failures.find((failure) => isOwnershipGone(failure)) ?? failures[0];
        if (worst !== undefined) throw worst;
      });
      left = rest;
    }
  }

  async #moveOffset(identity: ProducerIdentity, move: OffsetMove, deadline: number): Promise<void> {
    const { groupId } = move;
    const named = { ...identity, transactionalId: this.#transactionalId };
    await repeating(this.#client, { deadline }, async () =>
      this.#client.send(await this.#coordinator(), 'AddOffsetsToTxn', { ...named, groupId }),
    );
    const membership = this.#seam.withoutGenerationCheck === true ? { memberId: '', generationId: -1 } : {};
    await repeating(this.#client, { deadline }, async () => {
      const node = await this.#client.coordinatorOf('group', groupId);
      try {
        await this.#client.sendOwn(node, txnOffsetCommit({ ...move, ...named, ...membership }));
      } catch (caught) {
        this.#offsetMayComeLate ||= isUnanswered(caught);
        throw caught;
      }
    });
    await this.#seam.reached?.('offset-moved', move.partition);
  }

  /** Gives the transaction up and throws what its failure means for the caller. */
  async #abort(identity: ProducerIdentity, cause: unknown): Promise<never> {
    if (!(cause instanceof KafkaFailure)) throw cause;
    if (isOwnershipGone(cause)) {
      // Best effort: if this producer still may, readers of the outputs need not wait for the timeout.
      await this.#sendEnd(identity, false).catch(() => undefined);
      throw new OperatingError('log.fenced', cause.type, cause);
    }
    if (isUnanswered(cause)) throw new OperatingError('log.outcome-unknown', cause.type, cause);
    try {
      await this.#sendEnd(identity, false);
    } catch (caught) {
      throw new OperatingError('log.outcome-unknown', cause.type, caught);
    }
    throw new OperatingError(this.#offsetMayComeLate ? 'log.outcome-unknown' : 'log.unavailable', cause.type, cause);
  }

  async #end(identity: ProducerIdentity): Promise<void> {
    const lost = this.#seam.loseNextAnswer?.();
    if (lost === 'lost') throw new OperatingError('log.outcome-unknown', 'staged');
    try {
      await this.#sendEnd(identity, true);
    } catch (caught) {
      if (isOwnershipGone(caught)) throw new OperatingError('log.fenced', 'EndTxn', caught);
      throw new OperatingError('log.outcome-unknown', 'EndTxn', caught);
    }
    if (lost === 'applied') throw new OperatingError('log.outcome-unknown', 'staged');
  }

  /** Ends the transaction; repeats it only after a refusal that shows it was not carried out. */
  async #sendEnd(identity: ProducerIdentity, transactionResult: boolean): Promise<void> {
    const deadline = Date.now() + this.#timings.requestTimeoutMs;
    let unanswered: KafkaFailure | undefined;
    await repeating(this.#client, { deadline }, async () => {
      const node = await this.#coordinator();
      try {
        const { producerId, producerEpoch } = identity;
        const named = { producerId, producerEpoch, transactionalId: this.#transactionalId };
        await this.#client.send(node, 'EndTxn', { ...named, transactionResult });
      } catch (caught) {
        if (!(caught instanceof KafkaFailure) || !isUnanswered(caught)) throw caught;
        unanswered = caught;
      }
    });
    if (unanswered !== undefined) throw unanswered;
  }
}

/** At most one batch per partition from the front of `outputs`, and what is left. */
function takeRound(outputs: readonly PlacedRecord[]): [PartitionBatch[], PlacedRecord[]] {
  const batches = new Map<string, PartitionBatch>();
  const full = new Set<string>();
  const rest: PlacedRecord[] = [];
  for (const output of outputs) {
    const { topic, partition, record } = output;
    const place = `${topic}/${partition}`;
    const batch = batches.get(place) ?? { topic, partition, records: [], bytes: 0 };
    batches.set(place, batch);
    if (full.has(place) || !addToBatch(batch, record)) {
      full.add(place);
      rest.push(output);
    }
  }
  return [[...batches.values()], rest];
}
