// Goal: every kind of message through one interface, both ways. Method: the whole program with a simulated phone
// and a fake WAHA; each kind is asked for over the API and seen at the phone, at WAHA and in the history; a
// person does everything that a phone can do, and it is seen in the history.
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type FakeWaha, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';
import { testDatabase } from '#runtime/testing/postgres.ts';

import { Program } from './testing/program.ts';

const phone = '5511966660001';
const photo = { kind: 'image', url: 'https://files.example/foto.png', mimetype: 'image/png', caption: 'Fachada' };
const contract = {
  kind: 'document',
  url: 'https://files.example/c.pdf',
  mimetype: 'application/pdf',
  filename: 'contrato.pdf',
};
const sections = [{ title: 'Manhã', rows: [{ id: 'slot.9', title: 'Nove horas', description: 'Dra. Ana' }] }];

interface Shown {
  readonly type: string;
  readonly text?: string;
  readonly [part: string]: unknown;
}

/** What is asked for, what the phone then shows, and by which call WAHA sends it. */
const kinds: readonly (readonly [string, object, Shown, string])[] = [
  ['text', { text: 'Olá' }, { type: 'text', text: 'Olá' }, 'sendText'],
  [
    'buttons',
    { text: 'Vem?', buttons: [{ id: 'y', title: 'Sim' }] },
    { type: 'buttons', text: 'Vem?', buttons: [{ id: 'y', title: 'Sim' }] },
    'sendText',
  ],
  [
    'list',
    { text: 'Quando?', list: { button: 'Ver', sections } },
    { type: 'list', text: 'Quando?', list: { button: 'Ver', sections } },
    'sendText',
  ],
  [
    'image',
    { media: photo },
    { type: 'image', text: 'Fachada', media: { url: photo.url, mimetype: 'image/png' } },
    'sendImage',
  ],
  ['document', { media: contract }, { type: 'document', media: { filename: 'contrato.pdf' } }, 'sendFile'],
  [
    'voice note',
    { media: { kind: 'audio', url: 'https://files.example/a.ogg', mimetype: 'audio/ogg', voice: true } },
    { type: 'audio', media: { voice: true } },
    'sendVoice',
  ],
  [
    'video',
    { media: { kind: 'video', url: 'https://files.example/v.mp4', mimetype: 'video/mp4' } },
    { type: 'video' },
    'sendVideo',
  ],
  [
    'sticker',
    { media: { kind: 'sticker', url: 'https://files.example/s.webp', mimetype: 'image/webp' } },
    { type: 'sticker' },
    'sendSticker',
  ],
  [
    'location',
    { location: { latitude: -23.56, longitude: -46.65, name: 'Clínica Boa' } },
    { type: 'location', location: { latitude: -23.56, longitude: -46.65, name: 'Clínica Boa' } },
    'sendLocation',
  ],
  [
    'contacts',
    { contacts: [{ name: 'Recepção', phone: '551133334444' }] },
    { type: 'contacts', contacts: [{ name: 'Recepção', phone: '551133334444' }] },
    'sendContactVcard',
  ],
  [
    'template',
    { template: { name: 'lembrete', language: 'pt_BR', body: ['Beatriz'] } },
    { type: 'template', text: 'Olá, Beatriz!', template: { name: 'lembrete', language: 'pt_BR' } },
    'sendText',
  ],
];

interface Item {
  readonly id: string;
  readonly direction: string;
  readonly kind: string;
  readonly text: string | null;
  readonly messageId: string | null;
  readonly status: string | null;
  readonly content: Readonly<Record<string, unknown>>;
  readonly changes: readonly Readonly<Record<string, unknown>>[];
}

let waha: FakeWaha;
let database: Awaited<ReturnType<typeof testDatabase>>;
let program: Program;
let conversation: string;
let instances: Readonly<Record<'simulator' | 'waha', string>>;

beforeAll(async () => {
  waha = await startFakeWaha();
  database = await testDatabase();
  program = await Program.start({ DATABASE_URL: database.url });
  const made = await program.api('POST', '/v1/instances', {
    provider: 'waha',
    name: 'fast',
    config: { baseUrl: waha.url, session: 'default', engine: 'NOWEB', limits: { initiatedPerMinute: null } },
  });
  instances = { simulator: program.instance('simulator').id, waha: (made.body as { id: string }).id };
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  await client.query(
    `INSERT INTO templates (tenant, business_account, name, language, id, category, status, components, synced_at)
     VALUES ('demo', '1', 'lembrete', 'pt_BR', '1', 'UTILITY', 'APPROVED', '[{"type":"BODY","text":"Olá, {{1}}!"}]', now())`,
  );
  await client.end();
  conversation = (await program.says(phone, 'Oi', 'first')).conversationId;
  await eventually(
    () => program.phone(phone),
    ({ length }) => length > 0,
  );
});

afterAll(async () => {
  await program.close();
  await database.close();
  await waha.close();
});

async function send(body: object, provider: 'simulator' | 'waha' = 'simulator'): Promise<string> {
  const wanted = { instanceId: instances[provider], to: phone, ...body };
  const answer = await program.api('POST', '/v1/messages', wanted);
  expect(answer).toMatchObject({ status: 202 });
  return (answer.body as { id: string }).id;
}

const sent = (id: string) =>
  eventually(
    async () => (await program.api('GET', `/v1/messages/${id}`)).body as { status: string },
    ({ status }) => status === 'sent',
  );

const act = async (body: object) => {
  const answer = await program.api('POST', '/v1/simulator/messages', { from: phone, ...body });
  expect(answer).toMatchObject({ status: 202 });
  return answer.body as { eventId: string; messageId: string };
};

const history = async (): Promise<readonly Item[]> =>
  ((await program.api('GET', `/v1/conversations/${conversation}/messages?limit=200`)).body as { items: Item[] }).items;

const item = async (holds: (one: Item) => boolean): Promise<Item> => {
  const [found] = await eventually(
    async () => (await history()).filter(holds),
    ({ length }) => length > 0,
  );
  if (found === undefined) throw new Error('it is not there');
  return found;
};

describe('what is asked for over the API', () => {
  test.each(kinds)('%s: the phone shows it, and so does the history', async (_, wanted, shown) => {
    const id = await send(wanted);
    await sent(id);
    expect((await program.phone(phone)).at(-1)).toMatchObject(shown);
    const kept = await item(({ messageId, status }) => messageId === id && status === 'sent');
    const { type, text } = shown;
    expect(kept).toMatchObject({ kind: type, content: { kind: type }, ...(text === undefined ? {} : { text }) });
  });

  test('and WAHA is asked for it, in order', async () => {
    const ids = [];
    for (const [, wanted] of kinds) ids.push(await send(wanted, 'waha'));
    for (const id of ids) await sent(id);
    expect(waha.messages.map(({ route }) => route)).toEqual(kinds.map(([, , , route]) => route));
  });

  test('a reaction and an answer name messages of either side', async () => {
    const received = await item(({ direction, text }) => direction === 'in' && text === 'Oi');
    const asked = await send({ text: 'Primeira' });
    await sent(asked);
    const ours = (await program.phone(phone)).at(-1)?.id;
    await sent(await send({ reaction: { messageId: received.id, emoji: '👍' } }));
    expect((await program.phone(phone)).at(-1)).toMatchObject({ reaction: { messageId: 'first', emoji: '👍' } });
    await sent(await send({ text: 'Segunda', replyTo: asked, typingMs: 50 }));
    expect((await program.phone(phone)).at(-1)).toMatchObject({ text: 'Segunda', replyTo: ours });
  });

  test.each(['Fachada', 'contrato.pdf', 'Nove horas', 'Dra. Ana', 'Beatriz', 'Clínica Boa', 'Recepção'])(
    'is found by %s',
    async (text) => {
      const found = await program.api('POST', '/v1/conversations/search', { text });
      expect(JSON.stringify(found.body)).toContain(conversation);
    },
  );
});

describe('what a person does at the phone', () => {
  test.each([
    ['text', { text: 'escrito' }, { text: 'escrito' }],
    ['button', { button: { id: 'y', title: 'Sim' } }, { text: 'Sim' }],
    ['list', { list: { id: 'slot.9', title: 'Nove' } }, { text: 'Nove' }],
    [
      'image',
      { media: { kind: 'image', url: 'https://files.example/x.png', caption: 'receita' } },
      { text: 'receita' },
    ],
    ['document', { media: { kind: 'document', filename: 'exame.pdf' } }, { text: 'exame.pdf' }],
    ['location', { location: { latitude: 1, longitude: 2, address: 'Rua A' } }, { text: 'Rua A' }],
    ['contacts', { contacts: [{ name: 'João', phone: '5511900000000' }] }, { text: 'João' }],
    ['poll', { messageId: 'poll', poll: { name: 'Dia?', options: ['seg', 'ter'] } }, { text: 'Dia?' }],
  ])('%s is kept as it is', async (kind, body, kept) => {
    const { eventId } = await act(body);
    expect(await item(({ id }) => id === eventId)).toMatchObject({ direction: 'in', kind, ...kept });
  });

  test('a tap on a message of ours, and its taking back', async () => {
    const asked = await send({ text: 'Gostou?' });
    await sent(asked);
    const messageId = (await program.phone(phone)).at(-1)?.id ?? '';
    await act({ reaction: { messageId, emoji: '❤️' } });
    await act({ reaction: { messageId, emoji: '' } });
    const { changes } = await item((one) => one.messageId === asked && one.changes.length === 2);
    expect(changes).toMatchObject([{ change: 'reacted', reaction: '❤️' }, { change: 'unreacted' }]);
  });

  test('a change, a deletion and a vote', async () => {
    const { eventId, messageId } = await act({ text: 'erado' });
    await act({ edit: { messageId, text: 'errado' } });
    await act({ revoke: { messageId } });
    await act({ vote: { messageId: 'poll', options: ['ter'] } });
    expect((await item((one) => one.id === eventId && one.changes.length === 2)).changes).toMatchObject([
      { change: 'edited', text: 'errado' },
      { change: 'revoked' },
    ]);
    expect((await item((one) => one.kind === 'poll' && one.changes.length === 1)).changes).toMatchObject([
      { change: 'voted', options: ['ter'] },
    ]);
  });
});
