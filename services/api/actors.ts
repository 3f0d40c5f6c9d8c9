/**
 * Actors as the API sees them: the newest committed snapshot, or the fold of the journal.
 *
 * R1 A snapshot above the host's committed offset is not shown: its slice may yet be given again.
 * R2 Reading changes nothing and needs no host: where a snapshot is missing or corrupt, the journal
 *    is folded, with the host's own code.
 */
import { type ActorEvent, topicOf } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';
import type { ToldRecord } from '#runtime/actor/apply.ts';
import { type Envelope, openEnvelope } from '#runtime/actor/envelope.ts';
import { type FoldStep, fold } from '#runtime/actor/fold.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** Group of the actor host. */
const hostGroup = 'conversation';
/** Records that one request folds at most. */
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

/** Committed offsets of the host by partition. */
export type CommittedOffsets = ReadonlyMap<number, number>;

/** Throws `database.unavailable`, `log.unavailable`, `vault.unavailable`, `actor.machine-unknown`. */
export interface Actors {
  /** What the host has committed. */
  committed(): Promise<CommittedOffsets>;
  /** The actor as last committed. */
  read(tenant: string, actor: string): Promise<ActorReading>;
  /** The steps of the actor's records, in order; those at or after `before` are left out. */
  steps(tenant: string, actor: string, before?: number): AsyncGenerator<FoldStep>;
  /** Throws `actor.journal-behind` when the journal does not have every record before `offset` that the host applied. */
  requireJournal(actor: string, offset: number): Promise<void>;
}

interface SnapshotRow {
  readonly next_offset: string;
  readonly updated_at: Date;
  readonly body: Buffer;
}

interface JournalRow {
  readonly record_offset: string;
  readonly partition: number;
  readonly value: Buffer;
}

/** Opens the actors for reading. */
export function openActors(runtime: Runtime, find: FindMachine): Actors {
  const { database, log, tenants, vault } = runtime;
  const committed = async (): Promise<CommittedOffsets> => {
    const lags = await log.lag(hostGroup, topics.events);
    return new Map(lags.map((lag) => [lag.partition, lag.committed ?? 0]));
  };
  const committedOf = async (actor: string): Promise<number> => (await committed()).get(log.partitionOf(actor)) ?? 0;

  const told = async (tenant: string, actor: string, before: number): Promise<readonly ToldRecord[]> => {
    const found = await database.transaction([tenant], (sql) =>
      sql.query<JournalRow>(
        // An order of quarantine follows the record that it is about, so those behind are needed as well.
        `SELECT record_offset, partition, value FROM journal
         WHERE tenant = $1 AND actor = $2 AND (record_offset < $3 OR type = 'conversation.quarantined')
         ORDER BY record_offset LIMIT $4`,
        [tenant, actor, before, foldRecordsMax + 1],
      ),
    );
    if (found.rows.length > foldRecordsMax) {
      throw new Problem(422, 'history-too-long', `The conversation has more than ${foldRecordsMax} records.`);
    }
    return openAll(found.rows);
  };

  const openAll = async (rows: readonly JournalRow[]): Promise<readonly ToldRecord[]> => {
    const records = rows.flatMap((row) => {
      const record = recordOf({ ...placeless, value: row.value });
      return isActorEvent(record) ? [{ record, offset: Number(row.record_offset), partition: row.partition }] : [];
    });
    await vault.prefetch(
      records.flatMap(({ record }) => {
        const sealed = sealedOf(record);
        return sealed === undefined ? [] : [{ tenant: record.tenant, sealed }];
      }),
    );
    const opened: ToldRecord[] = [];
    for (const one of records) {
      const sealed = sealedOf(one.record);
      const { tenant, actor, type, eventId } = one.record;
      try {
        const content = sealed === undefined ? undefined : await vault.open({ tenant, actor, type, eventId }, sealed);
        opened.push({ ...one, opened: content });
      } catch (caught) {
        // The host parked it; it was never applied.
        if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
      }
    }
    return opened;
  };

  async function* steps(tenant: string, actor: string, before = Number.MAX_SAFE_INTEGER): AsyncGenerator<FoldStep> {
    // R1: what the host has not committed has not happened yet.
    const end = Math.min(before, await committedOf(actor));
    const records = await told(tenant, actor, end);
    const configuration = (of: string, revision: string) => tenants.configuration(of, revision);
    for await (const step of fold(records, { find, configuration })) {
      if (step.offset >= end) return;
      yield step;
    }
  }

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
    steps,
    async read(tenant, actor) {
      const snapshot = await readSnapshot(tenant, actor);
      if (snapshot !== undefined) return snapshot;
      let envelope: Envelope | undefined;
      for await (const step of steps(tenant, actor)) envelope = step.after;
      return { nextOffset: envelope?.nextOffset ?? 0, envelope, erased: false, updatedAt: envelope?.at };
    },
    async requireJournal(actor, offset) {
      const wanted = Math.min(offset, await committedOf(actor));
      const found = await database.transaction([], (sql) =>
        sql.query<{ next_offset: string }>('SELECT next_offset FROM journal_progress WHERE partition = $1', [
          log.partitionOf(actor),
        ]),
      );
      if (Number(found.rows[0]?.next_offset ?? 0) < wanted) throw new OperatingError('actor.journal-behind');
    },
  };
}

const placeless = { topic: topics.events, partition: 0, offset: 0, key: '', headers: {}, timestamp: 0 } as const;

const isActorEvent = (record: { readonly type: string }): record is ActorEvent =>
  topicOf[record.type as keyof typeof topicOf] === topics.events;

const sealedOf = (record: ActorEvent): Uint8Array | undefined =>
  'sealed' in record ? (record.sealed ?? undefined) : undefined;
