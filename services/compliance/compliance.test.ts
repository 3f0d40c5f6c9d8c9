import { afterAll, beforeAll, expect, test } from 'vitest';

import type { AuditRecorded } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';

import { storeAudit } from './audit-tables.ts';
import { startCompliance } from './compliance.ts';

let world: TestWorld;
let runtime: Runtime;
let now = Date.parse('2026-03-01T12:00:00Z');

beforeAll(async () => {
  world = await openTestWorld();
  runtime = world.runtime('prosa_worker');
});
afterAll(() => world.close());

const audit = (fields: Partial<AuditRecorded> & Pick<AuditRecorded, 'action' | 'actor'>): AuditRecorded => ({
  type: 'audit.recorded',
  tenant: testTenant,
  eventId: newUlid((now += 1_000)),
  causationId: 'e_cause',
  occurredAt: now,
  providerAt: null,
  revision: world.revision,
  machine: 'conversation',
  machineVersion: '1',
  trigger: 'message.received',
  from: 'consent',
  to: 'name',
  instance: world.instance.id,
  subject: null,
  outcome: null,
  actedBy: null,
  episode: 1,
  ...fields,
});

const query = <Row>(text: string, values: readonly unknown[] = []): Promise<readonly Row[]> =>
  runtime.database.transaction([testTenant], async (sql) => (await sql.query<Row>(text, values)).rows);

const eventsOf = (actor: string) =>
  query<Record<string, unknown>>('SELECT * FROM audit_events WHERE actor = $1 ORDER BY occurred_at, event_id', [actor]);
const consentsOf = (conversation: string) =>
  query<Record<string, unknown>>(
    'SELECT status, notice_version, given_by, at, evidence_event_id FROM consents WHERE conversation = $1 ORDER BY at, event_id',
    [conversation],
  );

const keep = (events: readonly AuditRecorded[]): Promise<void> =>
  runtime.database.transaction([...new Set(events.map(({ tenant }) => tenant))], (sql) => storeAudit(sql, events));

const chain = (actor: string): readonly AuditRecorded[] => [
  audit({ actor, action: 'consent.requested', subject: 'v1' }),
  audit({ actor, action: 'consent.given', subject: 'v1', outcome: 'button', causationId: 'e_yes' }),
  audit({ actor, action: 'conversation.transitioned' }),
  audit({ actor, action: 'consent.withdrawn', subject: 'v1', outcome: 'text', causationId: 'e_stop' }),
];

test('every field of an audit record is a column', async () => {
  const event = audit({
    actor: 'c_fields',
    action: 'conversation.transitioned',
    providerAt: now - 5,
    subject: 's',
    outcome: 'o',
    actedBy: 'k_1',
  });
  await keep([event]);
  const [row] = await eventsOf('c_fields');
  const { type: _, from, to, occurredAt, providerAt, ...rest } = event;
  const snake = Object.fromEntries(
    Object.entries(rest).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
  expect(row).toEqual({
    ...snake,
    from_state: from,
    to_state: to,
    occurred_at: new Date(occurredAt),
    provider_at: providerAt === null ? null : new Date(providerAt),
  });
});

test('consents are a chain that names the notice, the answer and its evidence', async () => {
  await keep(chain('c_chain'));
  expect(await consentsOf('c_chain')).toMatchObject([
    { status: 'requested', notice_version: 'v1', given_by: null },
    { status: 'given', notice_version: 'v1', given_by: 'button', evidence_event_id: 'e_yes' },
    { status: 'withdrawn', notice_version: 'v1', given_by: 'text', evidence_event_id: 'e_stop' },
  ]);
});

test('what was said to marketing is in the chain, at the time at which it was said', async () => {
  const [actor, stoppedAt] = ['c_marketing', now];
  await keep([
    audit({ actor, action: 'marketing.resumed', providerAt: stoppedAt + 500 }),
    audit({ actor, action: 'marketing.stopped', providerAt: stoppedAt }),
  ]);
  expect((await consentsOf(actor)).map(({ status, at }) => [status, at])).toEqual([
    ['marketing-stopped', new Date(stoppedAt)],
    ['marketing-resumed', new Date(stoppedAt + 500)],
  ]);
});

test('the same records again, in any order, change nothing', async () => {
  const events = chain('c_again');
  await keep(events);
  const once = [await eventsOf('c_again'), await consentsOf('c_again')];
  await keep(events.toReversed());
  await keep([...events, ...events]);
  expect([await eventsOf('c_again'), await consentsOf('c_again')]).toEqual(once);
});

test('what is audited cannot be changed or deleted by the services', async () => {
  await keep(chain('c_fixed'));
  for (const database of [runtime.database, world.runtime('prosa_api').database]) {
    for (const table of ['audit_events', 'consents']) {
      for (const statement of [`UPDATE ${table} SET event_id = 'x'`, `DELETE FROM ${table}`]) {
        await expect(database.transaction([testTenant], (sql) => sql.query(statement))).rejects.toThrow(
          /permission denied/,
        );
      }
    }
  }
  expect(await eventsOf('c_fixed')).toHaveLength(4);
});

/** Runs the service until all of the chain on the topic is kept. */
async function allKept(): Promise<void> {
  const service = await startCompliance(runtime);
  try {
    await eventually(
      () => eventsOf('c_topic'),
      (rows) => rows.length === 4,
    );
  } finally {
    await service.stop();
  }
  await service.finished;
}

test('the service stores what is on the topic, parks what is not an audit record, and goes on', async () => {
  const [first, ...rest] = chain('c_topic').map((event) => outgoing(event));
  if (first === undefined) throw new Error('there are events');
  const garbage = { ...first, value: Buffer.from([0, 0, 0, 0, 1, 255]) };
  await world.log.append([first, garbage, first, ...rest]);
  await allKept();
  const parked = await readRecords(world, parkedTopicOf(topics.audit), 'c_topic');
  expect(parked).toMatchObject([{ type: 'record.parked', reason: 'record.undecodable' }]);
});

test('what Postgres lost is stored again, though nothing comes after it; what cannot be decoded is parked once', async () => {
  const lost = await eventsOf('c_topic');
  expect(lost).toHaveLength(4);
  await asOwner(
    world.databaseUrl,
    `UPDATE queue_progress SET next_offset = 0 WHERE consumer_group = 'compliance';
     ALTER TABLE audit_events DISABLE TRIGGER USER; DELETE FROM audit_events WHERE actor = 'c_topic';
     ALTER TABLE audit_events ENABLE TRIGGER USER`,
  );
  expect(await eventsOf('c_topic')).toEqual([]);
  await allKept();
  expect(await readRecords(world, parkedTopicOf(topics.audit), 'c_topic')).toHaveLength(1);
});
