/**
 * Writes of the projection, one statement per table and slice. Every write is a merge that can be
 * repeated: inserts of what is there do nothing, marks only rise.
 */
import type { Sql } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';

import { writeJournal, writeParked } from './journal.ts';
import type { ChangeRow, FileRow, LinkRow, MarkRow, MessageRow, Rows } from './rows.ts';

/** All that a rebuild empties, for TRUNCATE (`projection.ts`, P3). */
export const rebuiltTables =
  'journal, journal_snapshots, journal_parked, journal_progress, parked_progress, history_progress, messages, ' +
  'message_changes, message_marks, message_links, message_files, contacts, contact_words';

const messageColumns: Columns<MessageRow> = {
  tenant: ['text', (row) => row.tenant],
  conversation: ['text', (row) => row.conversation],
  id: ['text', (row) => row.id],
  direction: ['text', (row) => row.direction],
  origin: ['text', (row) => row.origin],
  precedence: ['int', (row) => row.precedence],
  kind: ['text', (row) => row.kind],
  instance: ['text', (row) => row.instance],
  at: ['timestamptz', (row) => row.at],
  lane: ['int', (row) => row.lane],
  record_offset: ['bigint', (row) => row.offset],
  request_id: ['text', (row) => row.requestId],
  stable_index: ['text', (row) => row.stableIndex],
  copy_of: ['text', (row) => row.copyOf],
  sealed_type: ['text', (row) => row.sealedType],
  sealed: ['bytea', (row) => row.sealed],
};

const changeColumns: Columns<ChangeRow> = {
  tenant: ['text', (row) => row.tenant],
  conversation: ['text', (row) => row.conversation],
  id: ['text', (row) => row.id],
  target_index: ['text', (row) => row.targetIndex],
  change: ['text', (row) => row.change],
  at: ['timestamptz', (row) => row.at],
  sealed: ['bytea', (row) => row.sealed],
};

const markColumns: Columns<MarkRow> = {
  tenant: ['text', (row) => row.tenant],
  conversation: ['text', (row) => row.conversation],
  mark: ['text', (row) => row.mark],
  status: ['text', (row) => row.status],
  rank: ['bigint', (row) => row.rank],
  reason: ['text', (row) => row.reason],
  at: ['timestamptz', (row) => row.at],
  event_id: ['text', (row) => row.eventId],
};

const linkColumns: Columns<LinkRow> = {
  tenant: ['text', (row) => row.tenant],
  conversation: ['text', (row) => row.conversation],
  delivery_id: ['text', (row) => row.deliveryId],
  stable_index: ['text', (row) => row.stableIndex],
};

const fileColumns: Columns<FileRow> = {
  tenant: ['text', (row) => row.tenant],
  conversation: ['text', (row) => row.conversation],
  message_id: ['text', (row) => row.messageId],
  file_id: ['text', (row) => row.fileId],
  mimetype: ['text', (row) => row.mimetype],
  bytes: ['bigint', (row) => row.bytes],
  reason: ['text', (row) => row.reason],
};

/** A file that is there counts, whatever else was said. */
const filesMerged = `(tenant, message_id) DO UPDATE SET
  file_id = excluded.file_id, mimetype = excluded.mimetype, bytes = excluded.bytes, reason = excluded.reason
  WHERE message_files.file_id IS NULL AND excluded.file_id IS NOT NULL`;

const marksMerged = `(tenant, conversation, mark) DO UPDATE SET
  status = excluded.status, rank = excluded.rank, reason = excluded.reason, at = excluded.at, event_id = excluded.event_id
  WHERE (excluded.rank, excluded.event_id) > (message_marks.rank, message_marks.event_id)`;

/** Writes everything but the contacts. */
export async function writeRows(sql: Sql, rows: Rows): Promise<void> {
  await Promise.all([
    writeJournal(sql, rows.journal),
    writeParked(sql, rows.parked),
    insertRows(sql, 'messages', messageColumns, rows.messages, 'DO NOTHING'),
    insertRows(sql, 'message_changes', changeColumns, rows.changes, 'DO NOTHING'),
    insertRows(sql, 'message_links', linkColumns, rows.links, 'DO NOTHING'),
    insertRows(sql, 'message_files', fileColumns, oneFilePerMessage(rows.files), filesMerged),
    insertRows(sql, 'message_marks', markColumns, greatestMarks(rows.marks), marksMerged),
  ]);
}

function oneFilePerMessage(files: readonly FileRow[]): readonly FileRow[] {
  const chosen = new Map<string, FileRow>();
  for (const file of files) {
    const key = JSON.stringify([file.tenant, file.messageId]);
    if (!chosen.has(key) || chosen.get(key)?.fileId === null) chosen.set(key, file);
  }
  return [...chosen.values()];
}

/** One mark per id: a statement may not update a row twice. */
function greatestMarks(marks: readonly MarkRow[]): readonly MarkRow[] {
  const greatest = new Map<string, MarkRow>();
  for (const mark of marks) {
    const key = JSON.stringify([mark.tenant, mark.conversation, mark.mark]);
    const other = greatest.get(key);
    if (other === undefined || mark.rank > other.rank || (mark.rank === other.rank && mark.eventId > other.eventId))
      greatest.set(key, mark);
  }
  return [...greatest.values()];
}
