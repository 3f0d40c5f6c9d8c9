/**
 * Conversations through the API, with every service running: from a simulated message to lists,
 * history, timeline, time travel, search and audit.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { parkedTopicOf, topics } from '#schemas/topics.ts';
import { eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';

import { type Answer, type ApiWorld, openApiWorld } from './testing/api-world.ts';

type Item = Readonly<Record<string, unknown>>;

let api: ApiWorld;
let admin: string;
let phones = 5_511_987_650_000;

beforeAll(async () => {
  api = await openApiWorld();
  admin = api.keys.admin;
  await api.startServices();
});
afterAll(() => api.close());

const itemsOf = (answer: Answer): readonly Item[] => answer.body['items'] as readonly Item[];
const get = (path: string, key = admin) => api.call(key, 'GET', path);

const says = async (from: string, text: string, name?: string): Promise<string> => {
  const answer = await api.call(admin, 'POST', '/v1/simulator/messages', {
    from,
    text,
    ...(name === undefined ? {} : { name }),
  });
  expect(answer).toMatchObject({ status: 202, body: { eventId: expect.any(String) as string } });
  return String(answer.body['conversationId']);
};

const phoneShows = async (phone: string, count: number): Promise<readonly Item[]> =>
  itemsOf(
    await eventually(
      () => get(`/v1/simulator/messages?phone=${phone}`),
      (answer) => itemsOf(answer).length >= count,
    ),
  );

/** A person who said some things and got an answer to each. */
const talk = async (texts: readonly string[], name?: string): Promise<{ id: string; phone: string }> => {
  const phone = String(phones++);
  let id = '';
  for (const [i, text] of texts.entries()) {
    id = await says(phone, text, name);
    await phoneShows(phone, i + 1);
  }
  const messages = () => get(`/v1/conversations/${id}/messages`);
  await eventually(messages, (answer) => {
    const sent = itemsOf(answer).filter((item) => item['direction'] === 'out');
    return sent.length === texts.length && sent.every((item) => item['status'] === 'sent');
  });
  return { id, phone };
};

/** Steps of the timeline at which something was said; reports of the sender are between them. */
const spoken = async (id: string): Promise<readonly Item[]> =>
  itemsOf(await get(`/v1/conversations/${id}/timeline`)).filter((step) => step['type'] === 'message.received');

const context = (answer: Answer) => (answer.body['state'] as { context?: { count: number } }).context;

test('a simulated message is answered at the phone, once', async () => {
  const { phone } = await talk(['olá', 'tudo bem?']);
  const page = await get(`/v1/simulator/messages?phone=${phone}&limit=1`);
  expect(itemsOf(page)).toMatchObject([{ type: 'text', text: '1:olá' }]);
  const rest = await get(`/v1/simulator/messages?phone=${phone}&after=${String(page.body['next'])}`);
  expect(itemsOf(rest)).toMatchObject([{ text: '2:tudo bem?' }]);
  const after = await get(`/v1/simulator/messages?phone=${phone}&after=${String(rest.body['next'])}`);
  expect(after.body).toEqual({ items: [], next: rest.body['next'] });
});

test('a conversation is read as last committed', async () => {
  const { id } = await talk(['a', 'b']);
  const answer = await get(`/v1/conversations/${id}`);
  expect(answer).toMatchObject({
    status: 200,
    body: {
      id,
      instanceId: api.world.instance.id,
      machine: 'conversation',
      machineVersion: 'echo',
      state: { value: 'listening', context: { count: 2 } },
      status: 'active',
      episode: 1,
      timers: [{ dueAt: expect.any(String) as string }],
    },
  });
  expect(answer.body['nextOffset']).toBeGreaterThan(0);
});

test('roles without personal data see the state without its context', async () => {
  const { id } = await talk(['segredo']);
  for (const path of [`/v1/conversations/${id}`, `/v1/conversations/${id}/state?offset=999999`]) {
    for (const key of [api.keys.analyst, api.keys.auditor]) {
      const answer = await get(path, key);
      expect(answer).toMatchObject({ status: 200, body: { state: { value: 'listening' } } });
      expect(answer.body['state']).not.toHaveProperty('context');
    }
  }
  for (const path of ['', `/${id}/timeline`]) {
    expect((await get(`/v1/conversations${path}`, api.keys.analyst)).text).not.toContain('segredo');
  }
});

test('a conversation is read from the journal when its snapshots are gone or damaged', async () => {
  const { id } = await talk(['a', 'b', 'c']);
  const before = await get(`/v1/conversations/${id}`);
  for (const damage of [
    `UPDATE actor_snapshots SET body = set_byte(body, length(body) - 1, get_byte(body, length(body) - 1) # 1) WHERE actor = '${id}'`,
    `DELETE FROM actor_snapshots WHERE actor = '${id}'`,
  ]) {
    await asOwner(api.world.databaseUrl, damage);
    const { body } = await get(`/v1/conversations/${id}`);
    expect(body['state']).toEqual(before.body['state']);
    expect(body['nextOffset']).toEqual(before.body['nextOffset']);
  }
});

describe('lists', () => {
  test('pages through all conversations, each once, newest change first', async () => {
    const made = [await talk(['1']), await talk(['2']), await talk(['3'])].map(({ id }) => id);
    const seen: Item[] = [];
    let next: string | null = '';
    while (next !== null) {
      const cursor = next === '' ? '' : `&cursor=${encodeURIComponent(next)}`;
      const answer = await get(`/v1/conversations?limit=2${cursor}`);
      expect(answer.status).toBe(200);
      seen.push(...itemsOf(answer));
      next = answer.body['next'] as string | null;
    }
    const ids = seen.map((item) => String(item['id']));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toEqual(expect.arrayContaining(made));
    const times = seen.map((item) => String(item['updatedAt']));
    expect(times).toEqual(times.toSorted().toReversed());
  });

  test('are narrowed by state and instance', async () => {
    const { id } = await talk(['olá', 'bye']);
    const gone = await get('/v1/conversations?state=gone');
    expect(itemsOf(gone).map((item) => item['id'])).toEqual([id]);
    expect(itemsOf(gone)).toMatchObject([
      { state: { value: 'gone' }, status: 'done', instanceId: api.world.instance.id },
    ]);
    const ours = await get(`/v1/conversations?state=gone&instance=${api.world.instance.id}`);
    expect(itemsOf(ours)).toHaveLength(1);
    expect(itemsOf(await get(`/v1/conversations?instance=${api.otherInstance.id}`))).toEqual([]);
  });

  test('of another tenant are another list', async () => {
    await talk(['olá']);
    expect((await get('/v1/conversations', api.otherKey)).body).toEqual({ items: [], next: null });
    expect((await get('/v1/audit', api.otherKey)).body).toEqual({ items: [], next: null });
  });
});

describe('messages', () => {
  test('are the whole talk in order, with status', async () => {
    const { id } = await talk(['um', 'dois']);
    const answer = await get(`/v1/conversations/${id}/messages`);
    expect(itemsOf(answer).map((item) => [item['direction'], item['text'], item['status']])).toEqual([
      ['in', 'um', null],
      ['out', '1:um', 'sent'],
      ['in', 'dois', null],
      ['out', '2:dois', 'sent'],
    ]);
    expect(itemsOf(answer)[0]).toMatchObject({ origin: 'person', kind: 'text', content: { kind: 'text', text: 'um' } });
  });

  test('are paged in both orders', async () => {
    const { id } = await talk(['um', 'dois']);
    for (const order of ['asc', 'desc']) {
      const texts: unknown[] = [];
      let next: string | null = '';
      while (next !== null) {
        const cursor = next === '' ? '' : `&cursor=${next}`;
        const answer = await get(`/v1/conversations/${id}/messages?order=${order}&limit=3${cursor}`);
        texts.push(...itemsOf(answer).map((item) => item['text']));
        next = answer.body['next'] as string | null;
      }
      const inOrder = ['um', '1:um', 'dois', '2:dois'];
      expect(texts).toEqual(order === 'asc' ? inOrder : inOrder.toReversed());
    }
  });

  test('of an erased person are marked as erased', async () => {
    const { id } = await talk(['some', 'thing']);
    const { body } = await get(`/v1/conversations/${id}`);
    await asOwner(
      api.world.databaseUrl,
      `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = '${String(body['personId'])}'`,
    );
    // Unwrapped keys are kept for minutes; another process has none of them.
    const fresh = api.anotherProcess();
    const answer = await fresh.call(admin, 'GET', `/v1/conversations/${id}/messages`);
    expect(itemsOf(answer)).toHaveLength(4);
    for (const item of itemsOf(answer)) expect(item).toMatchObject({ erased: true, text: null, content: null });
    expect((await fresh.call(admin, 'GET', `/v1/conversations/${id}`)).body['state']).toMatchObject({
      value: null,
      erased: true,
    });
  });
});

describe('time travel', () => {
  test('the timeline is every record, in order, with what it caused', async () => {
    const { id } = await talk(['olá', 'bye', 'de novo']);
    const answer = await get(`/v1/conversations/${id}/timeline`);
    const steps = itemsOf(answer);
    const offsets = steps.map((step) => Number(step['offset']));
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    expect((await readRecords(api.world, topics.events, id)).map(({ eventId }) => eventId)).toEqual(
      steps.map((step) => step['eventId']),
    );
    const said = await spoken(id);
    expect(said.map((step) => [step['from'], step['to']])).toEqual([
      ['none', 'listening'],
      ['listening', 'gone'],
      ['gone', 'listening'],
    ]);
    expect(said[0]?.['outputs']).toContainEqual(expect.objectContaining({ type: 'reply.requested' }));
    expect(said[0]?.['outputs']).toContainEqual(expect.objectContaining({ type: 'timer.set' }));
  });

  test('the timeline is paged', async () => {
    const { id } = await talk(['a', 'b']);
    const whole = itemsOf(await get(`/v1/conversations/${id}/timeline`));
    const first = await get(`/v1/conversations/${id}/timeline?limit=1`);
    const rest = await get(`/v1/conversations/${id}/timeline?cursor=${String(first.body['next'])}`);
    expect([...itemsOf(first), ...itemsOf(rest)]).toEqual(whole);
    expect(rest.body['next']).toBeNull();
  });

  test('the state before an offset is what the state was then', async () => {
    const { id } = await talk(['a', 'b', 'c']);
    const said = await spoken(id);
    expect(said).toHaveLength(3);
    for (const [before, step] of said.entries()) {
      const answer = await get(`/v1/conversations/${id}/state?offset=${String(step['offset'])}`);
      expect(answer).toMatchObject({ status: 200, body: { offset: step['offset'] } });
      if (before === 0) expect(answer.body['state']).toEqual({ value: null });
      else expect(context(answer)?.count).toBe(before);
    }
    const end = await get(`/v1/conversations/${id}`);
    const last = await get(`/v1/conversations/${id}/state?offset=${String(end.body['nextOffset'])}`);
    expect(last.body['state']).toEqual(end.body['state']);
  });

  test('the state at a time is what the state was then', async () => {
    const { id } = await talk(['a', 'b']);
    const [, second] = await spoken(id);
    const at = Date.parse(String(second?.['at']));
    const then = await get(`/v1/conversations/${id}/state?at=${new Date(at).toISOString()}`);
    expect(context(then)?.count).toBe(2);
    const before = await get(`/v1/conversations/${id}/state?at=${new Date(at - 1).toISOString()}`);
    expect(context(before)?.count).toBe(1);
    expect((await get(`/v1/conversations/${id}/state?at=2020-01-01T00:00:00-03:00`)).body).toMatchObject({
      state: { value: null },
      at: null,
    });
  });

  test('a journal that is behind answers 503 and not an older state', async () => {
    const { id } = await talk(['a']);
    const partition = api.world.log.partitionOf(id);
    await asOwner(
      api.world.databaseUrl,
      `UPDATE journal_progress SET next_offset = next_offset - 1 WHERE partition = ${partition}`,
    );
    try {
      const answer = await get(`/v1/conversations/${id}/state?offset=999999`);
      expect(answer).toMatchObject({ status: 503, body: { code: 'actor.journal-behind' } });
      expect(answer.headers['retry-after']).toBeDefined();
    } finally {
      await asOwner(
        api.world.databaseUrl,
        `UPDATE journal_progress SET next_offset = next_offset + 1 WHERE partition = ${partition}`,
      );
    }
  });
});

describe('search', () => {
  const search = async (body: object) => api.call(admin, 'POST', '/v1/conversations/search', body);
  const idsOf = (answer: Answer) => itemsOf(answer).map((item) => item['id']);

  test('finds a phone in every spelling, with and without the ninth digit', async () => {
    const { id, phone } = await talk(['olá']);
    const without = phone.replace(/^(55\d\d)9/, '$1');
    for (const spelled of [phone, `+${phone}`, without, phone.slice(2), `(${phone.slice(2, 4)}) ${phone.slice(4)}`]) {
      expect([spelled, idsOf(await search({ phone: spelled }))]).toEqual([spelled, [id]]);
    }
    expect(idsOf(await search({ phone: '5511911112222' }))).toEqual([]);
  });

  test('finds a name by its words and their beginnings, without accents', async () => {
    const { id } = await talk(['olá'], 'Conceição Araújo');
    const found = () => search({ name: 'araujo conc' });
    await eventually(found, (answer) => idsOf(answer).includes(id));
    expect(idsOf(await search({ name: 'Conceicao' }))).toEqual([id]);
    expect(idsOf(await search({ name: 'raújo' }))).toEqual([]);
  });

  test('finds a text in the newest messages and says how far it looked', async () => {
    const { id } = await talk(['quero REMARCAR a sessão']);
    const answer = await search({ text: 'remarcar a sessao' });
    expect(idsOf(answer)).toEqual([id]);
    expect(itemsOf(answer)[0]?.['messages']).toHaveLength(2);
    expect(answer.body).toMatchObject({ complete: true, scanned: expect.any(Number) as number });
    expect(idsOf(await search({ text: 'cancelar a sessão' }))).toEqual([]);
  });

  test('finds nothing of another tenant', async () => {
    const { phone } = await talk(['palavra rara'], 'Nome Raro');
    for (const body of [{ phone }, { name: 'Raro' }, { text: 'palavra rara' }]) {
      const answer = await api.call(api.otherKey, 'POST', '/v1/conversations/search', body);
      expect(answer).toMatchObject({ status: 200, body: { items: [] } });
    }
  });
});

describe('audit', () => {
  const audited = async (id: string, type: string): Promise<readonly Item[]> =>
    itemsOf(await get(`/v1/audit?conversation=${id}&type=${type}`));

  test('every sight of personal content is audited with the key that had it', async () => {
    const { id, phone } = await talk(['olá']);
    const paths = [
      `/v1/conversations/${id}`,
      `/v1/conversations/${id}/state?offset=0`,
      `/v1/conversations/${id}/messages`,
    ];
    for (const path of paths) expect((await get(path, api.keys.operator)).status).toBe(200);
    await api.call(api.keys.operator, 'POST', '/v1/conversations/search', { phone });
    await get(`/v1/conversations/${id}`, api.keys.analyst);
    const { rows } = await api.runtime.database.transaction(['demo'], (sql) =>
      sql.query<{ id: string; role: string }>('SELECT id, role FROM api_keys'),
    );
    const idOf = (role: string) => rows.find((row) => row.role === role)?.id;
    const byOperator = async (type: string) =>
      (await audited(id, type)).filter((event) => event['actedBy'] === idOf('operator')).length;
    await eventually(
      async () => [
        await byOperator('access.context'),
        await byOperator('access.messages'),
        await byOperator('access.found'),
      ],
      (counts) => JSON.stringify(counts) === '[2,1,1]',
    );
    const contexts = await audited(id, 'access.context');
    // The analyst saw none, so there is nothing to audit.
    expect(contexts.some((event) => event['actedBy'] === idOf('analyst'))).toBe(false);
    // Of the key and not of a conversation: it comes on a partition of its own.
    await eventually(
      () => audited(String(idOf('operator')), 'access.search'),
      (events) => events.length > 0,
    );
  });

  test('is searched by conversation, type and time, newest first, in pages', async () => {
    const { id } = await talk(['a', 'bye']);
    const all = await eventually(
      () => get(`/v1/audit?conversation=${id}`),
      (answer) => itemsOf(answer).filter((event) => event['machine'] !== null).length >= 2,
    );
    const times = itemsOf(all).map((event) => String(event['at']));
    expect(times).toEqual(times.toSorted().toReversed());
    const [newest] = times;
    const until = await get(`/v1/audit?conversation=${id}&to=${encodeURIComponent(String(newest))}`);
    expect(itemsOf(until).every((event) => String(event['at']) < String(newest))).toBe(true);
    const first = await get(`/v1/audit?conversation=${id}&to=${String(newest)}&limit=1`, api.keys.analyst);
    const second = await get(
      `/v1/audit?conversation=${id}&to=${String(newest)}&limit=1&cursor=${String(first.body['next'])}`,
    );
    expect([...itemsOf(first), ...itemsOf(second)]).toEqual(itemsOf(until).slice(0, 2));
  });
});

test('a quarantined conversation is shown as such, and goes on after it is released', async () => {
  const { id, phone } = await talk(['olá']);
  await says(phone, 'boom');
  await says(phone, 'depois');
  const quarantined = await eventually(
    () => get(`/v1/conversations/${id}`),
    (answer) => answer.body['held'] === 2,
  );
  expect(quarantined.body).toMatchObject({ status: 'quarantined', quarantine: { code: 'actor.machine-threw' } });
  const released = await api.call(api.keys.operator, 'POST', `/v1/conversations/${id}/release`);
  expect(released).toMatchObject({ status: 202, body: { eventId: expect.any(String) as string } });
  const [record] = (await readRecords(api.world, topics.events, id)).filter(
    ({ type }) => type === 'conversation.released',
  );
  expect(record?.eventId).toBe(released.body['eventId']);
  // The machine still throws at it: held again, nothing is lost, nothing parked.
  const again = await eventually(
    () => get(`/v1/conversations/${id}/timeline`),
    (answer) => itemsOf(answer).some((step) => step['outcome'] === 'released'),
  );
  expect(itemsOf(again).map((step) => step['outcome'])).toEqual(
    expect.arrayContaining(['quarantined', 'held', 'released']),
  );
  expect(await readRecords(api.world, parkedTopicOf(topics.events), id)).toEqual([]);
});
