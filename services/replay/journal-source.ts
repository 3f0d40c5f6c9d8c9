/** What is on record of actors as the tables have it: journal, history, audit. One actor at a time. */
import { decodeRecord } from '#schemas/codec.ts';
import type { AuditRecorded, EffectRequested, ProsaRecord, ReplyRequested } from '#schemas/records.ts';
import { readHeld, readJournal, readParked, readQuarantines } from '#runtime/actor/journal.ts';
import { isForwarded } from '#runtime/actor/merge.ts';
import type { Sql } from '#runtime/database/database.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import { type RecordedActor, type RecordedOutput, begunOffset, recordedOutput } from './recorded.ts';

type Ports = Pick<Runtime, 'database' | 'vault' | 'tenants' | 'logger' | 'log'>;

const rowsAtOnce = 500;

/** What the tables have all of. Requests of effects are compared as long as they have them. */
const outputTypes: ReadonlySet<string> = new Set(['reply.requested', 'audit.recorded']);

/** An actor, up to an offset. Throws `database.unavailable`, `vault.unavailable`. */
export async function recordedInJournal(
  ports: Ports,
  of: { readonly tenant: string; readonly actor: string; readonly end: number },
): Promise<RecordedActor> {
  const { tenant, actor, end } = of;
  const outputs = new Map<string, RecordedOutput>();
  for await (const { priority, ...reply } of repliesOf(ports, of)) {
    const record = { ...reply, priority: priority ?? '' };
    outputs.set(
      record.eventId,
      await recordedOutput(ports.vault, record, undefined, priority === null ? ['priority'] : []),
    );
  }
  for await (const record of auditOf(ports, of))
    outputs.set(record.eventId, await recordedOutput(ports.vault, record, record.causationId));
  return {
    tenant,
    actor,
    end,
    partition: ports.log.partitionOf(actor),
    person: await personOf(ports, of),
    records: readJournal(ports, of, 0, end),
    quarantines: new Set(await readQuarantines({ ...ports, find: () => undefined }, of)),
    parked: new Set(await readParked(ports, of)),
    held: (envelope) => readHeld(ports, envelope),
    outputs,
    outputTypes,
    findTold: (record) => toldOf(ports, record),
    findOutput: (record) => (record.type === 'effect.requested' ? effectOf(ports, record) : Promise.resolve(undefined)),
  };
}

/** Under whose keys an actor is sealed. */
export async function personOf(
  { database }: Pick<Runtime, 'database'>,
  { tenant, actor }: { readonly tenant: string; readonly actor: string },
): Promise<string> {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ person: string }>('SELECT person FROM conversations WHERE tenant = $1 AND id = $2', [tenant, actor]),
  );
  return rows[0]?.person ?? tenantSubject(tenant);
}

interface ReplyRow {
  readonly id: string;
  readonly kind: string;
  readonly instance: string;
  readonly origin: string;
  readonly at: Date;
  readonly record_offset: string;
  readonly request_id: string | null;
  /** Of its delivery; null when there is none. */
  readonly priority: string | null;
  readonly sealed: Buffer | null;
}

/** Replies as far as history and deliveries keep them; what they do not is not compared. */
async function* repliesOf(ports: Ports, of: { readonly tenant: string; readonly actor: string }) {
  const { tenant, actor } = of;
  const rows = pages<ReplyRow>(ports, tenant, (sql, last) =>
    sql.query<ReplyRow>(
      `SELECT id, kind, instance, origin, at, record_offset, request_id, sealed,
              (SELECT d.priority FROM deliveries d WHERE d.id = messages.id) AS priority
       FROM messages
       WHERE tenant = $1 AND conversation = $2 AND sealed_type = 'reply.requested' AND lane = 1
         AND ($3::timestamptz IS NULL OR (at, record_offset) > ($3, $4))
       ORDER BY at, record_offset LIMIT $5`,
      [tenant, actor, last?.at ?? null, last?.record_offset ?? null, rowsAtOnce],
    ),
  );
  for await (const row of rows)
    yield {
      ...headerOf(of, row.id, row.at, null),
      type: 'reply.requested',
      kind: row.kind,
      instance: row.instance,
      origin: row.origin,
      messageId: row.request_id,
      priority: row.priority,
      sealed: row.sealed,
    } satisfies Omit<ReplyRequested, 'priority'> & Pick<ReplyRow, 'priority'>;
}

/** The request of an effect, as long as the table has it: an index by actor would cost more than it is asked for. */
async function effectOf({ database, vault }: Ports, { tenant, actor, eventId }: EffectRequested) {
  const { rows } = await database.transaction([tenant], (sql) =>
    sql.query<{ readonly source: string; readonly input: Buffer | null }>(
      'SELECT source, input FROM effects WHERE id = $1',
      [eventId],
    ),
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const record: EffectRequested = {
    ...headerOf({ tenant, actor }, eventId, new Date(0), null),
    type: 'effect.requested',
    effectId: eventId,
    source: row.source,
    sealed: row.input,
  };
  return recordedOutput(vault, record, undefined);
}

/** What an actor told another, from the journal of that one. */
async function toldOf(
  { database, vault }: Ports,
  { tenant, actor, eventId }: ProsaRecord,
): Promise<RecordedOutput | 'unretained' | undefined> {
  const { rows } = await database.transaction([tenant], (sql) =>
    isForwarded({ eventId })
      ? sql.query<{ readonly value: Buffer }>('SELECT value FROM journal WHERE actor = $1 AND event_id = $2 LIMIT 1', [
          actor,
          eventId,
        ])
      : sql.query<{ readonly value: Buffer }>(
          `SELECT value FROM journal WHERE event_id = $1 AND type IN ('actor.told', 'conversation.merged') LIMIT 1`,
          [eventId],
        ),
  );
  const [row] = rows;
  if (row === undefined) return (await isJournalCut(database, { tenant, actor })) ? 'unretained' : undefined;
  const found = decodeRecord(row.value);
  return recordedOutput(vault, found, found.causationId);
}

/** Whether the journal of an actor does not begin with the first record that it was told. */
async function isJournalCut(database: Ports['database'], of: { readonly tenant: string; readonly actor: string }) {
  const { rows } = await database.transaction([of.tenant], (sql) =>
    sql.query<{ readonly record_offset: string }>(
      'SELECT record_offset FROM journal WHERE actor = $1 ORDER BY record_offset LIMIT 1',
      [of.actor],
    ),
  );
  return (await begunOffset(database, of)) < Number(rows[0]?.record_offset ?? Infinity);
}

interface AuditRow {
  readonly event_id: string;
  readonly causation_id: string | null;
  readonly occurred_at: Date;
  readonly action: string;
  readonly machine: string | null;
  readonly machine_version: string | null;
  readonly trigger: string | null;
  readonly from_state: string | null;
  readonly to_state: string | null;
  readonly instance: string | null;
  readonly subject: string | null;
  readonly outcome: string | null;
  readonly episode: number | null;
}

async function* auditOf(ports: Ports, of: { readonly tenant: string; readonly actor: string }) {
  const { tenant, actor } = of;
  const rows = pages<AuditRow>(ports, tenant, (sql, last) =>
    sql.query<AuditRow>(
      `SELECT event_id, causation_id, occurred_at, action, machine, machine_version, trigger, from_state, to_state,
              instance, subject, outcome, episode
       FROM audit_events
       WHERE tenant = $1 AND actor = $2 AND ($3::timestamptz IS NULL OR (occurred_at, event_id) > ($3, $4))
       ORDER BY occurred_at, event_id LIMIT $5`,
      [tenant, actor, last?.occurred_at ?? null, last?.event_id ?? null, rowsAtOnce],
    ),
  );
  for await (const row of rows)
    yield {
      ...headerOf(of, row.event_id, row.occurred_at, row.causation_id),
      type: 'audit.recorded',
      action: row.action,
      machine: row.machine,
      machineVersion: row.machine_version,
      trigger: row.trigger,
      from: row.from_state,
      to: row.to_state,
      instance: row.instance,
      subject: row.subject,
      outcome: row.outcome,
      actedBy: null,
      episode: row.episode,
    } satisfies AuditRecorded;
}

const headerOf = (
  of: { readonly tenant: string; readonly actor: string },
  eventId: string,
  at: Date,
  causationId: string | null,
) => ({
  tenant: of.tenant,
  actor: of.actor,
  eventId,
  causationId,
  occurredAt: at.getTime(),
  providerAt: null,
  revision: null,
});

async function* pages<Row>(
  { database }: Ports,
  tenant: string,
  page: (sql: Sql, last: Row | undefined) => Promise<{ readonly rows: readonly Row[] }>,
): AsyncGenerator<Row> {
  let last: Row | undefined;
  for (;;) {
    const { rows } = await database.transaction([tenant], (sql) => page(sql, last));
    yield* rows;
    if (rows.length < rowsAtOnce) return;
    last = rows.at(-1);
  }
}
