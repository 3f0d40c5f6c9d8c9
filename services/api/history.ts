/** The messages of a conversation as people read them: opened, with status and what happened to them since. */
import { z } from 'zod';

import type { InboundContent, OutboundContent, SealedChange, SealedMessage, SealedOutbound } from '#schemas/content.ts';
import type { Sql } from '#runtime/database/database.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Opened, Vault } from '#runtime/vault/vault.ts';

import { type TimePlace, microseconds, placeOfTime, timeOfPlace } from './cursors.ts';

/** A place in the history of a conversation: time in microseconds, lane, offset. */
export const messagePlace = z.tuple([
  microseconds,
  z.number().int().min(0).max(1),
  z.number().int().min(0).max(Number.MAX_SAFE_INTEGER),
]);
export type MessagePlace = z.infer<typeof messagePlace>;

/** The place of a row. */
export const placeOfMessage = (row: MessageRow): MessagePlace => [
  Number(row.place),
  row.lane,
  Number(row.record_offset),
];

/** A row of `message_history`. */
export interface MessageRow {
  readonly tenant: string;
  readonly conversation: string;
  readonly id: string;
  readonly direction: 'in' | 'out';
  readonly origin: string;
  readonly kind: string;
  readonly instance: string;
  readonly at: Date;
  readonly place: string;
  readonly lane: number;
  readonly record_offset: string;
  readonly request_id: string | null;
  readonly sealed_type: string;
  readonly sealed: Buffer | null;
  readonly status: string | null;
  readonly reason: string | null;
  readonly status_at: Date | null;
}

interface ChangeRow {
  readonly message: string;
  readonly id: string;
  readonly change: string;
  readonly at: Date;
  readonly sealed: Buffer;
}

/** Content that was asked for: there, destroyed, or damaged. */
export type Reading<T> = Opened<T> | { readonly state: 'unreadable' };

/** A change of a message, opened. */
export interface Change {
  readonly change: string;
  readonly at: Date;
  readonly reading: Reading<SealedChange>;
}

/** What became of the file of a message; absent as long as nothing is known. */
export interface FileState {
  readonly message: string;
  readonly file_id: string | null;
  readonly mimetype: string | null;
  readonly bytes: string | null;
  readonly reason: string | null;
}

/** A message, opened. */
export interface HistoryMessage {
  readonly row: MessageRow;
  readonly file: FileState | undefined;
  readonly reading: Reading<InboundContent | OutboundContent>;
  readonly changes: readonly Change[];
}

const changesMax = 1_000;

const columns = `tenant, conversation, id, direction, origin, kind, instance, at, ${placeOfTime('at')} AS place, lane, record_offset, request_id, sealed_type,
  sealed, status, reason, status_at`;

/** A page of a conversation, from `after` on, in the order asked for. */
export async function readMessages(
  sql: Sql,
  wanted: {
    readonly tenant: string;
    readonly conversation: string;
    readonly newestFirst: boolean;
    readonly after: MessagePlace | undefined;
    readonly rowsMax: number;
  },
): Promise<readonly MessageRow[]> {
  const [beyond, order] = wanted.newestFirst ? ['<', 'DESC'] : ['>', 'ASC'];
  const found = await sql.query<MessageRow>(
    `SELECT ${columns} FROM message_history
     WHERE tenant = $1 AND conversation = $2 AND ($3::bigint IS NULL OR (at, lane, record_offset) ${beyond} (${timeOfPlace('$3')}, $4, $5))
     ORDER BY at ${order}, lane ${order}, record_offset ${order} LIMIT $6`,
    [wanted.tenant, wanted.conversation, ...(wanted.after ?? [null, null, null]), wanted.rowsMax],
  );
  return found.rows;
}

/** Rows as they stand in the messages' table alone, newest first, for a scan over a tenant. */
export async function newestMessages(
  sql: Sql,
  tenant: string,
  before: TimePlace | undefined,
  rowsMax: number,
): Promise<readonly MessageRow[]> {
  const found = await sql.query<MessageRow>(
    `SELECT tenant, conversation, id, direction, origin, kind, instance, at, ${placeOfTime('at')} AS place, lane, record_offset, request_id, sealed_type,
            sealed, NULL AS status, NULL AS reason, NULL AS status_at
     FROM messages WHERE tenant = $1 AND ($2::bigint IS NULL OR (at, id) < (${timeOfPlace('$2')}, $3))
     ORDER BY at DESC, id DESC LIMIT $4`,
    [tenant, before?.[0] ?? null, before?.[1] ?? null, rowsMax],
  );
  return found.rows;
}

/** What happened to some messages since, oldest first. */
export async function readChanges(sql: Sql, tenant: string, ids: readonly string[]): Promise<readonly ChangeRow[]> {
  if (ids.length === 0) return [];
  const found = await sql.query<ChangeRow>(
    `SELECT m.id AS message, c.id, c.change, c.at, c.sealed
     FROM messages m
     JOIN message_changes c ON c.tenant = m.tenant AND c.conversation = m.conversation AND (
       c.target_index = m.stable_index OR c.target_index IN (
         SELECT l.stable_index FROM message_links l
         WHERE l.tenant = m.tenant AND l.conversation = m.conversation AND l.delivery_id = m.id))
     WHERE m.tenant = $1 AND m.id = ANY ($2)
     ORDER BY c.at, c.id LIMIT ${changesMax}`,
    [tenant, ids],
  );
  return found.rows;
}

/** What became of the files of messages; that of a forwarded copy is the file of the message that it is of. */
export async function readFileStates(sql: Sql, tenant: string, ids: readonly string[]): Promise<readonly FileState[]> {
  if (ids.length === 0) return [];
  const found = await sql.query<FileState>(
    `SELECT m.id AS message, f.file_id, f.mimetype, f.bytes, f.reason
     FROM messages m JOIN message_files f ON f.tenant = m.tenant AND f.message_id = coalesce(m.copy_of, m.id)
     WHERE m.tenant = $1 AND m.id = ANY ($2)`,
    [tenant, ids],
  );
  return found.rows;
}

/** Opens messages and their changes. */
export async function openMessages(
  vault: Vault,
  rows: readonly MessageRow[],
  changes: readonly ChangeRow[] = [],
  files: readonly FileState[] = [],
): Promise<readonly HistoryMessage[]> {
  await vault.prefetch(
    [...rows, ...changes.map((change) => ({ ...change, tenant: rows[0]?.tenant ?? '' }))].flatMap(
      ({ tenant, sealed }) => (sealed === null ? [] : [{ tenant, sealed }]),
    ),
  );
  const opened: HistoryMessage[] = [];
  for (const row of rows) {
    const own: Change[] = [];
    for (const change of changes.filter(({ message }) => message === row.id)) {
      const where = { tenant: row.tenant, actor: row.conversation, type: 'message.changed', eventId: change.id };
      own.push({
        change: change.change,
        at: change.at,
        reading: await reading<SealedChange>(vault, where, change.sealed),
      });
    }
    const file = files.find(({ message }) => message === row.id);
    opened.push({ row, file, reading: await contentOf(vault, row), changes: own });
  }
  return opened;
}

async function contentOf(vault: Vault, row: MessageRow): Promise<Reading<InboundContent | OutboundContent>> {
  if (row.sealed === null) return { state: 'unreadable' };
  const where = { tenant: row.tenant, actor: row.conversation, type: row.sealed_type, eventId: row.id };
  const read = await reading<SealedMessage | SealedOutbound>(vault, where, row.sealed);
  return read.state === 'open' ? { state: 'open', value: read.value.content } : read;
}

async function reading<T>(vault: Vault, where: Parameters<Vault['open']>[0], sealed: Buffer): Promise<Reading<T>> {
  try {
    return await vault.open<T>(where, sealed);
  } catch (caught) {
    // One damaged message must not hide the others.
    if (caught instanceof OperatingError && caught.code === 'vault.tampered') return { state: 'unreadable' };
    throw caught;
  }
}

/** The words of a content, if it has any: for a file without a caption its name. */
export function textOf(content: InboundContent | OutboundContent): string | undefined {
  switch (content.kind) {
    case 'text':
    case 'unknown':
    case 'buttons':
    case 'template':
      return content.text;
    case 'form':
      return content.text ?? content.name;
    case 'order':
      return content.text ?? content.items.map(({ product, quantity }) => `${quantity} × ${product}`).join(', ');
    case 'button':
      return content.title;
    case 'list':
      return 'title' in content ? content.title : content.text;
    case 'reaction':
      return content.emoji;
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      return content.caption ?? content.media.filename;
    case 'location':
      return content.name ?? content.address;
    case 'poll':
      return content.name;
    case 'contacts': {
      const names = content.contacts.flatMap(({ name }) => name ?? []);
      return names.length === 0 ? undefined : names.join(', ');
    }
  }
}

/** Every word by which a message may be looked for: those that are shown first, and those of its parts. */
export function wordsOf(content: InboundContent | OutboundContent): string {
  return [textOf(content), ...partsOf(content)].filter((part) => part !== undefined).join('\n');
}

function partsOf(content: InboundContent | OutboundContent): readonly (string | undefined)[] {
  switch (content.kind) {
    case 'buttons':
      return content.buttons.map(({ title }) => title);
    case 'list':
      if (!('sections' in content)) return [];
      return content.sections.flatMap(({ title, rows }) => [
        title,
        ...rows.flatMap((row) => [row.title, row.description]),
      ]);
    case 'image':
    case 'audio':
    case 'video':
    case 'document':
    case 'sticker':
      return [content.media.filename];
    case 'location':
      return [content.address];
    case 'poll':
      return content.options;
    case 'form':
      return [content.name, ...content.fields.map(({ value }) => value)];
    case 'order':
      return content.items.map(({ product }) => product);
    default:
      return [];
  }
}
