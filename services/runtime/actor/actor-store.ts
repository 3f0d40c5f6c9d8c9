/**
 * What the host keeps outside of the log: snapshots, epochs, marks, and the journal that it rebuilds
 * from. A port, so that the same host runs on Postgres and in simulations (chaos/simulation).
 */
import type { Sql } from '../database/database.ts';
import type { ToldRecord } from './apply.ts';
import type { Envelope } from './envelope.ts';
import {
  type JournalOf,
  type JournalPorts,
  type JournalSnapshot,
  journalReach,
  nearestSnapshot,
  readHeld,
  readJournal,
  readQuarantines,
} from './journal.ts';
import {
  type SnapshotWrite,
  type StoredActor,
  type Takeover,
  declareTenants,
  loadActors,
  markAttempt,
  takeOver,
  unmarkAttempt,
  writeSnapshots,
} from './snapshot-store.ts';

/** All methods throw `database.unavailable`; what opens something sealed throws `vault.unavailable` too. */
export interface ActorStore {
  /** Begins a new epoch of a partition (S1): from now on its predecessor writes nothing. */
  takeOver(partition: number, startOffset: number): Promise<Takeover>;
  /** What is stored of some actors, as of a committed offset. */
  loadActors(
    actors: readonly { readonly tenant: string; readonly actor: string }[],
    committedOffset: number,
  ): Promise<readonly StoredActor[]>;
  /**
   * Writes a slice's snapshots and the partition's progress, all or nothing: inside the transaction
   * given (it commits with that one), else in one of its own. `tenants` are those of the rows. Throws
   * `log.fenced` when the epoch is not the newest, or when snapshots before it are gone (S4).
   */
  write(tenants: readonly string[], slice: SnapshotWrite, transaction: Sql | undefined): Promise<void>;
  /** Marks that a record is about to be applied; returns how often it was begun before and the process ended. Throws `log.fenced`. */
  markAttempt(partition: number, epoch: number, offset: number): Promise<number>;
  /** Takes back the mark of a record whose application failed without ending the process; by whoever made it, owner or not by now. */
  unmarkAttempt(partition: number, offset: number): Promise<void>;
  /** Offset up to which the journals of a partition are complete. */
  journalReach(partition: number): Promise<number>;
  /** Records of an actor in `[from, before)` of its journal, in order. */
  readJournal(of: JournalOf, from: number, before: number): AsyncIterable<ToldRecord>;
  /** Those of the records that an envelope holds which its journal has, in order. */
  readHeld(envelope: Envelope): Promise<readonly ToldRecord[]>;
  /** Offsets at which the host ordered a quarantine of the actor, by its journal. */
  readQuarantines(of: JournalOf): Promise<readonly number[]>;
  /** The newest usable snapshot of the actor's journal at or before an offset. */
  nearestSnapshot(of: JournalOf, atOrBefore: number): Promise<JournalSnapshot | undefined>;
}

/** The store in Postgres. */
export function postgresActorStore(ports: JournalPorts): ActorStore {
  const { database } = ports;
  return {
    takeOver: (partition, startOffset) => takeOver(database, partition, startOffset),
    loadActors: (actors, committedOffset) => loadActors(database, actors, committedOffset),
    async write(tenants, slice, transaction) {
      if (transaction === undefined) {
        await database.transaction(tenants, (sql) => writeSnapshots(sql, slice));
        return;
      }
      await Promise.all([declareTenants(transaction, tenants), writeSnapshots(transaction, slice)]);
    },
    markAttempt: (partition, epoch, offset) => markAttempt(database, partition, epoch, offset),
    unmarkAttempt: (partition, offset) => unmarkAttempt(database, partition, offset),
    journalReach: (partition) => journalReach(database, partition),
    readJournal: (of, from, before) => readJournal(ports, of, from, before),
    readHeld: (envelope) => readHeld(ports, envelope),
    readQuarantines: (of) => readQuarantines(ports, of),
    nearestSnapshot: (of, atOrBefore) => nearestSnapshot(ports, of, atOrBefore),
  };
}
