/**
 * The projection against real Postgres and the Postgres log: what the tables say, that every order and
 * repetition says the same, and that lost tables come back.
 */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';

import type { SealedDelivery, SealedMessage, SealedStatus } from '#schemas/content.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { project, startProjection } from './projection.ts';
import { rebuiltTables } from './tables.ts';

let world: TestWorld;
let runtime: Runtime;
let phones = 5_511_900_000_000;

beforeAll(async () => {
  world = await openTestWorld();
  runtime = world.runtime('prosa_worker');
});
afterAll(() => world.close());

const meet = (): Promise<Person> => Person.meet(world, world.runtime('prosa_api'), String(phones++));

const query = <Row>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
  runtime.database.transaction([testTenant], async (sql) => (await sql.query<Row>(text, values)).rows);

interface HistoryRow {
  readonly id: string;
  readonly direction: string;
  readonly origin: string;
  readonly status: string | null;
}

const history = (person: Person): Promise<readonly HistoryRow[]> =>
  query('SELECT id, direction, origin, status FROM message_history WHERE conversation = $1 ORDER BY at, id', [
    person.entry.conversation,
  ]);

/** Everything that the projection wrote of a conversation, without what sealing makes different each time. */
const everything = async (person: Person) => {
  const { conversation } = person.entry;
  const of = (text: string) => query<Record<string, unknown>>(text, [conversation]);
  return {
    journal: await of('SELECT * FROM journal WHERE actor = $1 ORDER BY record_offset'),
    messages: await of('SELECT * FROM message_history WHERE conversation = $1 ORDER BY id'),
    marks: await of('SELECT * FROM message_marks WHERE conversation = $1 ORDER BY mark'),
    links: await of('SELECT * FROM message_links WHERE conversation = $1 ORDER BY stable_index'),
    changes: await of('SELECT * FROM message_changes WHERE conversation = $1 ORDER BY id'),
    contacts: await of(
      'SELECT person, name_index, name_event, first_seen_at, last_seen_at FROM contacts WHERE conversation = $1',
    ),
    words: await of('SELECT word_index FROM contact_words WHERE conversation = $1 ORDER BY word_index'),
  };
};

const messageOf = (stableId: string, name?: string): SealedMessage => ({
  messageId: `true_${stableId}`,
  stableId,
  chat: 'chat',
  sender: { address: 'chat', ...(name === undefined ? {} : { name }) },
  content: { kind: 'text', text: 'oi' },
});

const received = (person: Person, stableId: string, name?: string) =>
  person.tell(
    { type: 'message.received', instance: world.instance.id, kind: 'text', group: false },
    messageOf(stableId, name),
  );

const replied = (person: Person, eventId: string) =>
  person.tell(
    {
      type: 'reply.requested',
      eventId,
      instance: world.instance.id,
      messageId: null,
      origin: 'machine',
      priority: 'normal',
      kind: 'text',
      sealed: null,
    },
    undefined,
  );

const delivered = (person: Person, deliveryId: string, status: string, stableId?: string) => {
  const sealed: SealedDelivery = stableId === undefined ? {} : { messageId: `true_${stableId}`, stableId };
  return person.tell(
    { type: 'delivery.updated', instance: world.instance.id, deliveryId, status, reason: null, attempts: 1 },
    sealed,
  );
};

const acknowledged = (person: Person, stableId: string, status: string) => {
  const sealed: SealedStatus = { messageId: `true_${stableId}`, stableId, chat: 'chat' };
  return person.tell({ type: 'message.status', instance: world.instance.id, status, reason: null }, sealed);
};

const echoed = (person: Person, stableId: string, source: string) =>
  person.tell(
    { type: 'message.echoed', instance: world.instance.id, kind: 'text', source, group: false },
    messageOf(stableId),
  );

/** The records of a conversation as they are on the log, of both topics. */
async function logged(person: Person): Promise<LoggedRecord[]> {
  const records: LoggedRecord[] = [];
  const partition = world.log.partitionOf(person.entry.conversation);
  for (const topic of [topics.events, topics.replies]) {
    for await (const batch of world.log.readRange({ topic, partition, from: 0 })) {
      records.push(...batch.filter(({ key }) => key === person.entry.conversation));
    }
  }
  return records;
}

/** Projects one record as a slice of its own. `from` 0: in these tests the order does not follow the log. */
const projectOne = (record: LoggedRecord): Promise<void> =>
  project(runtime, {
    topic: record.topic,
    partition: record.partition,
    from: 0,
    to: record.offset + 1,
    records: [record],
  });

async function whileRunning(work: () => Promise<void>): Promise<void> {
  const service = await startProjection(runtime);
  try {
    await work();
  } finally {
    await service.stop();
  }
  await service.finished;
}

test('a conversation becomes journal, history and contact', async () => {
  const person = await meet();
  await received(person, 'IN1', 'Maria Silva');
  await replied(person, 'a_reply1');
  await delivered(person, 'a_reply1', 'sent', 'OUT1');
  await acknowledged(person, 'OUT1', 'read');
  await echoed(person, 'APP1', 'app');
  await whileRunning(async () => {
    await eventually(
      () => history(person),
      (rows) => rows.length === 3 && rows.every(({ direction, status }) => direction === 'in' || status !== null),
    );
  });
  expect((await history(person)).map(({ direction, origin, status }) => [direction, origin, status])).toEqual([
    ['in', 'person', null],
    ['out', 'machine', 'read'],
    ['out', 'app', 'sent'],
  ]);
  const { journal, contacts } = await everything(person);
  expect(journal.map((row) => row['type'])).toEqual([
    'message.received',
    'delivery.updated',
    'message.status',
    'message.echoed',
  ]);
  expect(contacts).toMatchObject([{ person: person.entry.person }]);
  const onLog = await logged(person);
  const events = onLog.filter(({ topic }) => topic === topics.events);
  expect(journal.map((row) => row['value'])).toEqual(events.map(({ value }) => value));
});

test('nothing of a person is in the tables but sealed or hashed', async () => {
  const person = await meet();
  await received(person, 'CANARYID0001', 'Quitéria Canário');
  for (const record of await logged(person)) await projectOne(record);
  const text = JSON.stringify(await everything(person), (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'data' in value
      ? Buffer.from(value.data as number[]).toString('latin1')
      : value,
  );
  for (const secret of ['CANARYID0001', 'Quitéria', 'quiteria', 'Can']) expect(text).not.toContain(secret);
});

test('messages of one millisecond are in the order in which they were said', async () => {
  const person = await meet();
  const at = Date.now();
  const fields = { occurredAt: at, instance: world.instance.id, kind: 'text' };
  const reply = { ...fields, type: 'reply.requested', messageId: null, origin: 'machine', priority: 'normal' } as const;
  // Ids of replies are hashes: their order says nothing.
  for (const eventId of ['a_9', 'a_1', 'a_5']) await person.tell({ ...reply, eventId });
  await person.tell({ ...fields, type: 'message.received', eventId: 'z_last', group: false }, messageOf('ORDER'));
  for (const record of (await logged(person)).toReversed()) await projectOne(record);
  const rows = await query<{ id: string }>(
    'SELECT id FROM message_history WHERE conversation = $1 ORDER BY at, lane, record_offset',
    [person.entry.conversation],
  );
  expect(rows.map(({ id }) => id)).toEqual(['z_last', 'a_9', 'a_1', 'a_5']);
});

test('the same slices again change nothing', async () => {
  const person = await meet();
  await received(person, 'IN2', 'Ana');
  await replied(person, 'a_reply2');
  await delivered(person, 'a_reply2', 'sent', 'OUT2');
  const records = await logged(person);
  for (const record of records) await projectOne(record);
  const once = await everything(person);
  for (const record of [...records, ...records.toReversed()]) await projectOne(record);
  expect(await everything(person)).toEqual(once);
});

test('no order of statuses matters, and none goes backwards', async () => {
  const kinds = ['reply', 'sent', 'unknown', 'server-sent', 'delivered', 'read', 'echo'] as const;
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray([...kinds, 'sent' as const, 'delivered' as const], { minLength: 2 }),
      fc.array(fc.nat(), { minLength: 12, maxLength: 12 }),
      async (order, places) => {
        const person = await meet();
        const id = `a_${person.entry.conversation}`;
        const stable = `S-${person.entry.conversation}`;
        const known = new Set<string>([...order, 'reply']);
        await replied(person, id);
        // The sender knows the provider's id only when it was told: every report of the provider needs that link.
        await delivered(person, id, 'sent', stable);
        for (const kind of order) {
          if (kind === 'unknown') await delivered(person, id, 'unknown');
          if (kind === 'server-sent') await acknowledged(person, stable, 'sent');
          if (kind === 'delivered' || kind === 'read') await acknowledged(person, stable, kind);
          if (kind === 'echo') await echoed(person, stable, 'api');
        }
        const records = await logged(person);
        const shuffled = records
          .map((record, i) => ({ record, place: places[i] ?? 0 }))
          .sort((a, b) => a.place - b.place);
        for (const { record } of shuffled) await projectOne(record);
        const rows = await history(person);
        // One message, whatever its echo: never two.
        expect(rows).toHaveLength(1);
        expect(rows[0]).toMatchObject({
          id,
          status: known.has('read') ? 'read' : known.has('delivered') ? 'delivered' : 'sent',
        });
      },
    ),
    { numRuns: 25 },
  );
});

test('a message that the webhook brought twice is shown once', async () => {
  const person = await meet();
  await received(person, 'TWICE');
  await received(person, 'TWICE');
  for (const record of (await logged(person)).toReversed()) await projectOne(record);
  const rows = await history(person);
  expect(rows).toHaveLength(1);
  const [first] = (await readRecords(world, topics.events, person.entry.conversation))
    .map(({ eventId }) => eventId)
    .sort();
  expect(rows[0]?.id).toBe(first);
});

test('a contact has the newest name, in whatever order records come', async () => {
  const person = await meet();
  await received(person, 'N1', 'Maria');
  await received(person, 'N2', 'Maria Souza');
  const [first, second] = await logged(person);
  if (first === undefined || second === undefined) throw new Error('two records were appended');
  for (const record of [first, second, first]) await projectOne(record);
  const { contacts } = await everything(person);
  const [row] = contacts;
  const name = await query<{ name_sealed: Buffer; name_event: string }>(
    'SELECT name_sealed, name_event FROM contacts WHERE conversation = $1',
    [person.entry.conversation],
  );
  const opened = await runtime.vault.open(
    {
      tenant: testTenant,
      actor: person.entry.conversation,
      type: 'contact.name',
      eventId: name[0]?.name_event ?? '',
    },
    name[0]?.name_sealed ?? Buffer.alloc(0),
  );
  expect(opened).toEqual({ state: 'open', value: 'Maria Souza' });
  expect(row?.['first_seen_at']).not.toBeNull();
});

test('emptied tables are filled again from the log, and progress never claims what is not there', async () => {
  const person = await meet();
  await received(person, 'G1', 'Rita');
  await replied(person, 'a_replyG');
  await whileRunning(async () => {
    await eventually(
      () => history(person),
      (rows) => rows.length === 2,
    );
  });
  const before = await everything(person);
  await asOwner(world.databaseUrl, `TRUNCATE ${rebuiltTables}`);
  const partition = world.log.partitionOf(person.entry.conversation);
  await received(person, 'G2');
  await whileRunning(async () => {
    await eventually(
      () => history(person),
      (rows) => rows.length === 3,
    );
    const progress = await query<{ next_offset: string }>(
      'SELECT next_offset FROM journal_progress WHERE partition = $1',
      [partition],
    );
    const [last] = (await logged(person)).filter(({ topic }) => topic === topics.events).slice(-1);
    expect(Number(progress[0]?.next_offset)).toBeGreaterThan(last?.offset ?? Infinity);
  });
  const after = await everything(person);
  expect(after.journal).toEqual([...before.journal, after.journal.at(-1)]);
  expect(after.contacts).toMatchObject([{ name_index: before.contacts[0]?.['name_index'] }]);
  expect(after.words).toEqual(before.words);
});

test.each([
  ['empty', 'TRUNCATE journal, journal_progress'],
  ['an older copy', 'TRUNCATE journal; UPDATE journal_progress SET next_offset = 0'],
])('a stretch behind a gap first closes the gap: tables are %s', async (_, loss) => {
  const person = await meet();
  await received(person, 'H1');
  await received(person, 'H2');
  const records = (await logged(person)).filter(({ topic }) => topic === topics.events);
  const [, second] = records;
  if (second === undefined) throw new Error('two records were appended');
  await asOwner(world.databaseUrl, loss);
  await project(runtime, {
    topic: topics.events,
    partition: second.partition,
    from: second.offset,
    to: second.offset + 1,
    records: [second],
  });
  expect((await everything(person)).journal.map((row) => Number(row['record_offset']))).toEqual(
    records.map(({ offset }) => offset),
  );
});

test('what cannot be decoded is parked by reference, and the partition goes on', async () => {
  const person = await meet();
  const { conversation } = person.entry;
  const headers = { ce_tenant: testTenant };
  const garbage = { topic: topics.events, key: conversation, value: Buffer.from('no record'), headers };
  const [position] = await world.log.append([garbage]);
  await received(person, 'P1');
  await whileRunning(async () => {
    await eventually(
      () => history(person),
      (rows) => rows.length === 1,
    );
  });
  const parked = await readRecords(world, parkedTopicOf(topics.events), conversation);
  expect(parked).toMatchObject([{ type: 'record.parked', offset: position?.offset, reason: 'record.undecodable' }]);
  expect((await everything(person)).journal).toHaveLength(1);
});

test('content that does not open is kept as it is and shown by nobody', async () => {
  const person = await meet();
  await received(person, 'T1', 'Eva');
  const [record] = await logged(person);
  if (record === undefined) throw new Error('a record was appended');
  const damaged = Buffer.from(record.value);
  // The last byte is of the seal's tag.
  damaged.writeUInt8(damaged.readUInt8(damaged.length - 1) ^ 1, damaged.length - 1);
  await projectOne({ ...record, value: damaged });
  const { messages, journal, contacts } = await everything(person);
  expect(messages).toMatchObject([{ stable_index: null }]);
  expect(journal).toHaveLength(1);
  expect(contacts).toMatchObject([{ name_index: null }]);
});

test('an erased person leaves rows without index or name', async () => {
  const person = await meet();
  await received(person, 'E1', 'Iara');
  await asOwner(
    world.databaseUrl,
    `SET row_security = off; UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${person.entry.person}'`,
  );
  const fresh = world.runtime('prosa_worker');
  for (const record of await logged(person)) {
    const { topic, partition, offset } = record;
    await project(fresh, { topic, partition, from: 0, to: offset + 1, records: [record] });
  }
  const { messages, contacts, words } = await everything(person);
  expect(messages).toMatchObject([{ stable_index: null }]);
  expect(contacts).toMatchObject([{ name_index: null }]);
  expect(words).toEqual([]);
});
