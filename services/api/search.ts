/**
 * Finding conversations by what is sealed: phone and name by keyed hashes, text by opening the newest
 * messages, of which there is a bound.
 */
import { nameQueryIndexes } from '#runtime/contact-names.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { TimePlace } from './cursors.ts';
import { newestMessages, openMessages, wordsOf } from './history.ts';
import { phoneCandidates } from './phone-numbers.ts';

/** Newest messages of the tenant that a search by text opens. */
export const scannedMax = 2_000;
const scanBatch = 200;
const linesMax = 1_000;

/** What was found. */
export interface Found {
  readonly conversations: readonly string[];
  /** Messages that hold the text, by conversation. */
  readonly messages: ReadonlyMap<string, readonly string[]>;
  /** Messages opened. */
  readonly scanned: number;
  /** False when there are older messages that were not looked at, or more matches than asked for. */
  readonly complete: boolean;
}

const foundOf = (conversations: readonly string[], max: number): Found => ({
  conversations: conversations.slice(0, max),
  messages: new Map(),
  scanned: 0,
  complete: conversations.length <= max,
});

/** Conversations of a phone number on any line, in any spelling of the number. */
export async function searchPhone(runtime: Runtime, tenant: string, phone: string, max: number): Promise<Found> {
  const lines = await runtime.database.transaction([tenant], (sql) =>
    sql.query<{ line: string }>('SELECT DISTINCT line FROM instances WHERE tenant = $1 ORDER BY line LIMIT $2', [
      tenant,
      linesMax,
    ]),
  );
  const found = new Set<string>();
  for (const { line } of lines.rows) {
    for (const digits of phoneCandidates(phone)) {
      const entry = await runtime.directory.find(tenant, line, digits);
      if (entry !== undefined) found.add(entry.conversation);
    }
  }
  return foundOf([...found], max);
}

/** Conversations whose contact's name has all the words asked for, or words that begin with them. */
export async function searchName(runtime: Runtime, tenant: string, name: string, max: number): Promise<Found> {
  const words = nameQueryIndexes(runtime.vault, tenant, name);
  if (words.length === 0) return foundOf([], max);
  const found = await runtime.database.transaction([tenant], (sql) =>
    sql.query<{ conversation: string }>(
      `SELECT conversation FROM contact_words WHERE tenant = $1 AND word_index = ANY ($2)
       GROUP BY conversation HAVING count(*) = $3 ORDER BY conversation DESC LIMIT $4`,
      [tenant, words, words.length, max + 1],
    ),
  );
  return foundOf(
    found.rows.map((row) => row.conversation),
    max,
  );
}

/** Conversations in whose newest messages a text occurs, without regard to case and accents. */
export async function searchText(runtime: Runtime, tenant: string, text: string, max: number): Promise<Found> {
  const wanted = plain(text);
  const messages = new Map<string, string[]>();
  let scanned = 0;
  let before: TimePlace | undefined;
  while (scanned < scannedMax) {
    const rows = await runtime.database.transaction([tenant], (sql) => newestMessages(sql, tenant, before, scanBatch));
    for (const { row, reading } of await openMessages(runtime.vault, rows)) {
      if (reading.state !== 'open' || !plain(wordsOf(reading.value)).includes(wanted)) continue;
      const known = messages.get(row.conversation);
      if (known !== undefined) known.push(row.id);
      else if (messages.size < max) messages.set(row.conversation, [row.id]);
      else return { conversations: [...messages.keys()], messages, scanned: scanned + rows.length, complete: false };
    }
    scanned += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < scanBatch)
      return { conversations: [...messages.keys()], messages, scanned, complete: true };
    before = [Number(last.place), last.id];
  }
  return { conversations: [...messages.keys()], messages, scanned, complete: false };
}

const plain = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
