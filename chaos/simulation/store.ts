/**
 * The actor store in memory, with the promises of snapshot-store.ts (S1 to S4) and what Postgres can
 * have done to it: set back, wiped, damaged. Every state is kept for a while, so that it can be set
 * back to one.
 */
import type { ActorStore } from '#runtime/actor/actor-store.ts';
import type { ToldRecord } from '#runtime/actor/apply.ts';
import type { Envelope } from '#runtime/actor/envelope.ts';
import type { JournalSnapshot } from '#runtime/actor/journal.ts';
import type { SnapshotWrite } from '#runtime/actor/snapshot-store.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Chance } from '#runtime/log/adapters/simulated/chance.ts';

import type { VirtualProcess } from './process.ts';

/** One version of an actor. */
export interface Version {
  readonly nextOffset: number;
  readonly body: Buffer;
}

/** A partition's row. */
export interface PartitionRow {
  readonly epoch: number;
  /** Serial of its take-over: other than an epoch, nothing can make it come twice. */
  readonly takeover: number;
  /** Committed when the last slice was written. */
  readonly committed: number;
  /** Where that slice leads to. */
  readonly progress: number;
  readonly suspectStart: number;
  readonly suspectCount: number;
  readonly attemptOffset: number;
  readonly attemptCount: number;
}

interface State {
  readonly partitions: ReadonlyMap<number, PartitionRow>;
  /** Oldest first. */
  readonly versions: ReadonlyMap<string, readonly Version[]>;
  readonly begun: ReadonlyMap<string, number>;
  readonly journal: ReadonlyMap<string, readonly ToldRecord[]>;
  readonly journalSnapshots: ReadonlyMap<string, readonly JournalSnapshot[]>;
  readonly reach: ReadonlyMap<number, number>;
  /** Actors whose rows were wiped and of whom no committed version was seen since. */
  readonly wiped: ReadonlySet<string>;
}

/** What tests switch off: keeping two versions (S2), epochs that never come twice (S1), writing only where nothing is missing before (S4). */
export type StoreProtection = 'two-versions' | 'unbroken' | 'epochs-once';

const statesKept = 40;

/** The database. */
export class MemoryStore {
  readonly #without: StoreProtection | undefined;
  /** Told of every write that was taken: of which partition, and whether somebody else had taken that over. */
  readonly #written: (partition: number, overtaken: boolean) => void;
  readonly #earlier: State[] = [];
  readonly #damaged = new WeakSet<Buffer>();
  /** Take-overs ever: what the clock is to epochs in Postgres. */
  #serial = 0;
  #state: State = {
    partitions: new Map(),
    versions: new Map(),
    begun: new Map(),
    journal: new Map(),
    journalSnapshots: new Map(),
    reach: new Map(),
    wiped: new Set(),
  };

  constructor(options: {
    readonly without: StoreProtection | undefined;
    readonly written: (partition: number, overtaken: boolean) => void;
  }) {
    this.#without = options.without;
    this.#written = options.written;
  }

  get state(): State {
    return this.#state;
  }

  /** Whether it is our doing that an actor has no committed version. */
  wasWiped(actor: string): boolean {
    return this.#state.wiped.has(actor);
  }

  /** A committed version of it was seen. */
  isThere(actor: string): void {
    const { wiped } = this.#state;
    if (wiped.has(actor))
      this.#state = { ...this.#state, wiped: new Set([...wiped].filter((other) => other !== actor)) };
  }

  /** Whether it is our doing that a version does not open. */
  wasDamaged(body: Buffer): boolean {
    return this.#damaged.has(body);
  }

  /** The store as one process reaches it. */
  of(process: VirtualProcess): ActorStore {
    const mine = new Map<number, number>();
    const call = <T>(name: string, work: () => T): Promise<T> => process.call(name, 'database.unavailable', work);
    return {
      takeOver: (partition, startOffset) =>
        call('take over', () => {
          const taken = this.#takeOver(partition, startOffset);
          mine.set(partition, this.#serial);
          return taken;
        }),
      loadActors: (actors, committedOffset) =>
        call('load', () => actors.map(({ tenant, actor }) => this.#load(tenant, actor, committedOffset))),
      write: (_tenants, slice) =>
        call('snapshots', () => {
          this.#write(slice);
          const owner = this.#state.partitions.get(slice.partition)?.takeover;
          this.#written(slice.partition, mine.get(slice.partition) !== owner);
        }),
      markAttempt: (partition, epoch, offset) => call('mark', () => this.#mark(partition, epoch, offset)),
      unmarkAttempt: (partition, offset) =>
        call('unmark', () => {
          this.#unmark(partition, offset);
        }),
      journalReach: (partition) => call('reach', () => this.#state.reach.get(partition) ?? 0),
      readJournal: (of, from, before) => this.#readJournal(process, of.actor, from, before),
      readHeld: (envelope) => call('held', () => this.#held(envelope)),
      readQuarantines: (of) =>
        call('quarantines', () =>
          (this.#state.journal.get(of.actor) ?? []).flatMap(({ record }) =>
            record.type === 'conversation.quarantined' ? [record.recordOffset] : [],
          ),
        ),
      nearestSnapshot: (of, atOrBefore) =>
        call('journal snapshot', () =>
          this.#state.journalSnapshots.get(of.actor)?.findLast(({ envelope }) => envelope.nextOffset <= atOrBefore),
        ),
    };
  }

  /** What the projection writes: records that the journal does not have yet, and how far it is complete. */
  project(partition: number, records: readonly ToldRecord[], reach: number): void {
    const journal = new Map(this.#state.journal);
    for (const told of records) journal.set(told.record.actor, [...(journal.get(told.record.actor) ?? []), told]);
    this.#become({ journal, reach: new Map(this.#state.reach).set(partition, reach) });
  }

  /** An actor as its journal left it. */
  projectSnapshot(snapshot: JournalSnapshot): void {
    const { actor, nextOffset } = snapshot.envelope;
    const kept = (this.#state.journalSnapshots.get(actor) ?? []).filter(
      ({ envelope }) => envelope.nextOffset < nextOffset,
    );
    this.#become({ journalSnapshots: new Map(this.#state.journalSnapshots).set(actor, [...kept, snapshot]) });
  }

  /** Sets it back to an earlier state; returns how many writes were lost. */
  setBack(chance: Chance): number {
    const lost = Math.min(this.#earlier.length, 1 + chance.below(statesKept));
    const state = this.#earlier.at(-lost);
    if (state === undefined) return 0;
    this.#earlier.length -= lost;
    this.#state = state;
    return lost;
  }

  /** Deletes all snapshots. */
  wipe(): void {
    const { versions, wiped } = this.#state;
    this.#become({ versions: new Map(), wiped: new Set([...wiped, ...versions.keys()]) });
  }

  /** Changes a byte of some snapshots. */
  damage(chance: Chance): number {
    const versions = new Map(this.#state.versions);
    let count = 0;
    for (const [actor, rows] of versions) {
      if (!chance.once(2)) continue;
      count += 1;
      versions.set(
        actor,
        rows.map(({ nextOffset, body }) => {
          const bytes = Buffer.from(chance.once(3) ? body.subarray(0, chance.below(body.length)) : body);
          if (bytes.length === body.length && bytes.length > 0) {
            const at = chance.below(bytes.length);
            bytes.writeUInt8(bytes.readUInt8(at) ^ (1 + chance.below(255)), at);
          }
          this.#damaged.add(bytes);
          return { nextOffset, body: bytes };
        }),
      );
    }
    this.#become({ versions });
    return count;
  }

  #become(change: Partial<State>): void {
    this.#earlier.push(this.#state);
    if (this.#earlier.length > statesKept) this.#earlier.shift();
    this.#state = { ...this.#state, ...change };
  }

  #becomeRow(partition: number, row: PartitionRow, change: Partial<State> = {}): void {
    this.#become({ ...change, partitions: new Map(this.#state.partitions).set(partition, row) });
  }

  #takeOver(partition: number, startOffset: number) {
    const row = this.#state.partitions.get(partition);
    this.#serial += 1;
    const again = row?.suspectStart === startOffset;
    const taken: PartitionRow = {
      ...(row ?? { committed: 0, progress: 0, attemptOffset: -1, attemptCount: 0 }),
      takeover: this.#serial,
      epoch: this.#without === 'epochs-once' ? (row?.epoch ?? 0) + 1 : this.#serial,
      suspectStart: startOffset,
      suspectCount: again ? row.suspectCount + 1 : 1,
    };
    this.#becomeRow(partition, taken);
    const { epoch, committed, suspectCount } = taken;
    const progress = taken.progress === startOffset ? startOffset : Math.min(committed, taken.progress);
    return { epoch, progress, startsWithoutProgress: suspectCount };
  }

  #load(tenant: string, actor: string, committedOffset: number) {
    const rows = this.#state.versions.get(actor) ?? [];
    const snapshot =
      this.#without === 'two-versions' ? rows.at(-1) : rows.findLast(({ nextOffset }) => nextOffset <= committedOffset);
    return { tenant, actor, person: undefined, begunOffset: this.#state.begun.get(actor), snapshot };
  }

  #write(slice: SnapshotWrite): void {
    const row = this.#state.partitions.get(slice.partition);
    if (row === undefined || (row.epoch !== slice.epoch && slice.anyEpoch !== true))
      throw new OperatingError('log.fenced');
    const follows = slice.committedOffset === row.committed || slice.committedOffset === row.progress;
    if (!follows && this.#without !== 'unbroken') throw new OperatingError('log.fenced');
    const versions = new Map(this.#state.versions);
    const begun = new Map(this.#state.begun);
    for (const { actor, nextOffset, body, begunOffset } of slice.rows) {
      const others = (versions.get(actor) ?? []).filter((version) => version.nextOffset !== nextOffset);
      const all = [...others, { nextOffset, body }].sort((a, b) => a.nextOffset - b.nextOffset);
      const kept = all.findLast((version) => version.nextOffset <= slice.committedOffset)?.nextOffset ?? 0;
      versions.set(
        actor,
        this.#without === 'two-versions' ? [{ nextOffset, body }] : all.filter((version) => version.nextOffset >= kept),
      );
      if (begunOffset !== undefined && !begun.has(actor)) begun.set(actor, begunOffset);
    }
    const { committedOffset: committed, nextOffset: progress } = slice;
    this.#becomeRow(slice.partition, { ...row, committed, progress }, { versions, begun });
  }

  #mark(partition: number, epoch: number, offset: number): number {
    const row = this.#state.partitions.get(partition);
    if (row?.epoch !== epoch) throw new OperatingError('log.fenced');
    const attemptCount = row.attemptOffset === offset ? row.attemptCount + 1 : 1;
    this.#becomeRow(partition, { ...row, attemptOffset: offset, attemptCount });
    return attemptCount - 1;
  }

  #unmark(partition: number, offset: number): void {
    const row = this.#state.partitions.get(partition);
    if (row?.attemptOffset !== offset || row.attemptCount === 0) return;
    this.#becomeRow(partition, { ...row, attemptCount: row.attemptCount - 1 });
  }

  async *#readJournal(process: VirtualProcess, actor: string, from: number, before: number) {
    yield* await process.call('journal', 'database.unavailable', () =>
      (this.#state.journal.get(actor) ?? []).filter(({ offset }) => offset >= from && offset < before),
    );
  }

  #held({ actor, held }: Envelope): readonly ToldRecord[] {
    const wanted = new Set(held.map(({ offset }) => offset));
    return (this.#state.journal.get(actor) ?? []).filter(({ offset }) => wanted.has(offset));
  }
}
