/**
 * Actors as the API sees them: the newest committed snapshot, or the fold of the journal.
 *
 * R1 A snapshot above the host's committed offset is not shown: its slice may yet be given again.
 * R2 Reading changes nothing and needs no host: where a snapshot is missing or corrupt, the journal
 *    is folded, with the host's own code, from its nearest snapshot.
 */
import { topics } from '#schemas/topics.ts';
import { type Envelope, openEnvelope } from '#runtime/actor/envelope.ts';
import type { FoldStep } from '#runtime/actor/fold.ts';
import { type JournalRecord, journalReach, openJournalFold } from '#runtime/actor/journal.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** Group of the actor host. */
const hostGroup = 'conversation';
/** Records that a page of steps folds before its first one, at most; with the journal's snapshots it is some hundreds. */
const foldRecordsMax = 20_000;

/** An actor as of an offset. */
export interface ActorReading {
  readonly nextOffset: number;
  /** Undefined when its person was erased, or nothing was applied yet. */
  readonly envelope: Envelope | undefined;
  readonly erased: boolean;
  /** Epoch milliseconds of the time inside the actor. */
  readonly updatedAt: number | undefined;
}

/** An actor in the past. */
export interface PastActor {
  /** Undefined before its first record. */
  readonly envelope: Envelope | undefined;
  /** Epoch milliseconds: ingest time of the last record in it. */
  readonly lastAt: number | undefined;
}

/** Just before a record of the log, or after the records up to a time (epoch ms). */
export type Moment = { readonly before: number } | { readonly at: number };

/** Committed offsets of the host by partition. */
export type CommittedOffsets = ReadonlyMap<number, number>;

/** Throws `database.unavailable`, `log.unavailable`, `vault.unavailable`, `actor.machine-unknown`. */
export interface Actors {
  /** What the host has committed. */
  committed(): Promise<CommittedOffsets>;
  /** The actor as last committed. */
  read(tenant: string, actor: string): Promise<ActorReading>;
  /**
   * The actor at a moment of its past. A time ends at the first record that is later: ingest's clocks
   * may differ, the order of the log counts.
   */
  past(tenant: string, actor: string, moment: Moment): Promise<PastActor>;
  /** The steps of the actor's records from an offset on, in order. Throws `Problem` 422 when it is too far from where a fold can begin. */
  steps(tenant: string, actor: string, from: number): AsyncGenerator<FoldStep>;
  /** All steps of the actor's records, from the first one, with the machines of a registry. */
  foldWhole(tenant: string, actor: string, find: FindMachine): AsyncGenerator<FoldStep>;
  /** Throws `actor.journal-behind` when the journal does not have every record before `offset` that the host applied. */
  requireJournal(actor: string, offset: number): Promise<void>;
}

interface SnapshotRow {
  readonly next_offset: string;
  readonly updated_at: Date;
  readonly body: Buffer;
}

/** Opens the actors for reading. */
export function openActors(runtime: Runtime, find: FindMachine): Actors {
  const { database, log, vault } = runtime;
  const ports = { ...runtime, find };
  const committed = async (): Promise<CommittedOffsets> => {
    const lags = await log.lag(hostGroup, topics.events);
    return new Map(lags.map((lag) => [lag.partition, lag.committed ?? 0]));
  };
  const committedOf = async (actor: string): Promise<number> => (await committed()).get(log.partitionOf(actor)) ?? 0;

  // R1: what the host has not committed has not happened yet.
  async function* steps(tenant: string, actor: string, from: number): AsyncGenerator<FoldStep> {
    const end = await committedOf(actor);
    const journal = await openJournalFold(ports, { tenant, actor }, Math.min(from, end));
    let skipped = 0;
    for await (const step of journal.steps(end)) {
      if (step.told.offset >= from) yield step;
      else if (++skipped > foldRecordsMax)
        throw new Problem(422, 'history-too-long', `More than ${foldRecordsMax} records would have to be folded.`);
    }
  }

  async function* foldWhole(tenant: string, actor: string, machines: FindMachine): AsyncGenerator<FoldStep> {
    const end = await committedOf(actor);
    const journal = await openJournalFold({ ...runtime, find: machines }, { tenant, actor }, 0);
    yield* journal.steps(end);
  }

  const past = async (tenant: string, actor: string, moment: Moment): Promise<PastActor> => {
    const before = 'before' in moment ? moment.before : await firstAfter(tenant, actor, moment.at);
    const end = Math.min(before, await committedOf(actor));
    const journal = await openJournalFold(ports, { tenant, actor }, end);
    let last: FoldStep<JournalRecord> | undefined;
    for await (const step of journal.steps(end)) last = step;
    if (last !== undefined) return { envelope: last.after, lastAt: last.told.record.occurredAt };
    const envelope = journal.start?.envelope;
    return { envelope, lastAt: envelope === undefined ? undefined : await timeOf(envelope) };
  };

  /** Offset of the first record later than a time; beyond all offsets when there is none. */
  const firstAfter = async (tenant: string, actor: string, at: number): Promise<number> => {
    const found = await database.transaction([tenant], (sql) =>
      sql.query<{ record_offset: string }>(
        `SELECT record_offset FROM journal WHERE tenant = $1 AND actor = $2 AND occurred_at > $3
         ORDER BY record_offset LIMIT 1`,
        [tenant, actor, new Date(at)],
      ),
    );
    return Number(found.rows[0]?.record_offset ?? Number.MAX_SAFE_INTEGER);
  };

  /** Ingest time of the last record in an envelope. */
  const timeOf = async ({ tenant, actor, nextOffset }: Envelope): Promise<number | undefined> => {
    const found = await database.transaction([tenant], (sql) =>
      sql.query<{ occurred_at: Date }>(
        'SELECT occurred_at FROM journal WHERE tenant = $1 AND actor = $2 AND record_offset = $3',
        [tenant, actor, nextOffset - 1],
      ),
    );
    return found.rows[0]?.occurred_at.getTime();
  };

  const readSnapshot = async (tenant: string, actor: string): Promise<ActorReading | undefined> => {
    const found = await database.transaction([tenant], (sql) =>
      sql.query<SnapshotRow>(
        'SELECT next_offset, updated_at, body FROM actor_snapshots WHERE tenant = $1 AND actor = $2 ORDER BY next_offset DESC',
        [tenant, actor],
      ),
    );
    // Asked after the rows were read: what was committed by then includes a version among them.
    const end = await committedOf(actor);
    const row = found.rows.find(({ next_offset }) => Number(next_offset) <= end);
    if (row === undefined) return undefined;
    const nextOffset = Number(row.next_offset);
    try {
      const envelope = await openEnvelope(vault, { tenant, actor, nextOffset, body: row.body }, find);
      return { nextOffset, envelope, erased: envelope === undefined, updatedAt: row.updated_at.getTime() };
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'rebuild') return undefined;
      throw caught;
    }
  };

  return {
    committed,
    past,
    steps,
    foldWhole,
    async read(tenant, actor) {
      const snapshot = await readSnapshot(tenant, actor);
      if (snapshot !== undefined) return snapshot;
      const { envelope } = await past(tenant, actor, { before: Number.MAX_SAFE_INTEGER });
      return { nextOffset: envelope?.nextOffset ?? 0, envelope, erased: false, updatedAt: envelope?.at };
    },
    async requireJournal(actor, offset) {
      const wanted = Math.min(offset, await committedOf(actor));
      const reach = await journalReach(database, log.partitionOf(actor));
      if (reach < wanted) throw new OperatingError('actor.journal-behind');
    },
  };
}
