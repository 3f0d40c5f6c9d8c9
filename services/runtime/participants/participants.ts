/**
 * Participants: who inscribed themselves to a tenant's event.
 *
 * Owns `participants` and `participant_words`. Truth, not cache.
 *
 * Q1 An inscription is sealed under its person's keys; CPF and e-mail are known by the tenant's keyed hashes alone.
 * Q2 A CPF and an e-mail address have one inscription of a tenant, by unique indexes. Who inscribes with their own again
 *    changes what they gave; another person's is taken.
 * Q3 The same effect twice saves once.
 * Q4 What is kept of a person goes with the person (`erase`) and can be given to them (`exportOf`).
 */
import { nameQueryIndexes, nameWordIndexes } from '../contact-names.ts';
import type { Database, Sql } from '../database/database.ts';
import { derivedId } from '../records.ts';
import type { Opened, Vault } from '../vault/vault.ts';

/** What somebody gave, normalised by the machine. */
export interface ParticipantContent {
  readonly fullName: string;
  readonly email: string;
  /** Digits. */
  readonly cpf: string;
  /** E.164. */
  readonly phone: string;
  readonly city: string;
  readonly state: string;
  readonly profile: string;
}

/** An inscription. Times are epoch milliseconds. */
export interface Participant {
  readonly id: string;
  readonly person: string;
  readonly conversation: string;
  readonly profile: string;
  readonly createdAt: number;
  readonly updatedAt: number;
  /** The sealed content, for `open`. */
  readonly sealed: Buffer;
}

/** What a field that has to be one's own is called. */
export type UniqueField = 'cpf' | 'email';

/** One to be saved. */
export interface Inscription {
  readonly tenant: string;
  /** Whose it is, first the one under whose keys it is sealed. */
  readonly persons: readonly [string, ...string[]];
  readonly conversation: string;
  readonly content: ParticipantContent;
  /** The effect that saves it. */
  readonly by: string;
  readonly at: number;
}

/** Who is looked for. */
export type ParticipantQuery = { readonly name: string } | { readonly cpf: string } | { readonly email: string };

/** Throws `database.unavailable`, `vault.unavailable`; `save` throws `vault.key-erased`. */
export interface Participants {
  /** Whether somebody else's inscription has it. */
  isTaken(tenant: string, persons: readonly string[], field: UniqueField, value: string): Promise<boolean>;
  /** Saves an inscription: its id, or the field that another one has. */
  save(inscription: Inscription): Promise<{ readonly id: string } | { readonly taken: UniqueField }>;
  read(tenant: string, id: string): Promise<Participant | undefined>;
  open(tenant: string, participant: Pick<Participant, 'id' | 'sealed'>): Promise<Opened<ParticipantContent>>;
  /** By when they were made, newest first; `before` is the last one of the page before. */
  list(
    tenant: string,
    page: {
      readonly before?: Pick<Participant, 'id' | 'createdAt'> | undefined;
      readonly profile?: string | undefined;
      readonly max: number;
    },
  ): Promise<readonly Participant[]>;
  search(tenant: string, query: ParticipantQuery, max: number): Promise<readonly Participant[]>;
  exportOf(tenant: string, person: string): Promise<readonly (ParticipantContent & { readonly id: string })[]>;
  /** Idempotent. */
  erase(tenant: string, person: string): Promise<void>;
}

/** How often a save that met another one is tried. */
const attemptsMax = 4;
const ofPersonMax = 1_000;
/** SQLSTATE. */
const uniqueViolation = '23505';

/** A row with what finds it. */
interface ParticipantRow extends Participant {
  readonly cpfIndex: string;
  readonly savedBy: string;
}

const columns = `p.id, p.person, p.conversation, p.profile, p.sealed, p.cpf_index AS "cpfIndex", p.saved_by AS "savedBy",
  (extract(epoch FROM p.created_at) * 1000)::float8 AS "createdAt",
  (extract(epoch FROM p.updated_at) * 1000)::float8 AS "updatedAt"`;

/** Opens them as prosa_worker or prosa_api. */
export function openParticipants({
  database,
  vault,
}: {
  readonly database: Database;
  readonly vault: Vault;
}): Participants {
  const indexOf = (tenant: string, field: UniqueField, value: string): string =>
    vault.index(
      tenant,
      `participant-${field}`,
      field === 'cpf' ? value.replace(/\D/g, '') : value.trim().toLowerCase(),
    );

  const rows = async (
    tenant: string,
    condition: string,
    values: readonly unknown[],
  ): Promise<readonly ParticipantRow[]> =>
    (
      await database.query<ParticipantRow>(
        [tenant],
        `SELECT ${columns} FROM participants p WHERE p.tenant = $1 AND ${condition}`,
        [tenant, ...values],
      )
    ).rows;

  const open: Participants['open'] = (tenant, { id, sealed }) =>
    vault.open<ParticipantContent>(contentIn(tenant, id), sealed);

  /** Those whose person was erased and whose rows were not removed yet: they hold nothing any more (Q4). */
  const erasedAmong = async (tenant: string, some: readonly ParticipantRow[]): Promise<readonly ParticipantRow[]> => {
    const opened = await Promise.all(some.map((row) => open(tenant, row)));
    return some.filter((_, i) => opened[i]?.state === 'erased');
  };

  const erase: Participants['erase'] = async (tenant, person) => {
    await database.query([tenant], 'DELETE FROM participants WHERE tenant = $1 AND person = $2', [tenant, person]);
  };

  return {
    async isTaken(tenant, persons, field, value) {
      const found = await rows(tenant, `p.${field}_index = $2`, [indexOf(tenant, field, value)]);
      const others = found.filter(({ person }) => !persons.includes(person));
      return (await erasedAmong(tenant, others)).length < others.length;
    },

    async save(inscription) {
      const { tenant, content } = inscription;
      const indexes = { cpf: indexOf(tenant, 'cpf', content.cpf), email: indexOf(tenant, 'email', content.email) };
      const words = nameWordIndexes(vault, tenant, content.fullName);
      for (let attempt = 1; ; attempt += 1) {
        const known = await rows(tenant, '(p.cpf_index = $2 OR p.email_index = $3)', [indexes.cpf, indexes.email]);
        const gone = await erasedAmong(tenant, known);
        for (const { person } of gone) await erase(tenant, person);
        const place = placeFor(
          inscription,
          indexes,
          known.filter((row) => !gone.includes(row)),
        );
        if ('taken' in place) return place;
        if (known.some(({ id, savedBy }) => id === place.id && savedBy === inscription.by)) return { id: place.id };
        const sealed = await vault.seal(contentIn(tenant, place.id), inscription.persons[0], inscription.at, content);
        try {
          await database.transaction([tenant], (sql) => write(sql, inscription, { ...place, sealed, indexes, words }));
          return { id: place.id };
        } catch (caught) {
          // Somebody inscribed with the same at this moment: who it was is looked at anew.
          const met = caught instanceof Error && 'code' in caught && caught.code === uniqueViolation;
          if (!met || attempt === attemptsMax) throw caught;
        }
      }
    },

    async read(tenant, id) {
      return (await rows(tenant, 'p.id = $2', [id]))[0];
    },

    open,

    list: (tenant, { before, profile, max }) =>
      rows(
        tenant,
        `p.profile <> '' AND ($2::text IS NULL OR p.profile = $2)
         AND ($3::timestamptz IS NULL OR (p.created_at, p.id) < ($3, $4))
         ORDER BY p.created_at DESC, p.id DESC LIMIT $5`,
        [profile ?? null, before === undefined ? null : new Date(before.createdAt), before?.id ?? null, max],
      ),

    async search(tenant, query, max) {
      if ('cpf' in query) return rows(tenant, 'p.cpf_index = $2 LIMIT $3', [indexOf(tenant, 'cpf', query.cpf), max]);
      if ('email' in query)
        return rows(tenant, 'p.email_index = $2 LIMIT $3', [indexOf(tenant, 'email', query.email), max]);
      const words = nameQueryIndexes(vault, tenant, query.name);
      if (words.length === 0) return [];
      return rows(
        tenant,
        `p.id = ANY (ARRAY(
           SELECT w.participant FROM participant_words w WHERE w.word_index = ANY ($2::text[])
           GROUP BY w.participant HAVING count(*) = $3 ORDER BY w.participant LIMIT $4)) ORDER BY p.created_at DESC, p.id DESC`,
        [words, words.length, max],
      );
    },

    async exportOf(tenant, person) {
      const all: (ParticipantContent & { readonly id: string })[] = [];
      for (const row of await rows(tenant, 'p.person = $2 ORDER BY p.id LIMIT $3', [person, ofPersonMax])) {
        const opened = await open(tenant, row);
        if (opened.state === 'open') all.push({ id: row.id, ...opened.value });
      }
      return all;
    },

    erase,
  };
}

const contentIn = (tenant: string, id: string) => ({ tenant, actor: id, type: 'participant', eventId: id });

interface Indexes {
  readonly cpf: string;
  readonly email: string;
}

/** Where an inscription goes: a row of its own, or the one that its person has. */
function placeFor(
  { tenant, persons, by }: Inscription,
  indexes: Indexes,
  known: readonly ParticipantRow[],
): { readonly id: string; readonly isNew: boolean } | { readonly taken: UniqueField } {
  const others = known.filter(({ person }) => !persons.includes(person));
  if (others.length > 0) return { taken: others.some(({ cpfIndex }) => cpfIndex === indexes.cpf) ? 'cpf' : 'email' };
  const [own, another] = known;
  // Two of one's own, one by each: the address is that of the other.
  if (another !== undefined) return { taken: 'email' };
  return own === undefined ? { id: derivedId('pa', tenant, by), isNew: true } : { id: own.id, isNew: false };
}

interface Written {
  readonly id: string;
  readonly isNew: boolean;
  readonly sealed: Buffer;
  readonly indexes: Indexes;
  readonly words: readonly string[];
}

async function write(
  sql: Sql,
  inscription: Inscription,
  { id, isNew, sealed, indexes, words }: Written,
): Promise<void> {
  const { tenant, persons, conversation, content, by, at } = inscription;
  const values = [tenant, id, content.profile, indexes.cpf, indexes.email, sealed, by, new Date(at)];
  await sql.query(
    isNew
      ? `INSERT INTO participants (tenant, id, profile, cpf_index, email_index, sealed, saved_by, created_at, updated_at, person, conversation)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9, $10)`
      : `UPDATE participants SET profile = $3, cpf_index = $4, email_index = $5, sealed = $6, saved_by = $7, updated_at = $8,
           person = $9, conversation = $10 WHERE tenant = $1 AND id = $2`,
    [...values, persons[0], conversation],
  );
  await sql.query('DELETE FROM participant_words WHERE tenant = $1 AND participant = $2', [tenant, id]);
  await sql.query('INSERT INTO participant_words (tenant, participant, word_index) SELECT $1, $2, unnest($3::text[])', [
    tenant,
    id,
    words,
  ]);
}
