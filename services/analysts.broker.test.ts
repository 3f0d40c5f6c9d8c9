// Goal: an analyst reads every audit event with clients that are not ours, and finds nobody in them.
// Method: people with unique names, numbers and words use the whole program on a real broker; then the
// scripts of docs/analysts.md, taken from the text, read the topic through the program's schema
// registry. What they print is compared with what our own log gives, field by field.
import { execFile, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { Kafka, Partitioners, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { openKafkaLog } from '#runtime/log/adapters/kafka/kafka-log.ts';
import type { LoggedRecord, RecordLog } from '#runtime/log/record-log.ts';
import { newUlid, outgoing, recordOf } from '#runtime/records.ts';
import { registerSchemas } from '#runtime/registry/register-schemas.ts';
import { type FakeWaha, signWahaWebhook, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';
import { startTestRegistry } from '#runtime/testing/schema-registry.ts';
import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';
import { encodeRecord } from '#schemas/codec.ts';
import type { AuditRecorded } from '#schemas/records.ts';
import { subjectTable } from '#schemas/subjects.ts';
import { topicTable, topics } from '#schemas/topics.ts';

import { Program } from './testing/program.ts';
import { spellings } from './testing/spellings.ts';

const pythons = [process.env['PROSA_PYTHON'], '/usr/bin/python3', 'python3'].filter((path) => path !== undefined);
const imports = (modules: string) => (python: string) => spawnSync(python, ['-c', `import ${modules}`]).status === 0;

/** A Python that runs the script, and one that runs it with the client's own deserialiser. */
const plain = pythons.find(imports('confluent_kafka.schema_registry, avro.io'));
const fast = pythons.find(imports('confluent_kafka.schema_registry.avro, avro.io'));
if (plain === undefined) {
  const line =
    'NO STOCK KAFKA CLIENT (python3-confluent-kafka, python3-avro, python3-requests): docs/analysts.md IS NOT TESTED.';
  if (process.env['CI'] !== undefined) throw new Error(line);
  process.stderr.write(`\n${line}\n\n`);
} else if (fast === undefined) {
  process.stderr.write('\nNO FASTAVRO: the second script of docs/analysts.md is not tested.\n\n');
}
const broker = plain === undefined ? undefined : await sharedBroker();

const document = readFileSync(new URL('../docs/analysts.md', import.meta.url), 'utf8');
const [script = '', replacement = ''] = [...document.matchAll(/```python\n([\s\S]*?)```/g)].map(([, code]) => code);
const fastScript = script.replace(/readers = \{\}\n[\s\S]*?\n\n\n(?=partitions)/, () => `${replacement}\n\n`);

const topicPrefix = uniquePrefix();
const partitionCount = 3;
const phone = '5511971330917';
const chatPhone = '5521968804152';
const personal = [
  'Zuleika',
  'Quixabeira',
  'Anacleto',
  'Sapucaia',
  phone,
  chatPhone,
  'paralelepipedo7919x',
  '3EB0FEEDC0FFEE',
];

let program: Program;
let waha: FakeWaha;
let log: RecordLog;
let folder: string;

/** Every field has a value, none of them null. */
const full: AuditRecorded = {
  type: 'audit.recorded',
  tenant: 'demo',
  actor: 'c_every-field',
  eventId: newUlid(Date.now()),
  causationId: 'e_cause',
  occurredAt: 1_767_225_600_123,
  providerAt: 1_767_225_600_000,
  revision: 'r_1',
  action: 'test.every-field',
  machine: 'conversation',
  machineVersion: '1.0.0',
  trigger: 'message.received',
  from: 'consent',
  to: 'menu.início',
  instance: 'i_1',
  subject: 's_1',
  outcome: 'done',
  actedBy: 'k_1',
  episode: 2_147_483_647,
};

beforeAll(async () => {
  if (broker === undefined) return;
  folder = await mkdtemp(join(tmpdir(), 'prosa-analyst-'));
  waha = await startFakeWaha();
  const registry = await startTestRegistry();
  await registerSchemas({ url: registry.url });
  program = await Program.start({
    WAHA_BASE_URL: waha.url,
    KAFKA_BROKERS: broker.brokers.join(','),
    KAFKA_TOPIC_PREFIX: topicPrefix,
    KAFKA_SESSION_TIMEOUT_MS: '6000',
    PROSA_PARTITIONS: String(partitionCount),
    SCHEMA_REGISTRY_URL: registry.url,
  });
  // Everything that follows happens with the registry of the deployment away.
  await registry.close();
  log = await openKafkaLog({
    brokers: broker.brokers,
    clientId: 'test',
    partitionCount,
    topicPrefix,
    replicationFactor: 1,
  });
  await converse();
  await log.append([outgoing(full)]);
  await abortTransaction({ ...full, eventId: 'aborted' });
});

afterAll(async () => {
  if (broker === undefined) return;
  await program.close();
  await log.close();
  await waha.close();
  await rm(folder, { recursive: true, force: true });
});

/** Two people through consent and menu, one on a simulated phone, one through WAHA; then somebody looks at it. */
async function converse(): Promise<void> {
  for (const text of ['Oi', 'sim', 'Zuleika Quixabeira', '1 paralelepipedo7919x', 'PARAR'])
    await program.says(phone, text);
  for (const [index, text] of ['Oi', 'sim', 'Anacleto Sapucaia'].entries()) await sayOnWaha(text, index);
  await eventually(
    () => program.phone(phone),
    (received) => received.length >= 4,
    30_000,
  );
  await eventually(
    () => Promise.resolve(waha.messages),
    (sent) => sent.some(({ chatId, text }) => chatId.startsWith(chatPhone) && text.includes('Anacleto')),
    30_000,
  );
  await program.api('POST', '/v1/conversations/search', { phone });
  await program.api('POST', '/v1/conversations/search', { name: 'Anacleto' });
  await eventually(
    () => records(topics.audit),
    (found) => {
      const actions = found.map((record) => (recordOf(record) as AuditRecorded).action);
      return ['actor.transitioned', 'consent.withdrawn', 'delivery.sent', 'access.search'].every((action) =>
        actions.includes(action),
      );
    },
    30_000,
  );
}

async function sayOnWaha(text: string, index: number): Promise<void> {
  const { webhook, secret } = program.instance('waha');
  const chat = `${chatPhone}@c.us`;
  const body = JSON.stringify({
    event: 'message',
    session: 'default',
    payload: {
      id: `false_${chat}_3EB0FEEDC0FFEE0${index}`,
      timestamp: Math.floor(Date.now() / 1_000) + index,
      from: chat,
      fromMe: false,
      body: text,
      _data: { pushName: 'Anacleto Sapucaia' },
    },
  });
  const response = await fetch(`${program.ready.url}${webhook}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signWahaWebhook(body, secret ?? '') },
    body,
  });
  expect(response.status).toBe(200);
}

/** A record that a transaction wrote and took back: it is on the broker, and no reader may see it. */
async function abortTransaction(record: AuditRecorded): Promise<void> {
  const kafka = new Kafka({ brokers: [...(broker?.brokers ?? [])], clientId: 'test', logLevel: logLevel.NOTHING });
  const producer = kafka.producer({
    transactionalId: `${topicPrefix}aborts`,
    maxInFlightRequests: 1,
    idempotent: true,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({
    topic: `${topicPrefix}${topics.audit}`,
    messages: [{ key: record.actor, value: encodeRecord(record), partition: 0 }],
  });
  await transaction.abort();
  await producer.disconnect();
}

/** Committed records of a topic, through our own log. */
async function records(topic: string): Promise<LoggedRecord[]> {
  const found: LoggedRecord[] = [];
  for (let partition = 0; partition < partitionCount; partition++)
    for await (const batch of log.readRange({ topic, partition, from: 0 })) found.push(...batch);
  return found;
}

type Event = Omit<AuditRecorded, 'type'>;

const eventsOf = (found: readonly LoggedRecord[]): Map<string, Event> =>
  new Map(
    found.map((record) => {
      const { type: _, ...event } = recordOf(record) as AuditRecorded;
      return [event.eventId, event];
    }),
  );

/** Runs a script of the document as the document says. */
async function runScript(python: string, code: string): Promise<Event[]> {
  const file = join(folder, 'audit.py');
  await writeFile(file, code);
  const { stdout } = await promisify(execFile)(python, [file], {
    env: {
      PATH: process.env['PATH'],
      KAFKA_BROKERS: broker?.brokers.join(','),
      SCHEMA_REGISTRY_URL: `${program.ready.url}/schema-registry`,
      AUDIT_TOPIC: `${topicPrefix}${topics.audit}`,
    },
    maxBuffer: 64 * 1_024 * 1_024,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Event);
}

describe.skipIf(broker === undefined)('an analyst with a stock client', () => {
  const variants = [
    ['Apache avro', plain, script],
    ['AvroDeserializer', fast, fastScript],
  ] as const;

  test.each(variants.filter(([, python]) => python !== undefined))(
    'gets every field of every record, with %s',
    { timeout: 60_000 },
    async (deserializer, python = '', code) => {
      expect(code.includes('AvroDeserializer(registry)')).toBe(deserializer === 'AvroDeserializer');
      expect(code.includes('DatumReader(')).toBe(deserializer === 'Apache avro');
      const before = eventsOf(await records(topics.audit));
      const printed = await runScript(python, code);
      const after = eventsOf(await records(topics.audit));

      expect(before.size).toBeGreaterThan(20);
      const byId = new Map(printed.map((event) => [event.eventId, event]));
      expect(byId.size).toBe(printed.length);
      for (const [id, event] of before) expect(byId.get(id)).toEqual(event);
      for (const [id, event] of byId) expect(after.get(id)).toEqual(event);
      expect(byId.has('aborted')).toBe(false);

      const { type: _, ...expected } = full;
      expect(byId.get(full.eventId)).toEqual(expected);
      const [schema] = subjectTable
        .filter(({ name }) => name.endsWith('AuditRecorded'))
        .flatMap(({ versions }) => versions);
      const { fields } = JSON.parse(schema?.text ?? '') as { fields: { name: string }[] };
      for (const event of printed) expect(Object.keys(event)).toEqual(fields.map(({ name }) => name));
    },
  );

  test('sees what the API says was audited', { timeout: 60_000 }, async () => {
    const { conversationId } = await program.says(phone, 'Oi');
    const { body } = await program.api('GET', `/v1/audit?conversation=${conversationId}&limit=200`);
    const { items } = body as { items: Record<string, unknown>[] };
    expect(items.length).toBeGreaterThan(10);
    const printed = await runScript(plain ?? '', script);
    const told = items.map(({ id, type, conversationId: actor, from, to, trigger, outcome }) => ({
      id,
      type,
      actor,
      from,
      to,
      trigger,
      outcome,
    }));
    const read = printed.map(({ eventId, action, actor, from, to, trigger, outcome }) => ({
      id: eventId,
      type: action,
      actor,
      from,
      to,
      trigger,
      outcome,
    }));
    expect(read).toEqual(expect.arrayContaining(told));
  });

  test(
    'finds nobody: not in keys, headers or values of any topic, nor in what the script prints',
    { timeout: 60_000 },
    async () => {
      const needles = personal.flatMap((value) => spellings(value).map((spelling) => ({ value, spelling })));
      const hits = (place: string, bytes: Buffer) =>
        needles.filter(({ spelling }) => bytes.includes(spelling)).map(({ value }) => `${value} in ${place}`);
      expect(hits('itself', Buffer.from(`x${Buffer.from(phone).toString('hex')}`))).not.toEqual([]);

      const found: string[] = [];
      let count = 0;
      for (const { name } of topicTable) {
        for (const { key, headers, value } of await records(name)) {
          count++;
          found.push(...hits(`a key of ${name}`, Buffer.from(key)));
          found.push(...hits(`headers of ${name}`, Buffer.from(JSON.stringify(headers))));
          found.push(...hits(`a value of ${name}`, value));
        }
      }
      expect(count).toBeGreaterThan(50);
      found.push(...hits('the output', Buffer.from(JSON.stringify(await runScript(plain ?? '', script)))));
      expect(found).toEqual([]);
    },
  );
});
