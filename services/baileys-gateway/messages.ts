/**
 * Messages of a session, kept for some days: what was asked to be sent and what became of it, where the files
 * of received ones lie, and what votes in polls are read with.
 *
 * M1 A message id is sent as one message: whoever asks again is told what became of the first.
 * M2 The content of what was sent is sealed under its person's keys and goes with them.
 */
import type { Database } from '#runtime/database/database.ts';
import { type Columns, insertRows } from '#runtime/database/rows.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type SealedIn, type Vault, tenantSubject } from '#runtime/vault/vault.ts';

import { jsonWithBytes, valueWithBytes } from './bytes-in-json.ts';
import { messageIndex } from './key-store.ts';
import { type Lease, requireOwner } from './leases.ts';
import type { KeptPoll } from './polls.ts';
import type { FilePointer } from './ports/whatsapp-library.ts';

/** What is known of a message that was to be sent. */
export interface SentRecord {
  readonly status: 'pending' | 'sent' | 'refused';
  readonly code: string | undefined;
}

/** A received message's file. */
export interface ReceivedFile {
  readonly messageId: string;
  readonly pointer: FilePointer;
}

/** For this long a message is kept. Files live about as long at WhatsApp; polls are voted in about as long. */
const keptDays = { sent: 3, file: 14 } as const;
const forgottenPerRound = 1_000;

/** Throws `database.unavailable`, `vault.unavailable`; writes throw `Deposed`. */
export interface SessionMessages {
  /** Notes that a message is about to be sent; undefined when it is new, else what is known of it (M1). */
  begin(messageId: string): Promise<SentRecord | undefined>;
  /** Notes what became of it. */
  settle(messageId: string, record: SentRecord): Promise<void>;
  /** Keeps what was sent, for recipients who ask for it again. Does nothing when the person was erased. */
  keep(messageId: string, person: string, content: unknown): Promise<void>;
  find(messageId: string): Promise<SentRecord | undefined>;
  /** The content of a message that was sent; undefined when it is not kept (any more). */
  contentOf(messageId: string): Promise<unknown>;
  keepFiles(files: readonly ReceivedFile[]): Promise<void>;
  /** Idempotent. */
  keepPoll(messageId: string, poll: KeptPoll): Promise<void>;
  /** Undefined when it is not kept (any more). */
  pollOf(messageId: string): Promise<KeptPoll | undefined>;
}

type Kept = 'sent' | 'file' | 'poll';

/** Opens the messages of a session that this process owns. */
export function openMessages(database: Database, vault: Vault, lease: Lease, now: () => number): SessionMessages {
  const { tenant, instance } = lease;

  const write = (text: string, values: readonly unknown[]): Promise<unknown> =>
    database.transaction([tenant], async (sql) => {
      await requireOwner(sql, lease);
      return sql.query(text, values);
    });

  const find = async (messageId: string): Promise<SentRecord | undefined> => {
    const { rows } = await database.query<{ readonly status: SentRecord['status']; readonly code: string | null }>(
      [tenant],
      `SELECT status, code FROM baileys_messages WHERE instance = $1 AND kind = 'sent' AND id = $2`,
      [instance, messageIndex(vault, lease, messageId)],
    );
    const [row] = rows;
    return row === undefined ? undefined : { status: row.status, code: row.code ?? undefined };
  };

  /** Under the tenant's key: of whom it is, only ingest knows. */
  const keepReceived = async (
    kind: 'file' | 'poll',
    received: readonly (readonly [messageId: string, value: unknown])[],
  ): Promise<void> => {
    if (received.length === 0) return;
    const rows = await Promise.all(
      received.map(async ([messageId, value]) => {
        const id = messageIndex(vault, lease, messageId);
        const where = sealedIn(lease, kind, id);
        return { id, sealed: await vault.seal(where, tenantSubject(tenant), now(), jsonWithBytes(value)) };
      }),
    );
    const columns: Columns<(typeof rows)[number]> = {
      tenant: ['text', () => tenant],
      instance: ['text', () => instance],
      kind: ['text', () => kind],
      id: ['text', ({ id }) => id],
      status: ['text', () => 'received'],
      sealed: ['bytea', ({ sealed }) => sealed],
    };
    await database.transaction([tenant], async (sql) => {
      await requireOwner(sql, lease);
      await insertRows(sql, 'baileys_messages', columns, rows, 'DO NOTHING');
    });
  };

  return {
    find,

    begin: (messageId) =>
      database.transaction([tenant], async (sql) => {
        await requireOwner(sql, lease);
        const id = messageIndex(vault, lease, messageId);
        const made = await sql.query(
          `INSERT INTO baileys_messages (tenant, instance, kind, id, status) VALUES ($1, $2, 'sent', $3, 'pending')
           ON CONFLICT DO NOTHING`,
          [tenant, instance, id],
        );
        return made.rowCount === 1 ? undefined : find(messageId);
      }),

    async settle(messageId, { status, code }) {
      await write(
        `UPDATE baileys_messages SET status = $3, code = $4 WHERE instance = $1 AND kind = 'sent' AND id = $2`,
        [instance, messageIndex(vault, lease, messageId), status, code ?? null],
      );
    },

    async keep(messageId, person, content) {
      const id = messageIndex(vault, lease, messageId);
      const where = sealedIn(lease, 'sent', id);
      const sealed = await vault.seal(where, person, now(), jsonWithBytes(content)).catch((caught: unknown) => {
        if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return undefined;
        throw caught;
      });
      if (sealed === undefined) return;
      await write(`UPDATE baileys_messages SET sealed = $3 WHERE instance = $1 AND kind = 'sent' AND id = $2`, [
        instance,
        id,
        sealed,
      ]);
    },

    async contentOf(messageId) {
      const id = messageIndex(vault, lease, messageId);
      return open(database, vault, lease, 'sent', id);
    },

    keepFiles: (files) =>
      keepReceived(
        'file',
        files.map(({ messageId, pointer }) => [messageId, pointer]),
      ),
    keepPoll: (messageId, poll) => keepReceived('poll', [[messageId, poll]]),
    pollOf: async (messageId) =>
      (await open(database, vault, lease, 'poll', messageIndex(vault, lease, messageId))) as KeptPoll | undefined,
  };
}

type Where = Pick<Lease, 'tenant' | 'instance'>;

const sealedIn = ({ tenant, instance }: Where, kind: Kept, id: string): SealedIn => ({
  tenant,
  actor: instance,
  type: `baileys.message.${kind}`,
  eventId: id,
});

async function open(database: Database, vault: Vault, where: Where, kind: Kept, id: string): Promise<unknown> {
  const { rows } = await database.query<{ readonly sealed: Buffer | null }>(
    [where.tenant],
    'SELECT sealed FROM baileys_messages WHERE instance = $1 AND kind = $2 AND id = $3',
    [where.instance, kind, id],
  );
  const sealed = rows[0]?.sealed ?? undefined;
  if (sealed === undefined) return undefined;
  const opened = await vault.open<string>(sealedIn(where, kind, id), sealed);
  return opened.state === 'erased' ? undefined : valueWithBytes(opened.value);
}

/** Where a received file lies, by the index of its message. Needs no ownership. */
export const fileOf = async (
  database: Database,
  vault: Vault,
  where: Where,
  id: string,
): Promise<FilePointer | undefined> => (await open(database, vault, where, 'file', id)) as FilePointer | undefined;

/** Forgets what is too old, some of it. Throws `database.unavailable`. */
export async function forgetOldMessages(database: Database, tenants: readonly string[]): Promise<void> {
  await database.query(
    tenants,
    `DELETE FROM baileys_messages WHERE (instance, kind, id) IN (
       SELECT instance, kind, id FROM baileys_messages
       WHERE created_at < now() - $1 * interval '1 day'
         AND (kind <> 'sent' AND created_at < now() - $2 * interval '1 day' OR kind = 'sent')
       ORDER BY created_at LIMIT $3)`,
    [keptDays.sent, keptDays.file, forgottenPerRound],
  );
}
