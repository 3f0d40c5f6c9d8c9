/**
 * Parked records through the API, on a real log with a real host and projection: seen by their tenant
 * alone, put back, and then processed or parked again.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parkedTopicOf, topics } from '#schemas/topics.ts';
import { heldMax } from '#runtime/actor/apply.ts';
import { openPostgresLog } from '#runtime/log/adapters/postgres/postgres-log.ts';
import type { RecordPosition } from '#runtime/log/record-log.ts';
import { parkedOf } from '#runtime/parked.ts';
import { newUlid } from '#runtime/records.ts';
import type { RunningService } from '#runtime/runtime.ts';
import { findEcho, findMended } from '#runtime/testing/echo-machine.ts';
import { Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { startConversation } from '../conversation/conversation.ts';
import { startProjection } from '../projection/projection.ts';
import { openApiKeys } from './api-keys.ts';
import { type ParkedPlace, listParked } from './parked-list.ts';
import { type Answer, type ApiWorld, openApiWorld, otherTenant } from './testing/api-world.ts';

let api: ApiWorld;
let conversation: RunningService;
let projection: RunningService;
let phones = 5_511_987_640_000;

beforeAll(async () => {
  api = await openApiWorld();
  const worker = api.world.runtime('prosa_worker', 'test-worker');
  conversation = await startConversation(worker, findEcho);
  projection = await startProjection(worker);
});
afterAll(async () => {
  await Promise.all([conversation.stop(), projection.stop()]);
  await api.close();
});

type Item = Readonly<Record<string, unknown>>;
const itemsOf = (answer: Answer): readonly Item[] => answer.body['items'] as readonly Item[];
const list = (query = '', key = api.keys.operator) => api.call(key, 'GET', `/v1/parked${query}`);
const redriven = (position: unknown, key = api.keys.operator) => api.call(key, 'POST', '/v1/parked/redrive', position);
const meet = () => Person.meet(api.world, api.runtime, String(phones++));

/** Every item of the list, by pages. */
async function listAll(query: string, key = api.keys.operator): Promise<readonly Item[]> {
  const all: Item[] = [];
  let cursor = '';
  for (;;) {
    const page = await list(`?${query}${cursor}`, key);
    expect(page.status).toBe(200);
    all.push(...itemsOf(page));
    if (page.body['next'] === null) return all;
    cursor = `&cursor=${page.body['next'] as string}`;
  }
}

/** What no release can read, on a topic. */
async function appendGarbage(actor: string, tenant = testTenant, topic: string = topics.events) {
  const headers = { ce_tenant: tenant };
  const [position] = await api.world.log.append([{ topic, key: actor, value: Buffer.from('garbage'), headers }]);
  if (position === undefined) throw new Error('nothing was appended');
  return position;
}

/** References to a record on its parked topic; each service that reads the topic writes one. */
const referencesTo = async (actor: string, { topic, offset }: RecordPosition) =>
  (await readRecords(api.world, parkedTopicOf(topic), actor)).filter(
    (record) => record.type === 'record.parked' && record.offset === offset,
  );

/** Garbage that the host and the projection have parked. */
async function parkGarbage(actor: string, tenant = testTenant): Promise<RecordPosition> {
  const position = await appendGarbage(actor, tenant);
  await eventually(
    () => referencesTo(actor, position),
    (found) => found.length === 2,
  );
  return position;
}

const itemAt = ({ topic, partition, offset }: RecordPosition) =>
  expect.objectContaining({ topic, partition, offset }) as Item;

test('garbage is listed once, put back, and parked again where it is now', async () => {
  const actor = `c_${newUlid(Date.now())}`;
  const begun = Date.now();
  const position = await parkGarbage(actor);
  const listed = itemsOf(await list()).filter((item) => item['actor'] === actor);
  expect(listed).toEqual([
    { ...position, reason: 'record.undecodable', actor, parkedAt: expect.stringMatching(/Z$/) as string },
  ]);
  const parkedAt = Date.parse(String(listed[0]?.['parkedAt']));
  expect(Math.abs(parkedAt - begun)).toBeLessThan(60_000);

  const answer = await redriven(position);
  expect(answer.status).toBe(202);
  const back = answer.body as unknown as RecordPosition;
  expect(back).toEqual({ ...position, offset: expect.any(Number) as number });
  expect(back.offset).toBeGreaterThan(position.offset);
  await eventually(
    () => referencesTo(actor, back),
    (found) => found.length === 2,
  );
  const again = itemsOf(await list()).filter((item) => item['actor'] === actor);
  expect(again.map((item) => item['offset'])).toEqual([back.offset, position.offset]);
});

test('who put a record back is audited', async () => {
  const actor = `c_${newUlid(Date.now())}`;
  const position = await parkGarbage(actor);
  expect((await redriven(position, api.keys.admin)).status).toBe(202);
  const holder = await openApiKeys(api.runtime.database).find(api.keys.admin);
  expect(await readRecords(api.world, topics.audit, actor)).toMatchObject([
    {
      type: 'audit.recorded',
      tenant: testTenant,
      action: 'record.redrive-requested',
      subject: `${position.topic}/${position.partition}/${position.offset}`,
      actedBy: holder?.id,
    },
  ]);
});

describe('of another tenant', () => {
  test('nothing is seen and nothing put back; the answer is that to what does not exist', async () => {
    const actor = `c_${newUlid(Date.now())}`;
    const position = await parkGarbage(actor);
    expect((await list('', api.otherKey)).body).toEqual({ items: [], next: null });
    const foreign = await redriven(position, api.otherKey);
    const unknown = await redriven({ ...position, offset: 999_999 }, api.otherKey);
    expect([foreign.status, unknown.status]).toEqual([404, 404]);
    expect({ ...foreign.body, requestId: '' }).toEqual({ ...unknown.body, requestId: '' });
    expect(await readRecords(api.world, topics.audit, actor)).toEqual([]);
    const ends = await api.world.log.ends(topics.events);
    expect(ends[position.partition]?.stableEnd).toBe(position.offset + 1);
  });

  test('its own are seen and put back', async () => {
    const actor = `c_${newUlid(Date.now())}`;
    const position = await parkGarbage(actor, otherTenant);
    expect(itemsOf(await list('', api.otherKey))).toEqual([itemAt(position)]);
    expect(itemsOf(await list('?limit=200'))).not.toContainEqual(itemAt(position));
    expect((await redriven(position)).status).toBe(404);
    expect((await redriven(position, api.otherKey)).status).toBe(202);
  });
});

describe('the list', () => {
  const actors = Array.from({ length: 9 }, (_, i) => `c_list_${i}`);
  const theirs = (items: readonly Item[]) => items.filter(({ actor }) => actors.includes(String(actor)));
  /** Garbage on a topic that nobody reads here, with as many references as readers would have written. */
  const fill = async (topic: string, readers: number): Promise<RecordPosition[]> => {
    const positions: RecordPosition[] = [];
    for (const [i, actor] of actors.entries()) {
      const tenant = i % 3 === 2 ? otherTenant : testTenant;
      const position = await appendGarbage(actor, tenant, topic);
      const value = Buffer.from('garbage');
      const logged = { ...position, key: actor, value, headers: { ce_tenant: tenant }, timestamp: Date.now() };
      const reference = parkedOf(logged, 'record.undecodable');
      await api.world.log.append(Array.from({ length: readers }, () => reference));
      if (tenant === testTenant) positions.push(position);
    }
    return positions;
  };
  let positions: RecordPosition[];
  beforeAll(async () => {
    positions = await fill(topics.effects, 2);
  });

  test('is of the topic asked for, and of the events when none is', async () => {
    const all = theirs(await listAll(`topic=${topics.effects}`));
    for (const position of positions) expect(all).toContainEqual(itemAt(position));
    expect(theirs(await listAll(''))).toEqual([]);
    expect(itemsOf(await list(`?topic=${topics.replies}`))).toEqual([]);
  });

  test('gives every record once by pages of any size, newest first within each partition', async () => {
    const whole = await listAll(`topic=${topics.effects}&limit=200`);
    expect(whole).toHaveLength(positions.length);
    for (const limit of [1, 2, 5, whole.length])
      expect(await listAll(`topic=${topics.effects}&limit=${limit}`)).toEqual(whole);
    expect(new Set(whole.map((item) => `${Number(item['partition'])}/${Number(item['offset'])}`)).size).toBe(
      whole.length,
    );
    const order = whole.map((item) => [Number(item['partition']), -Number(item['offset'])] as const);
    expect(order).toEqual(order.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
  });

  test('is looked through in bounded steps, which lose nothing', async () => {
    const appended = await fill(topics.timers, 1);
    expect(await listAll(`topic=${topics.timers}&limit=1`)).toHaveLength(appended.length);
    for (const offsetsMax of [1, 2]) {
      const found: RecordPosition[] = [];
      let after: ParkedPlace | undefined;
      do {
        const wanted = { tenant: testTenant, topic: topics.timers, after, itemsMax: 200, offsetsMax };
        const { items, next } = await listParked(api.world.log, wanted);
        expect(items.length).toBeLessThanOrEqual(offsetsMax);
        found.push(...items.map(({ record: { topic, partition, offset } }) => ({ topic, partition, offset })));
        after = next;
      } while (after !== undefined);
      expect(found).toHaveLength(appended.length);
      expect(found).toEqual(expect.arrayContaining(appended));
    }
  });

  test('can be read with the role that the API has as a process of its own', async () => {
    const { database } = api.world.runtime('prosa_api', 'test-api-log');
    const log = await openPostgresLog({ database, partitionCount: api.world.log.partitionCount, clientId: 'test' });
    try {
      const wanted = { tenant: testTenant, topic: topics.effects, after: undefined, itemsMax: 200 };
      expect(await listParked(log, wanted)).toEqual(await listParked(api.world.log, wanted));
    } finally {
      await log.close();
    }
  });

  test.each(['[]', '[0]', '[0,-1]', '["0",1]', '[0,1,2]', 'x'])('refuses a cursor it never gave: %s', async (place) => {
    const answer = await list(`?cursor=${Buffer.from(place).toString('base64url')}`);
    expect(answer).toMatchObject({ status: 400, body: { code: 'cursor-invalid' } });
  });
});

describe('what is asked wrongly', () => {
  const good = { topic: topics.events, partition: 0, offset: 0 };
  test.each([
    ['no topic', { partition: 0, offset: 0 }],
    ['an unknown topic', { ...good, topic: 'conversation.secrets' }],
    ['a parked topic', { ...good, topic: parkedTopicOf(topics.events) }],
    ['a negative offset', { ...good, offset: -1 }],
    ['half an offset', { ...good, offset: 0.5 }],
    ['an offset beyond all', { ...good, offset: Number.MAX_SAFE_INTEGER }],
    ['an offset as text', { ...good, offset: '0' }],
    ['no partition', { topic: good.topic, offset: 0 }],
    ['an unknown field', { ...good, actor: 'c_1' }],
    ['a list', [good]],
  ])('a body with %s is refused', async (_, body) => {
    expect(await redriven(body)).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
  });

  test.each(['?topic=conversation.secrets', `?topic=${parkedTopicOf(topics.events)}`, '?limit=0', '?partition=1'])(
    'a list %s is refused',
    async (query) => {
      expect(await list(query)).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
    },
  );

  test('a record that was not parked is not put back', async () => {
    const person = await meet();
    const position = await person.says('olá');
    expect((await redriven(position)).status).toBe(404);
    expect(
      await eventually(
        () => person.replies(),
        (replies) => replies.length > 0,
      ),
    ).toEqual(['1:olá']);
  });

  test('a place that the log does not have is not found', async () => {
    for (const place of [{ partition: 999_999 }, { offset: Number.MAX_SAFE_INTEGER - 1 }])
      expect((await redriven({ ...good, ...place })).status).toBe(404);
  });
});

test('what was parked for a passing cause is processed after it was put back, once', async () => {
  const person = await meet();
  const actor = person.entry.conversation;
  await person.says('boom');
  await Promise.all(Array.from({ length: heldMax - 1 }, (_, i) => person.says(`held ${i}`)));
  const late = await person.says('late');
  const [reference] = await eventually(
    () => referencesTo(actor, late),
    (found) => found.length > 0,
  );
  expect(reference).toMatchObject({ reason: 'actor.held-too-many' });
  expect(itemsOf(await list('?limit=200'))).toContainEqual(itemAt(late));

  // The machine is mended and the conversation released: what was held is answered, what was parked is not.
  await conversation.stop();
  conversation = await startConversation(api.world.runtime('prosa_worker', 'test-mended'), findMended);
  expect((await api.call(api.keys.operator, 'POST', `/v1/conversations/${actor}/release`)).status).toBe(202);
  const repliesOnceThereAre = (count: number) =>
    eventually(
      () => person.replies(),
      (replies) => replies.length >= count,
      30_000,
    );
  expect(await repliesOnceThereAre(heldMax)).not.toContain(`${heldMax + 1}:late`);

  // The second time it is a repetition of what the actor knows.
  for (let i = 0; i < 2; i++) expect((await redriven(late)).status).toBe(202);
  await person.says('last');
  expect((await repliesOnceThereAre(heldMax + 2)).slice(heldMax)).toEqual([
    `${heldMax + 1}:late`,
    `${heldMax + 2}:last`,
  ]);
  expect(await referencesTo(actor, late)).toHaveLength(1);
}, 60_000);

test('what is no longer on the log is said, once', async () => {
  const parked = parkedTopicOf(topics.effects);
  const partition = (await api.world.log.ends(parked)).find(({ stableEnd }) => stableEnd > 0)?.partition ?? 0;
  const offset = (await api.world.log.ends(parked))[partition]?.stableEnd;
  const before = await listAll(`topic=${topics.effects}`);
  expect((await list(`?topic=${topics.effects}&limit=200`)).body).not.toHaveProperty('unretained');
  await asOwner(
    api.world.databaseUrl,
    `DELETE FROM log.records WHERE topic = '${parked}' AND partition = ${partition};
     UPDATE log.partitions SET start_offset = next_offset WHERE topic = '${parked}' AND partition = ${partition}`,
  );
  const { body } = await list(`?topic=${topics.effects}&limit=200`);
  expect(body).toMatchObject({ next: null, unretained: [{ partition, offset }] });
  expect(body['items']).toEqual(before.filter((item) => item['partition'] !== partition));
});
