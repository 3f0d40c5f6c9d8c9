/**
 * Conversations made in bulk, and what people say in them, as ingest would have recorded it: the same
 * keys, the same sealed bytes, the same records. Made in batches, since one by one a hundred thousand
 * would take longer than the bench.
 */
import type { Database, Sql, SqlResult } from '#runtime/database/database.ts';
import type { OutgoingRecord, RecordLog, RecordPosition } from '#runtime/log/record-log.ts';
import type { Platform } from '#runtime/platform.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import { openVault } from '#runtime/vault/postgres-vault.ts';
import type { Vault } from '#runtime/vault/vault.ts';
import type { SealedMessage } from '#schemas/content.ts';
import type { MessageReceived } from '#schemas/records.ts';

import type { Installation } from './installation.ts';
import { chatAddress } from './webhook-plan.ts';

const rowsPerStatement = 5_000;
const recordsPerAppend = 1_000;

/** A conversation that nobody has written in yet. */
interface Conversation {
  readonly id: string;
  readonly person: string;
  readonly chat: string;
}

/** Conversations of the demo tenant's WAHA instance. */
export interface Population {
  /** Everyone says each of the texts, in turn; resolves with the number of records when all are durable. */
  say(texts: readonly string[]): Promise<number>;
  /** The conversation of that index, counted round, says something; resolves with where it is when it is durable. */
  sayOne(index: number, text: string): Promise<RecordPosition | undefined>;
}

/** Makes `count` conversations with the keys of their people. */
export async function populate(installation: Installation, platform: Platform, count: number): Promise<Population> {
  const runtime = platform.runtime('prosa_api', 'bench');
  const { tenant } = installation;
  const { id: instanceId } = installation.instance('waha');
  const instance = await runtime.instances.read(tenant, instanceId);
  if (instance === undefined) throw new Error('the WAHA instance of the demo tenant is gone');
  const revision = await runtime.tenants.currentRevision(tenant);
  const at = runtime.now();
  const conversations = Array.from({ length: count }, (_, i): Conversation => ({
    id: `c_${newUlid(at)}`,
    person: `p_${newUlid(at)}`,
    chat: chatAddress(i),
  }));
  const collector = new KeyCollector();
  const vault = openVault(collector, platform.tenantKeys);
  await inBatches(conversations, async (batch) => {
    await Promise.all(
      batch.map(({ id, person }) => vault.seal({ tenant, actor: id, type: 'bench', eventId: '' }, person, at, '')),
    );
  });
  await storeKeys(runtime.database, tenant, collector.rows());
  await storeConversations(runtime.database, tenant, instance.line, conversations);
  let serial = 0;
  const said = ({ id, person, chat }: Conversation, text: string): Promise<OutgoingRecord> => {
    const header = { tenant, actor: id, eventId: newUlid(at), occurredAt: at, revision, instance: instanceId };
    return recordOf(vault, person, header, messageOf(chat, text, serial++));
  };
  return {
    async sayOne(index, text) {
      const conversation = conversations[index % conversations.length];
      return conversation === undefined ? undefined : (await platform.log.append([await said(conversation, text)]))[0];
    },
    async say(texts) {
      let batch: OutgoingRecord[] = [];
      for (const text of texts) {
        for (const conversation of conversations) {
          batch.push(await said(conversation, text));
          if (batch.length < recordsPerAppend) continue;
          await platform.log.append(batch);
          batch = [];
        }
      }
      if (batch.length > 0) await platform.log.append(batch);
      return texts.length * conversations.length;
    },
  };
}

function messageOf(chat: string, text: string, serial: number): SealedMessage {
  const stableId = `3EB0${serial.toString(16).toUpperCase().padStart(18, '0')}`;
  const messageId = `false_${chat}_${stableId}`;
  return {
    messageId,
    stableId,
    chat,
    sender: { address: chat, name: 'Ana Inventada' },
    content: { kind: 'text', text },
    // Ingest keeps the event as it came; its size is what counts here.
    raw: JSON.stringify({
      event: 'message',
      session: 'default',
      payload: { id: messageId, from: chat, body: text },
    }).padEnd(700),
  };
}

async function recordOf(
  vault: Vault,
  person: string,
  header: Pick<MessageReceived, 'tenant' | 'actor' | 'eventId' | 'occurredAt' | 'revision' | 'instance'>,
  message: SealedMessage,
): Promise<OutgoingRecord> {
  const type = 'message.received' as const;
  const sealed = await vault.seal({ ...header, type }, person, header.occurredAt, message);
  return outgoing({ ...header, type, causationId: null, providerAt: null, kind: 'text', group: false, sealed });
}

interface KeyRow {
  readonly id: string;
  readonly person: string;
  readonly month: string;
  readonly state: string;
  readonly wrapped: Buffer;
}

/**
 * A database that has nothing but the vault's keys, in memory: so the real vault makes real keys, and
 * they can be written to the real database many at a time. Knows the two statements by which the vault
 * looks for people's keys and adds some; refuses any other.
 */
class KeyCollector implements Database {
  readonly #rows = new Map<string, KeyRow>();
  readonly #sql: Sql = {
    query: <Row>(text: string, values: readonly unknown[] = []) => {
      const rows = text.startsWith('INSERT INTO vault_keys') ? this.#insert(values) : this.#select(text, values);
      return Promise.resolve({ rows: rows as Row[], rowCount: rows.length });
    },
  };

  transaction<T>(_tenants: readonly string[], work: (sql: Sql) => Promise<T>): Promise<T> {
    return work(this.#sql);
  }

  query<Row>(_tenants: readonly string[], text: string, values: readonly unknown[] = []): Promise<SqlResult<Row>> {
    return this.#sql.query<Row>(text, values);
  }

  queries(
    _tenants: readonly string[],
    statements: readonly (readonly [text: string, values: readonly unknown[]])[],
  ): Promise<readonly SqlResult<Record<string, unknown>>[]> {
    return Promise.all(statements.map(([text, values]) => this.#sql.query(text, values)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  rows(): readonly KeyRow[] {
    return [...this.#rows.values()];
  }

  #insert(values: readonly unknown[]): readonly KeyRow[] {
    const [, ids, people, months, wrapped] = values as [string[], string[], string[], string[], Buffer[]];
    ids.forEach((id, i) => {
      const [person = '', month = '', secret = Buffer.alloc(0)] = [people[i], months[i], wrapped[i]];
      this.#rows.set(`${person}/${month}`, { id, person, month, state: 'active', wrapped: secret });
    });
    return [];
  }

  #select(text: string, values: readonly unknown[]): readonly object[] {
    if (!/^SELECT .* FROM vault_keys\s+JOIN unnest.* USING \(tenant, person, month\)$/.test(text))
      throw new Error('the vault asks for its keys in another way than this bench knows');
    const [tenants, people, months] = values as [string[], string[], string[]];
    return people.flatMap((person, i) => {
      const row = this.#rows.get(`${person}/${months[i] ?? ''}`);
      return row === undefined ? [] : [{ ...row, tenant: tenants[i] }];
    });
  }
}

async function storeKeys(database: Database, tenant: string, rows: readonly KeyRow[]): Promise<void> {
  await inBatches(rows, async (batch) => {
    await database.transaction([tenant], (sql) =>
      sql.query(
        `INSERT INTO vault_keys (tenant, id, person, month, state, wrapped)
         SELECT $1, i, p, m, 'active', w FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[]) AS r (i, p, m, w)`,
        [
          tenant,
          batch.map(({ id }) => id),
          batch.map(({ person }) => person),
          batch.map(({ month }) => month),
          batch.map(({ wrapped }) => wrapped),
        ],
      ),
    );
  });
}

async function storeConversations(
  database: Database,
  tenant: string,
  line: string,
  conversations: readonly Conversation[],
): Promise<void> {
  await inBatches(conversations, async (batch) => {
    await database.transaction([tenant], (sql) =>
      sql.query(
        `INSERT INTO conversations (tenant, id, line, person, is_group)
         SELECT $1, c, $2, p, false FROM unnest($3::text[], $4::text[]) AS r (c, p)`,
        [tenant, line, batch.map(({ id }) => id), batch.map(({ person }) => person)],
      ),
    );
  });
}

async function inBatches<T>(all: readonly T[], work: (batch: readonly T[]) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += rowsPerStatement) await work(all.slice(from, from + rowsPerStatement));
}

/** Records of a topic and their bytes: what was written there. */
export async function contentOf(
  log: RecordLog,
  topic: string,
): Promise<{ readonly records: number; readonly bytes: number }> {
  let [records, bytes] = [0, 0];
  for (let partition = 0; partition < log.partitionCount; partition++) {
    for await (const batch of log.readRange({ topic, partition, from: 0 })) {
      records += batch.length;
      for (const { value } of batch) bytes += value.length;
    }
  }
  return { records, bytes };
}
