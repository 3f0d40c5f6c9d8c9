/**
 * One ownership of one partition: its epoch, its place, its commits and the loop that feeds its worker.
 *
 * Owns: the place in the partition, the end last heard of, the `lost` signal.
 * Does not own: when to take or give back a partition (consumer.ts).
 *
 * Invariants:
 * H1 A slice begins where the slice before it ended; slices come one by one.
 * H2 After `lost` nothing is written, not even begun.
 * H3 A commit locks its cursor first: whoever wants to take over waits for its end, or is first.
 * H4 From the moment that COMMIT was sent, any failure is an unknown outcome. (A move without outputs is not
 *    one of these: see cursor-mover.ts.)
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Database, Sql } from '../../../database/database.ts';
import { dispositionOf, OperatingError } from '../../../errors.ts';
import type { Assignment, ConsumeOptions, OutgoingRecord, Slice, SliceWorker } from '../../record-log.ts';
import { refuseTooLarge } from '../../record-size.ts';
import type { CursorMove } from './cursor-mover.ts';
import { lockCursor, moveCursor, type OwnedCursor, type TakenCursor } from './group-store.ts';
import type { PostgresLogInternals } from './internals.ts';
import { asLog, logErrorOf } from './log-errors.ts';
import type { RecentRecords } from './recent-records.ts';
import { readPiece, refuseOutOfRange, writeRecords, type WrittenStretch } from './record-store.ts';
import type { Slots } from './slots.ts';

const backOffMsMin = 50;
const backOffMsMax = 2_000;

/** What every holding of a consumer shares. */
export interface HoldingOptions {
  readonly consume: ConsumeOptions;
  readonly database: Database;
  readonly partitionOf: (key: string) => number;
  readonly slots: Slots;
  readonly internals: PostgresLogInternals;
  readonly isLeaseSure: () => boolean;
  readonly recent: RecentRecords;
  readonly written: (stretches: readonly WrittenStretch[]) => void;
  readonly moveCursor: (move: CursorMove) => Promise<boolean>;
}

/** How a holding's loop ended. */
export type HoldingEnd = 'drained' | 'lost' | 'yielded';

/** One ownership. */
export class Holding implements Assignment {
  readonly topic: string;
  readonly partition: number;
  readonly startOffset: number;
  readonly epoch: number;
  readonly #options: HoldingOptions;
  readonly #loss = new AbortController();
  #place: number;
  #head: number;
  #draining = false;
  #wake: () => void = () => undefined;

  constructor(options: HoldingOptions, taken: TakenCursor, startOffset: number) {
    this.#options = options;
    this.topic = options.consume.topic;
    this.partition = taken.partition;
    this.epoch = taken.epoch;
    this.startOffset = startOffset;
    this.#place = startOffset;
    this.#head = taken.stableEnd;
  }

  get lost(): AbortSignal {
    return this.#loss.signal;
  }

  /** True while new slices may begin. */
  get active(): boolean {
    return !this.#draining && !this.lost.aborted;
  }

  /** Nothing more may be written in the name of this assignment. Idempotent. */
  lose(): void {
    this.#loss.abort();
    this.#wake();
  }

  /** No new slice begins; the one in process may finish. */
  drain(): void {
    this.#draining = true;
    this.#wake();
  }

  /** The partition reaches up to here now. */
  headMoved(nextOffset: number): void {
    if (nextOffset <= this.#head) return;
    this.#head = nextOffset;
    this.#wake();
  }

  /** Feeds the worker until this ownership ends. Rejects with what is to stop the consumer. */
  async run(): Promise<HoldingEnd> {
    try {
      const worker = await this.#insist(() => this.#options.consume.assigned(this));
      while (worker !== undefined && this.active) {
        if (this.#place >= this.#head) await this.#news();
        else await this.#feed(worker);
      }
    } catch (caught) {
      if (dispositionOf(caught) !== 'yield') throw caught;
      if (!this.lost.aborted) return 'yielded';
    }
    return this.lost.aborted ? 'lost' : 'drained';
  }

  async #feed(worker: SliceWorker): Promise<void> {
    let slice: Slice | undefined;
    const done = await this.#insist(() =>
      this.#options.slots.run(async () => {
        // Ownership may have gone while this waited for its slot.
        if (!this.active) return false;
        slice ??= await this.#read();
        if (slice.nextOffset > this.#place) await worker.process(slice);
        return true;
      }),
    );
    if (done === true && slice !== undefined) this.#place = slice.nextOffset;
  }

  async #read(): Promise<Slice> {
    const { database, consume, recent } = this.#options;
    const { topic, partition } = this;
    const known = recent.take(topic, partition, this.#place, {
      recordsMax: consume.sliceRecordsMax,
      bytesMax: consume.sliceBytesMax,
    });
    if (known !== undefined) return known;
    const piece = await asLog(() =>
      database.transaction([], (sql) =>
        readPiece(sql, {
          topic,
          partition,
          from: this.#place,
          to: null,
          recordsMax: consume.sliceRecordsMax,
          bytesMax: consume.sliceBytesMax,
        }),
      ),
    );
    refuseOutOfRange(this.#place, piece, `Group ${consume.group} on ${topic}/${partition}`);
    this.#head = piece.stableEnd;
    return { records: piece.records, nextOffset: piece.nextOffset };
  }

  /** Repeats what fails with `retry`, ever more slowly, while this ownership lasts; undefined when it ended first. */
  async #insist<T>(work: () => Promise<T>): Promise<T | undefined> {
    for (let backOffMs = backOffMsMin; this.active; backOffMs = Math.min(backOffMs * 2, backOffMsMax)) {
      try {
        return await work();
      } catch (caught) {
        if (dispositionOf(caught) !== 'retry') throw caught;
      }
      await this.#pause(backOffMs * (0.5 + Math.random()));
    }
    return undefined;
  }

  async #pause(durationMs: number): Promise<void> {
    const ended = new AbortController();
    // News of records must not cut a back-off short; only the end of this ownership does.
    this.#wake = () => {
      if (!this.active) ended.abort();
    };
    await sleep(durationMs, undefined, { signal: ended.signal }).catch(() => undefined);
    this.#wake = () => undefined;
  }

  async #news(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    this.#wake = () => undefined;
    const { patienceMs } = this.#options.consume;
    if (patienceMs !== undefined && this.active) await this.#pause(patienceMs);
  }

  async commit(
    outputs: readonly OutgoingRecord[],
    nextOffset: number,
    prepare?: (transaction: Sql | undefined) => Promise<void>,
  ): Promise<void> {
    if (!this.#options.consume.transactional && outputs.length > 0)
      throw new Error('A consumer without transactions cannot commit outputs.');
    refuseTooLarge(outputs);
    this.#refuseLost();
    if (!this.#options.consume.transactional && prepare === undefined) {
      if (!(await asLog(() => this.#options.moveCursor({ ...this.#cursor(), nextOffset })))) this.#fenced();
      return;
    }
    const step = { preparing: false, committing: false };
    try {
      const stretches = await this.#options.database.transaction([], (sql) =>
        this.#commitIn(sql, { outputs, nextOffset, prepare, step }),
      );
      this.#options.written(stretches);
    } catch (caught) {
      // What `prepare` threw is its caller's own.
      if (step.preparing) throw caught;
      if (step.committing) {
        this.lose();
        throw new OperatingError('log.outcome-unknown', undefined, caught);
      }
      throw logErrorOf(caught);
    }
  }

  async #commitIn(sql: Sql, commit: CommitInProgress): Promise<readonly WrittenStretch[]> {
    const { outputs, nextOffset, step } = commit;
    const cursor = this.#cursor();
    await this.#lockAndPrepare(sql, cursor, commit);
    this.#refuseLost();
    const [{ stretches }, isMoved] = await Promise.all([
      writeRecords(sql, outputs, this.#options.partitionOf, 'transaction'),
      moveCursor(sql, cursor, nextOffset),
    ]);
    if (!isMoved) this.#fenced();
    step.committing = true;
    return stretches;
  }

  /** H3, without waiting for the lock before what else there is to do: who does not get it rolls back. */
  async #lockAndPrepare(sql: Sql, cursor: OwnedCursor, { prepare, step }: CommitInProgress): Promise<void> {
    const locking = lockCursor(sql, cursor);
    locking.catch(() => undefined);
    let failure: { readonly error: unknown } | undefined;
    try {
      await prepare?.(sql);
    } catch (caught) {
      failure = { error: caught };
    }
    if (!(await locking)) this.#fenced();
    if (failure === undefined) return;
    step.preparing = true;
    throw failure.error;
  }

  #cursor(): OwnedCursor {
    const { consume, internals } = this.#options;
    const epoch = internals.fence ? this.epoch : null;
    return { group: consume.group, topic: this.topic, partition: this.partition, epoch };
  }

  #fenced(): never {
    this.lose();
    throw new OperatingError('log.fenced');
  }

  #refuseLost(): void {
    if (this.lost.aborted || !this.#options.isLeaseSure()) this.#fenced();
  }
}

interface CommitInProgress {
  readonly outputs: readonly OutgoingRecord[];
  readonly nextOffset: number;
  readonly prepare: ((transaction: Sql | undefined) => Promise<void>) | undefined;
  readonly step: { preparing: boolean; committing: boolean };
}
