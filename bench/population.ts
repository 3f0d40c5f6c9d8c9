/**
 * Conversations made in bulk, and what people say in them, as ingest would have recorded it: the same
 * keys, the same sealed bytes, the same records. Many at a time, so that the vault makes their keys in
 * few transactions: one by one a hundred thousand would take longer than the bench.
 */
import type { Database } from '#runtime/database/database.ts';
import type { OutgoingRecord, RecordLog, RecordPosition } from '#runtime/log/record-log.ts';
import type { Platform } from '#runtime/platform.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { Vault } from '#runtime/vault/vault.ts';
import type { SealedMessage } from '#schemas/content.ts';
import type { MessageReceived } from '#schemas/records.ts';

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
export async function populate(
  installation: { readonly tenant: string; instance(provider: 'waha'): { readonly id: string } },
  platform: Pick<Platform, 'log' | 'runtime'>,
  count: number,
): Promise<Population> {
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
  const { vault } = runtime;
  await inBatches(conversations, recordsPerAppend, async (batch) => {
    await Promise.all(
      batch.map(({ id, person }) => vault.seal({ tenant, actor: id, type: 'bench', eventId: '' }, person, at, '')),
    );
  });
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
      for (const text of texts) {
        await inBatches(conversations, recordsPerAppend, async (batch) => {
          await platform.log.append(await Promise.all(batch.map((conversation) => said(conversation, text))));
        });
      }
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

async function storeConversations(
  database: Database,
  tenant: string,
  line: string,
  conversations: readonly Conversation[],
): Promise<void> {
  await inBatches(conversations, rowsPerStatement, async (batch) => {
    await database.transaction([tenant], (sql) =>
      sql.query(
        `INSERT INTO conversations (tenant, id, line, person, is_group)
         SELECT $1, c, $2, p, false FROM unnest($3::text[], $4::text[]) AS r (c, p)`,
        [tenant, line, batch.map(({ id }) => id), batch.map(({ person }) => person)],
      ),
    );
  });
}

async function inBatches<T>(
  all: readonly T[],
  size: number,
  work: (batch: readonly T[]) => Promise<void>,
): Promise<void> {
  for (let from = 0; from < all.length; from += size) await work(all.slice(from, from + size));
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
