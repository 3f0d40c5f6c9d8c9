/**
 * Broadcasts as they are ordered. The sender hands them over (services/sender/broadcasts/feeder.ts).
 *
 * C1 An order locks the broadcast's row: what the sender was doing at that moment is done before, or nothing
 *    comes of it.
 * C2 Orders are idempotent: what is so already stays so.
 */
import type { OutboundContent } from '#schemas/content.ts';
import { recipientsMax } from '#runtime/broadcasts/bounds.ts';
import {
  cancelHandedOver,
  openBroadcast,
  sealBroadcast,
  settleHandedOver,
  variablesIn,
} from '#runtime/broadcasts/handed-over.ts';
import { type Variables, variableNames, withVariables } from '#runtime/broadcasts/variables.ts';
import type { Database, Sql } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import type { ConversationEntry } from '#runtime/directory/directory.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { newUlid } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type Refusal, eachOrRefused, requireChat, requireVariables } from './bulk-messages.ts';
import { chatOf } from './chats.ts';
import { wordsFit } from './message-content.ts';
import { notFound } from './route.ts';

/** States of a broadcast. */
export const broadcastStatuses = ['draft', 'running', 'paused', 'stopped', 'expired', 'failed', 'finished'] as const;

/** A broadcast as it is kept. */
export interface BroadcastRow {
  readonly id: string;
  readonly name: string | null;
  readonly instance: string;
  readonly line: string;
  readonly status: (typeof broadcastStatuses)[number];
  readonly reason: string | null;
  readonly recipients: number;
  readonly is_gathered: boolean;
  readonly content: Buffer;
  readonly variables: readonly string[];
  readonly per_minute: number;
  readonly starts_at: Date | null;
  readonly expires_at: Date | null;
  readonly created_at: Date;
  readonly started_at: Date | null;
  readonly ended_at: Date | null;
}

/** Columns of a `BroadcastRow`. */
export const broadcastColumns = `id, name, instance, line, status, reason, recipients, is_gathered, content, variables,
  per_minute, starts_at, expires_at, created_at, started_at, ended_at`;

/** What is asked for. */
export interface NewBroadcast {
  readonly instance: Instance;
  readonly name: string | undefined;
  readonly content: OutboundContent;
  /** What the people have in common who are looked for; undefined when they are named. */
  readonly segment: object | undefined;
  readonly perMinute: number;
  readonly startsAt: number | undefined;
  readonly expiresAt: number | undefined;
}

/** Somebody who shall get one. */
export interface Named {
  readonly to?: string | undefined;
  readonly conversationId?: string | undefined;
  readonly variables?: Variables | undefined;
}

/** What came of naming people. */
export interface Added {
  readonly added: number;
  /** Were in it already, or twice in the list. */
  readonly known: number;
  /** By their place in the list. */
  readonly refused: readonly { readonly index: number; readonly problem: Refusal }[];
  /** All that the broadcast has. */
  readonly recipients: number;
}

/** Makes a draft. Throws `database.unavailable`, `vault.unavailable`. */
export async function createBroadcast(runtime: Runtime, wanted: NewBroadcast): Promise<BroadcastRow> {
  const { tenant, id: instance, line } = wanted.instance;
  const at = runtime.now();
  const id = `b_${newUlid(at)}`;
  const date = (ms: number | undefined) => (ms === undefined ? null : new Date(ms));
  const inserted = await runtime.database.query<BroadcastRow>(
    [tenant],
    `INSERT INTO broadcasts (tenant, id, name, instance, line, status, segment, is_gathered, content, variables, per_minute,
       starts_at, expires_at, created_at)
     VALUES ($1, $2, $3, $4, $5, 'draft', $6, $7, $8, $9, $10, $11, $12, $13) RETURNING ${broadcastColumns}`,
    [
      tenant,
      id,
      wanted.name ?? null,
      instance,
      line,
      wanted.segment === undefined ? null : JSON.stringify(wanted.segment),
      wanted.segment === undefined,
      await sealBroadcast(runtime.vault, { tenant, id }, at, wanted.content),
      variableNames(wanted.content),
      wanted.perMinute,
      date(wanted.startsAt),
      date(wanted.expiresAt),
      new Date(at),
    ],
  );
  const [row] = inserted.rows;
  if (row === undefined) throw new Error('a broadcast that was made is not there');
  return row;
}

const selectStatement = `SELECT ${broadcastColumns} FROM broadcasts WHERE tenant = $1 AND id = $2`;

/** A broadcast. Throws `Problem` 404, `database.unavailable`. */
export async function readBroadcast(
  { database }: Pick<Runtime, 'database'>,
  tenant: string,
  id: string,
): Promise<BroadcastRow> {
  return onlyRow((await database.query<BroadcastRow>([tenant], selectStatement, [tenant, id])).rows);
}

function onlyRow([row]: readonly BroadcastRow[]): BroadcastRow {
  if (row === undefined) throw notFound();
  return row;
}

interface Recipient {
  readonly entry: ConversationEntry;
  readonly variables: Buffer | null;
}

/**
 * Adds people to a draft, each chat once. Who cannot be added is told with the reason. Idempotent. Throws
 * `Problem` 404 and 409, `database.unavailable`, `vault.unavailable`.
 */
export async function addRecipients(
  runtime: Runtime,
  tenant: string,
  broadcast: BroadcastRow,
  named: readonly Named[],
): Promise<Added> {
  if (broadcast.status !== 'draft') throw alreadyStarted();
  const content = await openBroadcast(runtime.vault, { tenant, id: broadcast.id }, broadcast.content);
  if (content === undefined) throw notFound();
  const made = await eachOrRefused(named, (one) => recipientOf(runtime, tenant, broadcast, content, one));
  const refused = made.flatMap((one, index) => ('problem' in one ? [{ index, problem: one.problem }] : []));
  const recipients = made.flatMap((one) => ('problem' in one ? [] : [one]));
  const once = [...new Map(recipients.map((one) => [one.entry.conversation, one])).values()];
  const { added, total } = await runtime.database.transaction([tenant], (sql) =>
    insertRecipients(sql, tenant, broadcast.id, once),
  );
  return { added, known: recipients.length - added, refused, recipients: total };
}

async function recipientOf(
  runtime: Runtime,
  tenant: string,
  { id, line, variables: names }: BroadcastRow,
  content: OutboundContent,
  { to, conversationId, variables = {} }: Named,
): Promise<Recipient> {
  requireVariables(names, variables);
  const own = Object.fromEntries(names.map((name) => [name, variables[name] ?? '']));
  if (!wordsFit(withVariables(content, own)))
    throw new Problem(422, 'content-invalid', 'With its variables put in, the content is too long.');
  const entry = await chatNamed(runtime, tenant, line, to, conversationId);
  if (entry.group) throw new Problem(422, 'recipient-invalid', 'Groups get no broadcasts.');
  if (names.length === 0) return { entry, variables: null };
  const where = variablesIn({ tenant, id }, entry.conversation);
  return { entry, variables: await runtime.vault.seal(where, entry.person, runtime.now(), own) };
}

/** The chat of the line, or the one that it goes on in. */
async function chatNamed(
  runtime: Runtime,
  tenant: string,
  line: string,
  to: string | undefined,
  conversationId: string | undefined,
): Promise<ConversationEntry> {
  if (to !== undefined) requireChat(to);
  const named =
    to === undefined
      ? await runtime.directory.read(tenant, conversationId ?? '')
      : await chatOf(runtime, { tenant, line }, to);
  const entry = named?.mergedInto === undefined ? named : await runtime.directory.read(tenant, named.mergedInto);
  if (entry?.line !== line) throw notFound();
  return entry;
}

const recipientColumns = (tenant: string, broadcast: string): Columns<Recipient> => ({
  tenant: ['text', () => tenant],
  broadcast: ['text', () => broadcast],
  conversation: ['text', ({ entry }) => entry.conversation],
  person: ['text', ({ entry }) => entry.person],
  variables: ['bytea', ({ variables }) => variables],
});

async function insertRecipients(
  sql: Sql,
  tenant: string,
  id: string,
  recipients: readonly Recipient[],
): Promise<{ readonly added: number; readonly total: number }> {
  const locked = await sql.query<{ recipients: number }>(
    `SELECT recipients FROM broadcasts WHERE tenant = $1 AND id = $2 AND status = 'draft' FOR UPDATE`,
    [tenant, id],
  );
  const [draft] = locked.rows;
  if (draft === undefined) throw alreadyStarted();
  const conflict = '(broadcast, conversation) DO NOTHING';
  const columns = recipientColumns(tenant, id);
  const added = await insertRows(sql, 'broadcast_recipients', columns, recipients, conflict, 'conversation');
  const total = draft.recipients + added.length;
  if (total > recipientsMax) throw new Problem(409, 'recipients-too-many', 'There would be too many recipients.');
  await sql.query('UPDATE broadcasts SET recipients = $3, updated_at = now() WHERE tenant = $1 AND id = $2', [
    tenant,
    id,
    total,
  ]);
  return { added: added.length, total };
}

const alreadyStarted = (): Problem => new Problem(409, 'broadcast-started', 'Its recipients are fixed since it began.');

/** A broadcast as an order left it. */
export interface OrderedBroadcast {
  readonly row: BroadcastRow;
  /** False when it was so already. */
  readonly changed: boolean;
}

/** From which states each order leads on, and where it has led already. */
const orders = {
  start: { from: ['draft'], done: ['running', 'paused'] },
  pause: { from: ['running'], done: ['paused'] },
  resume: { from: ['paused'], done: ['running'] },
  stop: { from: ['draft', 'running', 'paused'], done: ['stopped'] },
} as const satisfies Record<
  string,
  { from: readonly BroadcastRow['status'][]; done: readonly BroadcastRow['status'][] }
>;

/** What can be ordered of a broadcast. */
export type BroadcastOrder = keyof typeof orders;

/** Carries an order out. Throws `Problem` 404 and 409, `database.unavailable`. */
export async function orderBroadcast(
  { database, now }: Pick<Runtime, 'database' | 'now'>,
  tenant: string,
  id: string,
  order: BroadcastOrder,
): Promise<OrderedBroadcast> {
  const ordered = await database.transaction([tenant], async (sql): Promise<OrderedBroadcast> => {
    const row = onlyRow((await sql.query<BroadcastRow>(`${selectStatement} FOR UPDATE`, [tenant, id])).rows);
    const { from, done }: { from: readonly string[]; done: readonly string[] } = orders[order];
    if (done.includes(row.status)) return { row, changed: false };
    if (!from.includes(row.status))
      throw new Problem(409, 'broadcast-state', 'The broadcast is not in a state in which this can be ordered.');
    if (order === 'start' && row.is_gathered && row.recipients === 0)
      throw new Problem(409, 'broadcast-empty', 'The broadcast has no recipients.');
    await carryOut[order](sql, tenant, id, new Date(now()));
    return { row: onlyRow((await sql.query<BroadcastRow>(selectStatement, [tenant, id])).rows), changed: true };
  });
  if (order === 'stop') await cancelAtOnce(database, tenant, id);
  return ordered;
}

/** What is not reached now is cancelled by the sender, which looks until nothing is left. */
async function cancelAtOnce(database: Database, tenant: string, id: string): Promise<void> {
  try {
    await cancelHandedOver(database, { tenant, id });
    await settleHandedOver(database, { tenant, id });
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
  }
}

type CarryOut = (sql: Sql, tenant: string, id: string, at: Date) => Promise<void>;

/** Each on the locked row. `turn` grows, so that a turn of the sender that is under way writes nothing. */
const carryOut: Readonly<Record<BroadcastOrder, CarryOut>> = {
  async start(sql, tenant, id, at) {
    await sql.query(
      `UPDATE broadcasts SET status = 'running', started_at = $3, next_due_at = coalesce(starts_at, $3),
         wake_at = coalesce(starts_at, $3), updated_at = now() WHERE tenant = $1 AND id = $2`,
      [tenant, id, at],
    );
  },

  /** What was handed over and is not due yet comes back; its content is made anew from what is sent to all. */
  async pause(sql, tenant, id) {
    const taken = await sql.query<{ id: string }>(
      `SELECT q.id FROM broadcast_recipients r JOIN message_requests q ON q.tenant = $1 AND q.id = r.message_id
       WHERE r.broadcast = $2 AND r.status = 'handed' AND q.status = 'scheduled' FOR UPDATE OF q SKIP LOCKED`,
      [tenant, id],
    );
    const ids = taken.rows.map((row) => row.id);
    await sql.query('DELETE FROM message_requests WHERE tenant = $1 AND id = ANY ($2::text[])', [tenant, ids]);
    await sql.query(
      `WITH back AS (
         UPDATE broadcast_recipients r SET status = 'waiting', message_id = NULL, due_at = NULL
         FROM broadcast_recipients old
         WHERE r.broadcast = $2 AND r.message_id = ANY ($3::text[])
           AND old.broadcast = r.broadcast AND old.conversation = r.conversation
         RETURNING old.due_at
       )
       UPDATE broadcasts SET status = 'paused', wake_at = NULL, turn = turn + 1, lease_until = '-infinity',
         next_due_at = coalesce((SELECT min(due_at) FROM back), next_due_at), updated_at = now()
       WHERE tenant = $1 AND id = $2`,
      [tenant, id, ids],
    );
  },

  async resume(sql, tenant, id, at) {
    await sql.query(
      `UPDATE broadcasts SET status = 'running', wake_at = greatest(starts_at, $3), updated_at = now()
       WHERE tenant = $1 AND id = $2`,
      [tenant, id, at],
    );
  },

  async stop(sql, tenant, id, at) {
    await sql.query(
      `UPDATE broadcasts SET status = 'stopped', ended_at = $3, wake_at = $3, turn = turn + 1, lease_until = '-infinity',
         updated_at = now() WHERE tenant = $1 AND id = $2`,
      [tenant, id, at],
    );
  },
};
