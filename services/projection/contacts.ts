/**
 * Contacts of a slice: when each person of a conversation was first and last seen, and the newest
 * name, sealed again under a place of its own (the record that brought it may be one of thousands).
 */
import { nameWordIndexes, wholeNameIndex } from '#runtime/contact-names.ts';
import type { Sql } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Sighting } from './rows.ts';

/** Longer names are cut: nobody's name needs more, and the bound is ours. */
const nameCharactersMax = 200;

interface NewName {
  readonly sealed: Buffer;
  readonly eventId: string;
  readonly offset: number;
  readonly index: string;
  readonly words: readonly string[];
}

/** A contact as a slice saw it. */
export interface ContactRow {
  readonly tenant: string;
  readonly person: string;
  readonly conversation: string;
  readonly firstSeenAt: Date;
  readonly lastSeenAt: Date;
  /** Null when the slice brought no name that is not there already. */
  readonly name: NewName | null;
}

interface Known {
  readonly id: string;
  readonly person: string;
  readonly name_index: string | null;
}

/** Reads what is known of the conversations and seals new names. Before the write: sealing may need a connection too. */
export async function contactsOf(runtime: Runtime, sightings: readonly Sighting[]): Promise<readonly ContactRow[]> {
  if (sightings.length === 0) return [];
  const tenants = [...new Set(sightings.map((sighting) => sighting.tenant))];
  const byConversation = Map.groupBy(sightings, (sighting) => sighting.conversation);
  const found = await runtime.database.query<Known>(
    tenants,
    `SELECT c.id, c.person, k.name_index FROM conversations c
       LEFT JOIN contacts k ON k.tenant = c.tenant AND k.conversation = c.id AND k.person = c.person
       WHERE c.id = ANY ($1)`,
    [[...byConversation.keys()]],
  );
  const rows: ContactRow[] = [];
  for (const known of found.rows) {
    const seen = byConversation.get(known.id) ?? [];
    const first = seen[0];
    if (first === undefined) continue;
    const times = seen.map((sighting) => sighting.at);
    rows.push({
      tenant: first.tenant,
      person: known.person,
      conversation: known.id,
      firstSeenAt: new Date(Math.min(...times)),
      lastSeenAt: new Date(Math.max(...times)),
      name: await newName(runtime, known, seen),
    });
  }
  return rows;
}

async function newName(runtime: Runtime, known: Known, seen: readonly Sighting[]): Promise<NewName | null> {
  const newest = seen.findLast((sighting) => sighting.name !== undefined && sighting.name.trim() !== '');
  if (newest?.name === undefined) return null;
  const name = newest.name.trim().slice(0, nameCharactersMax).toWellFormed();
  const { tenant, conversation, eventId, offset, at } = newest;
  const index = wholeNameIndex(runtime.vault, tenant, name);
  if (index === known.name_index) return null;
  const where = { tenant, actor: conversation, type: 'contact.name', eventId };
  try {
    const sealed = await runtime.vault.seal(where, known.person, at, name);
    return { sealed, eventId, offset, index, words: nameWordIndexes(runtime.vault, tenant, name) };
  } catch (caught) {
    if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return null;
    throw caught;
  }
}

const contactColumns: Columns<ContactRow> = {
  tenant: ['text', (row) => row.tenant],
  person: ['text', (row) => row.person],
  conversation: ['text', (row) => row.conversation],
  first_seen_at: ['timestamptz', (row) => row.firstSeenAt],
  last_seen_at: ['timestamptz', (row) => row.lastSeenAt],
  name_sealed: ['bytea', (row) => row.name?.sealed ?? null],
  name_event: ['text', (row) => row.name?.eventId ?? null],
  name_offset: ['bigint', (row) => row.name?.offset ?? null],
  name_index: ['text', (row) => row.name?.index ?? null],
};

const newer = `excluded.name_offset > coalesce(contacts.name_offset, -1)`;
const newerOf = (column: string): string =>
  `${column} = CASE WHEN ${newer} THEN excluded.${column} ELSE contacts.${column} END`;

const merged = `(tenant, conversation, person) DO UPDATE SET
  first_seen_at = LEAST(contacts.first_seen_at, excluded.first_seen_at),
  last_seen_at = GREATEST(contacts.last_seen_at, excluded.last_seen_at),
  ${['name_sealed', 'name_event', 'name_offset', 'name_index'].map(newerOf).join(', ')}`;

const wordColumns: Columns<{ readonly tenant: string; readonly conversation: string; readonly word: string }> = {
  tenant: ['text', (row) => row.tenant],
  conversation: ['text', (row) => row.conversation],
  word_index: ['text', (row) => row.word],
};

/** Merges contacts; replaces the words of those whose name changed. */
export async function writeContacts(sql: Sql, rows: readonly ContactRow[]): Promise<void> {
  const written = await insertRows<ContactRow, { conversation: string; name_event: string | null }>(
    sql,
    'contacts',
    contactColumns,
    rows,
    merged,
    'conversation, name_event',
  );
  const eventOf = new Map(written.map((row) => [row.conversation, row.name_event]));
  const renamed = rows.filter((row) => row.name !== null && eventOf.get(row.conversation) === row.name.eventId);
  if (renamed.length === 0) return;
  await sql.query('DELETE FROM contact_words WHERE conversation = ANY ($1)', [renamed.map((row) => row.conversation)]);
  const words = renamed.flatMap(({ tenant, conversation, name }) =>
    (name?.words ?? []).map((word) => ({ tenant, conversation, word })),
  );
  await insertRows(sql, 'contact_words', wordColumns, words, 'DO NOTHING');
}
