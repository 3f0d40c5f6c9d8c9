// Webhook to record over the real parts: Postgres, its log, the vault, the directory, as the role that
// ingest has. What is on the log decodes, opens, and holds nothing personal outside of its seal.
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';

import { openBlobs } from '#runtime/blobs/postgres-blobs.ts';
import { readConfig } from '#runtime/config.ts';
import { type Database, openDatabase } from '#runtime/database/database.ts';
import { openDirectory } from '#runtime/directory/postgres-directory.ts';
import { createHttpServer } from '#runtime/http.ts';
import { type Instance, openInstances } from '#runtime/instances/instances.ts';
import { openPostgresLog } from '#runtime/log/adapters/postgres/postgres-log.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics } from '#runtime/metrics.ts';
import { recordOf } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { openTenants } from '#runtime/tenants/tenants.ts';
import { type TestDatabase, asOwner, testDatabase } from '#runtime/testing/postgres.ts';
import { type TenantKeys, openKeyFile, provisionKeyFile } from '#runtime/vault/key-file.ts';
import { openVault } from '#runtime/vault/postgres-vault.ts';
import type { SealedMessage, SealedRaw } from '#schemas/content.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { topicTable, topics } from '#schemas/topics.ts';

import { openDuplicateWindow } from './open-window.ts';
import { bodyBytesMax, ingestRoutes } from './routes.ts';

const tenant = 'demo';
const phone = '5511933333333';
const lid = '933333333333333@lid';

let postgres: TestDatabase;
let folder: string;
let keys: TenantKeys;
let server: FastifyInstance;
let runtime: Runtime;
let instances: { readonly waha: Instance; readonly simulator: Instance };
const databases: Database[] = [];

beforeAll(async () => {
  postgres = await testDatabase();
  folder = await mkdtemp(join(tmpdir(), 'prosa-ingest-test-'));
  await asOwner(postgres.url, `INSERT INTO tenants (id, name) VALUES ('${tenant}', 'Demo')`);
  const keyFile = join(folder, 'keys.json');
  provisionKeyFile(keyFile, [tenant]);
  keys = openKeyFile(keyFile);
  const as = (role: 'prosa_ingest' | 'prosa_api'): Database => {
    const database = openDatabase({ url: postgres.url, role, connectionsMax: 4, applicationName: role });
    databases.push(database);
    return database;
  };

  const api = as('prosa_api');
  const admin = openInstances(api, openVault(api, keys));
  instances = {
    waha: await admin.create({ tenant, provider: 'waha', name: 'waha', settings: { session: 'default' } }, Date.now()),
    simulator: await admin.create({ tenant, provider: 'simulator', name: 'simulator', settings: {} }, Date.now()),
  };
  await openTenants(api).configure(tenant, { machines: {}, answerGroups: false });

  const database = as('prosa_ingest');
  const vault = openVault(database, keys);
  const logger = createLogger('silent');
  runtime = {
    config: readConfig({}),
    logger,
    metrics: createMetrics(),
    log: await openPostgresLog({ database: as('prosa_ingest'), partitionCount: 3, clientId: 'ingest' }),
    database,
    vault,
    directory: openDirectory(database, vault),
    instances: openInstances(database, vault),
    tenants: openTenants(database),
    now: Date.now,
  };
  await runtime.log.createTopics(topicTable.map(({ name }) => name));
  server = createHttpServer({ logger, bodyBytesMax });
  ingestRoutes(server, runtime, openDuplicateWindow(runtime));
});

afterAll(async () => {
  await server.close();
  await runtime.log.close();
  for (const database of databases) await database.close();
  await postgres.close();
  await rm(folder, { recursive: true });
});

const postSigned = (body: string) =>
  server.inject({
    method: 'POST',
    url: `/webhooks/waha/${instances.waha.credentials.webhookToken}`,
    headers: {
      'content-type': 'application/json',
      'x-webhook-hmac': createHmac('sha512', instances.waha.credentials.webhookSecret ?? '')
        .update(body)
        .digest('hex'),
    },
    payload: body,
  });

async function logged(): Promise<readonly LoggedRecord[]> {
  const found: LoggedRecord[] = [];
  for (let partition = 0; partition < runtime.log.partitionCount; partition++) {
    for await (const batch of runtime.log.readRange({ topic: topics.events, partition, from: 0 })) found.push(...batch);
  }
  return found;
}

const opened = async <T>(record: ProsaRecord): Promise<T> => {
  if (!('sealed' in record) || record.sealed === null) throw new Error(`nothing is sealed in ${record.type}`);
  const { tenant: of, actor, type, eventId } = record;
  const content = await runtime.vault.open<T>({ tenant: of, actor, type, eventId }, record.sealed);
  if (content.state !== 'open') throw new Error('it was erased');
  return content.value;
};

const wahaMessage = (stanza: string, from: string, text: string, data: object = {}): string =>
  JSON.stringify({
    id: `evt_${stanza}`,
    timestamp: 1_795_000_000_250,
    event: 'message.any',
    session: 'default',
    payload: { id: `false_${from}_${stanza}`, timestamp: 1_795_000_000, from, fromMe: false, body: text, _data: data },
  });

test('from a signed webhook to a record that opens; one conversation per person, whatever the address', async () => {
  const text = 'segredo inventado \u0000 \ud800 fim';
  const first = wahaMessage('3EB0FIRST', `${phone}@c.us`, text);
  const answers = [
    await postSigned(first),
    await postSigned(first),
    await postSigned(
      wahaMessage('3EB0SECOND', lid, 'Oi', { key: { remoteJid: lid, remoteJidAlt: `${phone}@s.whatsapp.net` } }),
    ),
    await postSigned(wahaMessage('3EB0THIRD', lid, 'Oi de novo')),
    await postSigned(JSON.stringify({ event: 'session.status', payload: { status: 'WORKING' } })),
  ];
  expect(answers.map((answer) => [answer.statusCode, answer.json<unknown>()])).toEqual([
    [200, { accepted: 1, duplicates: 0, ignored: 0 }],
    [200, { accepted: 0, duplicates: 1, ignored: 0 }],
    [200, { accepted: 1, duplicates: 0, ignored: 0 }],
    [200, { accepted: 1, duplicates: 0, ignored: 0 }],
    [200, { accepted: 1, duplicates: 0, ignored: 0 }],
  ]);

  const onLog = await logged();
  const records = onLog.map(recordOf);
  const messages = records.filter((record) => record.type === 'message.received');
  expect(messages).toHaveLength(3);
  expect(new Set(messages.map(({ actor }) => actor)).size).toBe(1);
  expect(records.filter(({ type }) => type === 'instance.reported')).toMatchObject([
    { actor: instances.waha.id, status: 'working' },
  ]);
  const [message] = messages;
  if (message === undefined) throw new Error('no message');
  expect(message.providerAt).toBe(1_795_000_000_000);
  expect(await opened<SealedMessage>(message)).toMatchObject({
    messageId: `false_${phone}@c.us_3EB0FIRST`,
    stableId: '3EB0FIRST',
    chat: `${phone}@c.us`,
    content: { kind: 'text', text },
    raw: first,
  });

  // The canary: outside of the seal there is nothing of a person.
  const bytes = Buffer.concat(
    onLog.flatMap(({ key, value, headers }) => [Buffer.from(key), value, Buffer.from(JSON.stringify(headers))]),
  );
  for (const secret of ['segredo', phone, '3EB0FIRST', lid.slice(0, 15)]) {
    for (const encoding of ['utf8', 'base64', 'hex'] as const) {
      expect(bytes.includes(Buffer.from(secret).toString(encoding).replace(/=+$/, ''))).toBe(false);
    }
  }
});

test('an event that names two conversations asks the younger to go on in the elder, once', async () => {
  const [number, other] = ['5511945555555', '945555555555555@lid'];
  await postSigned(wahaMessage('3EB0ELDER', `${number}@c.us`, 'Oi'));
  await postSigned(wahaMessage('3EB0YOUNGER', other, 'Oi'));
  const both = { key: { remoteJid: other, remoteJidAlt: `${number}@s.whatsapp.net` } };
  for (const stanza of ['3EB0BOTH1', '3EB0BOTH2']) await postSigned(wahaMessage(stanza, other, 'Oi', both));
  const records = (await logged()).map(recordOf);
  const [elder, younger] = await Promise.all(
    [`${number}@c.us`, other].map((address) => runtime.directory.find(tenant, instances.waha.line, address)),
  );
  expect(records.filter(({ type }) => type === 'merge.requested')).toMatchObject([
    { actor: younger?.conversation, into: elder?.conversation, requestedBy: 'ingest' },
  ]);
});

test('a large body goes to the blob store, sealed, and is there once however often it comes', async () => {
  const body = JSON.stringify({ event: 'engine.event', payload: { data: 'x'.repeat(300 * 1_024) } });
  expect((await postSigned(body)).json()).toEqual({ accepted: 0, duplicates: 0, ignored: 1 });
  expect((await postSigned(body)).json()).toEqual({ accepted: 0, duplicates: 1, ignored: 0 });
  const record = (await logged()).map(recordOf).find(({ type }) => type === 'webhook.other');
  if (record === undefined) throw new Error('nothing was kept');
  const { raw, rawBlob } = await opened<SealedRaw>(record);
  expect(raw).toBe('');
  const blobs = openBlobs(runtime.database, runtime.vault);
  const owner = { tenant, actor: record.actor };
  expect(await blobs.read(owner, rawBlob ?? '')).toEqual({ state: 'open', value: body });
  expect(await blobs.put(owner, 'p_any', Date.now(), body)).toBe(rawBlob);
  expect(await blobs.read({ tenant, actor: 'c_other' }, rawBlob ?? '')).toBeUndefined();
  expect(await blobs.read({ tenant: 'other', actor: record.actor }, rawBlob ?? '')).toBeUndefined();
});

test('the simulated phone is answered with the ids under which its message is on the log', async () => {
  const answer = await server.inject({
    method: 'POST',
    url: `/webhooks/simulator/${instances.simulator.credentials.webhookToken}`,
    payload: { from: `+${phone}`, text: 'Oi', name: 'Ana Inventada' },
  });
  const [event] = answer.json<{ events: { eventId: string; conversationId: string }[] }>().events;
  const record = (await logged()).map(recordOf).find(({ eventId }) => eventId === event?.eventId);
  expect(record).toMatchObject({ type: 'message.received', actor: event?.conversationId, tenant });
  // The same number on another line is another conversation.
  const found = await runtime.directory.find(tenant, instances.waha.line, phone);
  expect(found?.conversation).not.toBe(event?.conversationId);
});

test('many at once are all recorded, each once', async () => {
  const before = (await logged()).length;
  const bodies = Array.from({ length: 60 }, (_, i) =>
    wahaMessage(`3EB0MANY${i}`, `55119444444${10 + (i % 20)}@c.us`, `n ${i}`),
  );
  const answers = await Promise.all(bodies.map(postSigned));
  expect(answers.map(({ statusCode }) => statusCode)).toEqual(bodies.map(() => 200));
  const records = (await logged()).map(recordOf);
  expect(records.length - before).toBe(60);
  const actors = new Set<string>();
  for (const record of records.filter(({ type }) => type === 'message.received')) {
    if ((await opened<SealedMessage>(record)).chat.startsWith('55119444444')) actors.add(record.actor);
  }
  expect(actors.size).toBe(20);
});

test('without Postgres it is 503, and nothing is acknowledged', async () => {
  const closed = openDatabase({
    url: 'postgres://127.0.0.1:1/none',
    role: 'prosa_ingest',
    connectionsMax: 1,
    applicationName: 'none',
  });
  databases.push(closed);
  const lonely = createHttpServer({ logger: createLogger('silent'), bodyBytesMax });
  const vault = runtime.vault;
  ingestRoutes(lonely, { ...runtime, directory: openDirectory(closed, vault) }, openDuplicateWindow(runtime));
  const answer = await lonely.inject({
    method: 'POST',
    url: `/webhooks/simulator/${instances.simulator.credentials.webhookToken}`,
    payload: { from: '5511955555555', text: 'Oi' },
  });
  expect(answer.statusCode).toBe(503);
  expect(answer.headers['retry-after']).toBeDefined();
  await lonely.close();
});

test('who writes after an erasure is a new person with a new conversation, also to an ingest that knew them', async () => {
  const from = '5511944444444';
  const say = async (id: string): Promise<string> => {
    const answer = await server.inject({
      method: 'POST',
      url: `/webhooks/simulator/${instances.simulator.credentials.webhookToken}`,
      payload: { from, id, text: 'Oi' },
    });
    expect(answer.statusCode).toBe(200);
    return answer.json<{ events: readonly { conversationId: string }[] }>().events[0]?.conversationId ?? '';
  };
  const before = await say('one');
  const person = (await runtime.directory.read(tenant, before))?.person ?? '';
  await asOwner(
    postgres.url,
    `SET row_security = off; UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person}'`,
  );
  // As after five minutes: no key is in memory any more, the address is.
  runtime.vault.seal = openVault(runtime.database, keys).seal;
  const after = await say('two');
  expect(after).not.toBe(before);
  expect(await say('three')).toBe(after);
  expect((await runtime.directory.read(tenant, after))?.person).not.toBe(person);
  expect(await runtime.directory.addressOf(tenant, before)).toBeUndefined();
});
