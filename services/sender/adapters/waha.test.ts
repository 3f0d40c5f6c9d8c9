/** Every kind of content through the adapter to a fake WAHA: what is asked for, and what becomes of a doubt. */
import { afterEach, describe, expect, test } from 'vitest';

import type { OutboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { type FakeWahaOptions, type Fault, startFakeWaha } from '#runtime/testing/fake-waha.ts';

import type { OutboundMessage } from '../ports/provider.ts';
import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';
import { openWaha } from './waha.ts';

const phone = '5511912345678';
const chatId = `${phone}@c.us`;
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(options: FakeWahaOptions = {}) {
  const fake = await startFakeWaha(options);
  const waha = openWaha({ ...providerHttpDefaults, callTimeoutMs: 300 });
  cleanups.push(
    () => fake.close(),
    () => waha.close(),
  );
  const instance: Instance = {
    id: 'i_1',
    tenant: 'demo',
    line: 'l_1',
    provider: 'waha',
    name: 'waha',
    settings: { baseUrl: fake.url, session: 'default', engine: options.engine ?? 'NOWEB' },
    credentials: { webhookToken: 'token' },
  };
  return { fake, waha, instance };
}

const message = (content: OutboundContent, given: Partial<OutboundMessage> = {}): OutboundMessage => ({
  deliveryId: 'd_1',
  conversation: 'c_1',
  person: 'p_1',
  chat: `${phone}@s.whatsapp.net`,
  content,
  clientMessageId: '3EB0AAAAAAAAAAAAAAAAAA',
  attempt: 1,
  firstAttemptAt: Date.now(),
  isTaken: () => Promise.resolve(false),
  confirmed: () => Promise.resolve(undefined),
  readFile: (blob) => Promise.resolve(blob === 'b_1' ? Buffer.from('bytes') : undefined),
  ...given,
});

const pdf = { url: 'https://files.example/a.pdf', mimetype: 'application/pdf', filename: 'a.pdf' };
const url = 'https://files.example/a';
const rows = [{ id: '9', title: '9h' }];

/** Each kind, the call that it becomes, and what is in it. */
const kinds: readonly (readonly [string, OutboundContent, string, object])[] = [
  ['text', { kind: 'text', text: 'oi' }, 'sendText', { text: 'oi' }],
  [
    'buttons',
    { kind: 'buttons', text: 'Vem?', buttons: [{ id: 'y', title: 'Sim' }] },
    'sendText',
    { text: 'Vem?\n\n1. Sim' },
  ],
  [
    'list',
    {
      kind: 'list',
      text: 'Quando?',
      button: 'Ver',
      sections: [{ rows }, { title: 'B', rows: [{ id: '2', title: '2h' }] }],
    },
    'sendText',
    { text: 'Quando?\n\n1. 9h\n2. 2h' },
  ],
  [
    'template',
    { kind: 'template', name: 'lembrete', language: 'pt_BR', body: ['10h'], text: 'Às 10h' },
    'sendText',
    { text: 'Às 10h' },
  ],
  [
    'image',
    { kind: 'image', media: { url, mimetype: 'image/png' }, caption: 'foto' },
    'sendImage',
    { file: { url, mimetype: 'image/png' }, caption: 'foto' },
  ],
  [
    'image of our store',
    { kind: 'image', media: { blob: 'b_1', mimetype: 'image/png' } },
    'sendImage',
    { file: { data: Buffer.from('bytes').toString('base64'), mimetype: 'image/png' } },
  ],
  ['document', { kind: 'document', media: pdf, caption: 'a conta' }, 'sendFile', { file: pdf, caption: 'a conta' }],
  [
    'audio',
    { kind: 'audio', media: { url, mimetype: 'audio/mpeg' } },
    'sendFile',
    { file: { mimetype: 'audio/mpeg' } },
  ],
  [
    'voice note that WhatsApp plays',
    { kind: 'audio', media: { url, mimetype: 'audio/ogg; codecs=opus', voice: true } },
    'sendVoice',
    { convert: false },
  ],
  [
    'voice note that has to be converted',
    { kind: 'audio', media: { url, mimetype: 'audio/mpeg', voice: true } },
    'sendVoice',
    { convert: true },
  ],
  ['video', { kind: 'video', media: { url, mimetype: 'video/mp4' } }, 'sendVideo', { convert: false }],
  ['sticker', { kind: 'sticker', media: { url, mimetype: 'image/webp' } }, 'sendSticker', { file: { url } }],
  [
    'location',
    { kind: 'location', latitude: -23.5, longitude: -46.6, name: 'Clínica', address: 'Av. Paulista' },
    'sendLocation',
    { latitude: -23.5, longitude: -46.6, title: 'Clínica\nAv. Paulista' },
  ],
  [
    'contacts',
    { kind: 'contacts', contacts: [{ name: 'Ana; Lima', phone: '+5511988887777' }] },
    'sendContactVcard',
    {
      contacts: [
        { vcard: expect.stringMatching(/\nFN:Ana\\; Lima\nTEL;.*waid=5511988887777:\+5511988887777\n/) as string },
      ],
    },
  ],
];

describe.each(['NOWEB', 'GOWS', 'WEBJS', 'WPP'] as const)('%s sends', (engine) => {
  test.each(kinds)('%s', async (_, content, route, body) => {
    const { fake, waha, instance } = await open({ engine });
    const outcome = await waha.send(instance, message(content));
    const [sent] = fake.messages;
    expect(outcome).toMatchObject({ outcome: 'sent', stableId: sent?.id, httpStatus: 201 });
    expect(fake.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([`POST /api/${route}`]);
    expect(fake.requests[0]?.body).toMatchObject({ session: 'default', chatId, ...body });
    const takesId = ['NOWEB', 'GOWS'].includes(engine) && ['sendText', 'sendLocation'].includes(route);
    expect(sent?.id === '3EB0AAAAAAAAAAAAAAAAAA').toBe(takesId);
  });
});

test('a reaction is put on a message of either side, and taken back', async () => {
  const { fake, waha, instance } = await open();
  await waha.send(instance, message({ kind: 'reaction', target: 'AAA', emoji: '👍' }));
  await waha.send(instance, message({ kind: 'reaction', target: 'BBB', ours: true, emoji: '❤️' }));
  expect([...fake.reactions]).toEqual([
    [`false_${chatId}_AAA`, '👍'],
    [`true_${chatId}_BBB`, '❤️'],
  ]);
  const back = await waha.send(instance, message({ kind: 'reaction', target: 'AAA', emoji: '' }));
  // Its answer names an id, but there is no message of it.
  expect(back).toEqual({ outcome: 'sent', httpStatus: 200 });
  expect([...fake.reactions.keys()]).toEqual([`true_${chatId}_BBB`]);
});

test('an answer names the message that it answers, in a group with its author', async () => {
  const { fake, waha, instance } = await open();
  await waha.send(instance, message({ kind: 'text', text: 'a', replyTo: { target: 'AAA' } }));
  const group = { chat: '120363000000000000@g.us' };
  const replyTo = { target: 'BBB', participant: chatId };
  await waha.send(instance, message({ kind: 'text', text: 'b', replyTo }, group));
  expect(fake.sends().map(({ body }) => (body as { reply_to: string }).reply_to)).toEqual([
    `false_${chatId}_AAA`,
    `false_120363000000000000@g.us_BBB_${chatId}`,
  ]);
});

test('a file of our store that is gone is refused and nothing is asked for', async () => {
  const { fake, waha, instance } = await open();
  const content: OutboundContent = { kind: 'image', media: { blob: 'b_gone', mimetype: 'image/png' } };
  expect(await waha.send(instance, message(content))).toEqual({ outcome: 'refused', code: 'content.file-missing' });
  expect(fake.requests).toEqual([]);
});

test('a sticker is an image where WAHA has no stickers yet', async () => {
  const { fake, waha, instance } = await open({ without: ['sendSticker'] });
  const content: OutboundContent = { kind: 'sticker', media: { url, mimetype: 'image/webp' } };
  expect(await waha.send(instance, message(content))).toMatchObject({ outcome: 'sent' });
  expect(fake.messages).toMatchObject([{ route: 'sendImage', file: { url } }]);
});

describe('a send whose outcome is not known', () => {
  const doubtful = kinds.filter(([name]) => name !== 'image of our store');
  const other: OutboundContent = { kind: 'image', media: { url, mimetype: 'image/png' }, caption: 'outra' };

  test.each(doubtful)('of %s is found in the history when it arrived', async (_, content) => {
    const { fake, waha, instance } = await open({ engine: 'WEBJS' });
    // What was there before must not be taken for it.
    await waha.send(instance, message({ kind: 'text', text: 'antes' }));
    if (content.kind !== 'image') await waha.send(instance, message(other));
    fake.fault({ kind: 'drop-after' });
    expect(await waha.send(instance, message(content))).toMatchObject({ outcome: 'unknown' });
    const arrived = fake.messages.at(-1);
    expect(await waha.resolve(instance, message(content))).toMatchObject({ outcome: 'sent', stableId: arrived?.id });
    // Nor is it sent again by the next attempt.
    const count = fake.messages.length;
    expect(await waha.send(instance, message(content, { attempt: 2 }))).toMatchObject({ outcome: 'sent' });
    expect(fake.messages).toHaveLength(count);
  });

  test.each(doubtful)('of %s is not taken for something else that is there', async (_, content) => {
    const { fake, waha, instance } = await open({ engine: 'WEBJS' });
    for (const [, one] of kinds) {
      const alike = one.kind === content.kind && asText(one) === asText(content);
      if (!alike && !('media' in one && 'media' in content && content.caption === undefined))
        await waha.send(instance, message(one));
    }
    fake.fault({ kind: 'drop-before' });
    expect(await waha.send(instance, message(content))).toMatchObject({ outcome: 'unknown' });
    expect(await waha.resolve(instance, message(content))).toEqual({ outcome: 'unknown', code: 'outcome.not-found' });
  });

  test('of a file without a caption is not a file that somebody sent on the phone', async () => {
    const { fake, waha, instance } = await open({ engine: 'WEBJS' });
    const content: OutboundContent = { kind: 'image', media: { url, mimetype: 'image/png' } };
    const file = { mimetype: 'image/png', url };
    fake.store({ session: 'default', chatId, text: '', fromMe: true, at: Date.now(), file });
    expect(await waha.resolve(instance, message(content))).toMatchObject({ outcome: 'unknown' });
  });

  test.each([
    ['text', true],
    ['location', true],
    ['image', false],
    ['contacts', false],
  ] as const)('of %s may be repeated where the engine knows our id: %s', async (kind, repeatable) => {
    const { waha, instance } = await open({ engine: 'GOWS' });
    const content = kinds.find(([, one]) => one.kind === kind)?.[1];
    if (content === undefined) throw new Error('no such kind');
    const expected = repeatable ? { outcome: 'repeat' } : { outcome: 'unknown', code: 'outcome.not-found' };
    expect(await waha.resolve(instance, message(content))).toEqual(expected);
  });

  test('of a reaction is repeated: it is the same reaction', async () => {
    const { fake, waha, instance } = await open({ engine: 'WEBJS' });
    const reaction = message({ kind: 'reaction', target: 'AAA', emoji: '👍' });
    fake.fault({ kind: 'drop-after' });
    expect(await waha.send(instance, reaction)).toMatchObject({ outcome: 'unknown' });
    expect(await waha.resolve(instance, reaction)).toEqual({ outcome: 'repeat' });
    expect(await waha.send(instance, { ...reaction, attempt: 2 })).toMatchObject({ outcome: 'sent' });
    expect([...fake.reactions]).toHaveLength(1);
  });
});

describe('a fault is told alike for every kind', () => {
  const faults: readonly (readonly [Fault, object])[] = [
    [{ kind: 'restricted' }, { outcome: 'refused', code: 'provider.restricted', scope: 'cold-chats' }],
    [
      { kind: 'status', status: 503 },
      { outcome: 'retry', code: 'provider.unavailable' },
    ],
    [
      { kind: 'status', status: 401 },
      { outcome: 'refused', scope: 'instance' },
    ],
    [{ kind: 'drop-before' }, { outcome: 'unknown', code: 'provider.connection-lost' }],
    [
      { kind: 'delay', ms: 600 },
      { outcome: 'unknown', code: 'provider.timeout' },
    ],
  ];

  test.each(faults)('%j', async (fault, expected) => {
    const { fake, waha, instance } = await open();
    const contents = [...kinds.map(([, content]) => content), { kind: 'reaction', target: 'A', emoji: '👍' } as const];
    const sends = contents.map((content) => {
      fake.fault(fault);
      return waha.send(instance, message(content));
    });
    for (const outcome of await Promise.all(sends)) expect(outcome).toMatchObject(expected);
  });

  test('a session that does not work refuses nothing for good', async () => {
    const { fake, waha, instance } = await open();
    fake.setSession('default', 'SCAN_QR_CODE');
    for (const [, content] of kinds)
      expect(await waha.send(instance, message(content))).toMatchObject({ outcome: 'retry', scope: 'instance' });
  });
});

describe('courtesies', () => {
  test('typing is begun and, when its time is over, ended', async () => {
    const { fake, waha, instance } = await open();
    await waha.showTyping?.(instance, message({ kind: 'text', text: 'oi' }), 60);
    expect(fake.calls('startTyping')).toMatchObject([{ body: { session: 'default', chatId }, status: 201 }]);
    expect(fake.calls('stopTyping')).toEqual([]);
    await expect.poll(() => fake.calls('stopTyping').length).toBe(1);
  });

  test('what a person wrote is marked as read by its id; in a group the chat is', async () => {
    const { fake, waha, instance } = await open();
    await waha.markRead?.(instance, chatId, 'AAA');
    await waha.markRead?.(instance, '120363000000000000@g.us', 'BBB');
    expect(fake.calls('sendSeen').map(({ body }) => body)).toEqual([
      { session: 'default', chatId, messageIds: [`false_${chatId}_AAA`] },
      { session: 'default', chatId: '120363000000000000@g.us' },
    ]);
  });
});
