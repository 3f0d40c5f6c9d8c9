/**
 * A consumer of the simulated log and its assignments. The order of their steps varies with the seed.
 *
 * Owns: which assignments run. Does not own: who has which partition (simulated-cluster.ts).
 */
import type { Sql } from '../../../database/database.ts';
import { dispositionOf, OperatingError } from '../../../errors.ts';
import type {
  Assignment,
  Consumer,
  ConsumeOptions,
  LoggedRecord,
  OutgoingRecord,
  Slice,
  SliceWorker,
} from '../../record-log.ts';
import { refuseTooLarge } from '../../record-size.ts';
import type { Cursor, Group, Pace, SimulatedCluster } from './simulated-cluster.ts';
import { Transaction } from './simulated-partition.ts';

/** What belongs to the process of a handle. */
export interface SimulatedProcess {
  readonly cluster: SimulatedCluster;
  readonly partitionOf: (key: string) => number;
  readonly pace: Pace;
  /** False once it crashed: nothing of it takes effect. */
  alive: boolean;
}

/** A member of a group. */
export class SimulatedConsumer implements Consumer {
  readonly name: string;
  readonly group: Group;
  readonly options: ConsumeOptions;
  readonly process: SimulatedProcess;
  readonly finished: Promise<void>;
  readonly #finish = Promise.withResolvers<undefined>();
  readonly #holdings = new Map<Cursor, { readonly holding: SimulatedHolding; readonly ended: Promise<void> }>();
  #firstFailure: { readonly error: unknown } | undefined;
  #ending: Promise<void> | undefined;

  constructor(process: SimulatedProcess, options: ConsumeOptions, name: string) {
    this.process = process;
    this.options = options;
    this.name = name;
    this.group = process.cluster.group(options.group, options.topic);
    this.finished = this.#finish.promise;
  }

  /** Joins; rejects when a partition of the first round cannot be read. */
  async start(): Promise<void> {
    this.group.members.push(this);
    this.process.cluster.rebalance(this.group);
    await this.process.pace('ask call');
    if (this.#firstFailure === undefined) return;
    this.finished.catch(() => undefined);
    await this.#ending;
    throw this.#firstFailure.error;
  }

  owned(): readonly number[] {
    return [...this.#holdings.values()]
      .filter(({ holding }) => !holding.lost.aborted)
      .map(({ holding }) => holding.partition)
      .sort((a, b) => a - b);
  }

  stop(): Promise<void> {
    return this.#end(undefined);
  }

  /** There may be something to read. */
  recordsCame(topic: string): void {
    if (topic === this.options.topic) for (const { holding } of this.#holdings.values()) holding.wake();
  }

  /** The group gives this consumer a partition. */
  take(cursor: Cursor): void {
    const holding = new SimulatedHolding(this, cursor);
    const before = this.#holdings.get(cursor)?.ended;
    const ended = this.#run(holding, cursor, before);
    this.#holdings.set(cursor, { holding, ended });
  }

  /** The group wants a partition back, after the slice in process. */
  giveBack(cursor: Cursor): void {
    this.#holdings.get(cursor)?.holding.drain();
  }

  /** It was believed gone: what it had may be others' now. */
  rejoin(): void {
    if (this.#ending !== undefined || this.group.members.includes(this)) return;
    for (const { holding } of this.#holdings.values()) holding.lose();
    this.group.members.push(this);
    this.process.cluster.rebalance(this.group);
  }

  /** The process is gone: nothing is told to anyone. */
  crash(): void {
    for (const { holding } of this.#holdings.values()) holding.lose();
  }

  /** Never rejects. */
  async #run(holding: SimulatedHolding, cursor: Cursor, before: Promise<void> | undefined): Promise<void> {
    await before;
    const { cluster } = this.process;
    try {
      const end = await holding.run();
      if (end === 'yielded') await this.process.pace('wait back-off');
    } catch (caught) {
      this.#firstFailure ??= { error: caught };
      void this.#end(caught);
    }
    holding.lose();
    if (this.#holdings.get(cursor)?.holding !== holding) return;
    this.#holdings.delete(cursor);
    if (this.process.alive && cursor.owner === this) cluster.free(this.group, cursor);
  }

  #end(error: unknown): Promise<void> {
    this.#ending ??= this.#endOnce(error);
    return this.#ending;
  }

  async #endOnce(error: unknown): Promise<void> {
    const { cluster } = this.process;
    const { members } = this.group;
    // No new partitions from here on; those it has go to others when their slices are done.
    if (members.includes(this)) members.splice(members.indexOf(this), 1);
    const running = [...this.#holdings.values()];
    for (const { holding } of running) {
      holding.drain();
      if (error !== undefined) holding.lose();
    }
    // Not in this turn: a holding that failed ends only after it called for this.
    await this.process.pace('wait leave');
    await Promise.all(running.map(({ ended }) => ended));
    if (this.process.alive) cluster.remove(this.group, this);
    if (error === undefined) this.#finish.resolve(undefined);
    else this.#finish.reject(error instanceof Error ? error : new Error('A worker threw no error.', { cause: error }));
  }
}

class SimulatedHolding implements Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly #consumer: SimulatedConsumer;
  readonly #cursor: Cursor;
  readonly #loss = new AbortController();
  /** Set when it fenced; before, no epoch is its own. */
  #epoch = -1;
  #place = 0;
  #draining = false;
  #wake: () => void = () => undefined;

  constructor(consumer: SimulatedConsumer, cursor: Cursor) {
    this.#consumer = consumer;
    this.#cursor = cursor;
    this.topic = cursor.partition.topic;
    this.partition = cursor.partition.partition;
  }

  startOffset = 0;

  get lost(): AbortSignal {
    return this.#loss.signal;
  }

  get #cluster(): SimulatedCluster {
    return this.#consumer.process.cluster;
  }

  get #active(): boolean {
    return !this.#draining && !this.lost.aborted;
  }

  readonly wake = (): void => {
    this.#wake();
  };

  lose(): void {
    this.#loss.abort();
    this.#wake();
  }

  drain(): void {
    this.#draining = true;
    this.#wake();
  }

  async run(): Promise<'ended' | 'yielded'> {
    try {
      if ((await this.#insist(() => this.#takeOver())) !== true) return 'ended';
      const worker = await this.#insist(() => this.#consumer.options.assigned(this));
      while (worker !== undefined && this.#active) {
        if (this.#place < this.#cursor.partition.stableEnd) await this.#cluster.during(() => this.#feed(worker));
        else await this.#news();
      }
    } catch (caught) {
      if (dispositionOf(caught) !== 'yield') throw caught;
      return this.lost.aborted ? 'ended' : 'yielded';
    }
    return 'ended';
  }

  /** Fences, and reads the committed offset only then: a predecessor may have committed until now. */
  async #takeOver(): Promise<true> {
    const { pace } = this.#consumer.process;
    const early = this.#committedOffset();
    await pace('ask fence');
    this.#epoch = this.#cluster.fence(this.#cursor);
    await pace('ask offset');
    this.startOffset = this.#place = this.#cluster.without === 're-read' ? early : this.#committedOffset();
    return true;
  }

  #committedOffset(): number {
    const { partition } = this.#cursor;
    const { group } = this.#consumer.options;
    if (this.#cursor.committed === null && partition.stableEnd === 0) this.#cursor.committed = 0;
    const { committed } = this.#cursor;
    const where = `Group ${group} on ${this.topic}/${this.partition}`;
    if (committed === null) throw new OperatingError('log.offset-missing', `${where}; create the group first.`);
    if (committed < partition.start || committed > partition.stableEnd)
      throw new OperatingError('log.offset-out-of-range', `${where} is to go on from ${committed}.`);
    return committed;
  }

  async #feed(worker: SliceWorker): Promise<void> {
    const slice = await this.#insist(() => this.#fetch());
    if (slice === undefined) return;
    const done = await this.#insist(async () => {
      await worker.process(slice);
      return true;
    });
    if (done === true) this.#place = slice.nextOffset;
  }

  async #fetch(): Promise<Slice> {
    await this.#consumer.process.pace('ask fetch');
    const { sliceRecordsMax, sliceBytesMax } = this.#consumer.options;
    const { chance } = this.#cluster;
    // A broker may answer with less than was asked for.
    const recordsMax = chance.once(2) ? sliceRecordsMax : 1 + chance.below(sliceRecordsMax);
    return this.#cursor.partition.read(this.#place, { to: Infinity, recordsMax, bytesMax: sliceBytesMax });
  }

  async #insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    while (this.#active) {
      try {
        return await work();
      } catch (caught) {
        if (dispositionOf(caught) !== 'retry') throw caught;
      }
      await this.#consumer.process.pace('wait back-off');
    }
    return undefined;
  }

  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => undefined;
  }

  async commit(
    outputs: readonly OutgoingRecord[],
    nextOffset: number,
    prepare?: (transaction: Sql | undefined) => Promise<void>,
  ): Promise<void> {
    if (!this.#consumer.options.transactional && outputs.length > 0)
      throw new Error('A consumer without transactions cannot commit outputs.');
    refuseTooLarge(outputs);
    this.#refuseLost();
    this.#cluster.refuseUnavailable();
    const { pace } = this.#consumer.process;
    const transaction = new Transaction();
    const written: LoggedRecord[] = [];
    this.#cursor.open.add(transaction);
    try {
      // A broker's clients send outputs before or after `prepare`; nobody may rely on either.
      const early = this.#cluster.chance.once(2);
      if (early) written.push(...this.#write(transaction, outputs));
      await prepare?.(undefined);
      await pace('ask write');
      this.#refuseLost();
      this.#cluster.refuseUnavailable();
      if (!early) written.push(...this.#write(transaction, outputs));
      await pace('ask commit');
      this.#refuseLost();
    } catch (caught) {
      this.#cursor.open.delete(transaction);
      this.#cluster.endTransaction(transaction, 'aborted');
      throw caught;
    }
    this.#decide(transaction, nextOffset, written);
    await pace('answer commit');
  }

  /** The one step in which a commit takes effect, or fails as was ordered. */
  #decide(transaction: Transaction, nextOffset: number, outputs: readonly LoggedRecord[]): void {
    const fault = this.#cluster.commitFaults.shift();
    const applied = fault === undefined || fault === 'unknown-applied';
    this.#cluster.endTransaction(transaction, applied ? 'committed' : 'aborted');
    this.#cursor.open.delete(transaction);
    if (applied) {
      const before = this.#cursor.committed ?? 0;
      this.#cursor.committed = nextOffset;
      const { group } = this.#consumer.options;
      const { topic, partition } = this;
      this.#cluster.committed({ group, topic, partition, before, nextOffset, outputs });
    }
    if (fault === 'fail') throw new OperatingError('log.unavailable');
    if (fault !== undefined) {
      this.lose();
      throw new OperatingError('log.outcome-unknown');
    }
  }

  #write(transaction: Transaction, outputs: readonly OutgoingRecord[]): readonly LoggedRecord[] {
    const { cluster, partitionOf } = this.#consumer.process;
    return outputs.map((output) =>
      transaction.write(cluster.partition(output.topic, partitionOf(output.key)), output, cluster.now()),
    );
  }

  #refuseLost(): void {
    const owned = this.#consumer.process.alive && !this.lost.aborted;
    if (owned && this.#cluster.mayWrite(this.#cursor, this.#epoch)) return;
    this.lose();
    throw new OperatingError('log.fenced');
  }
}
