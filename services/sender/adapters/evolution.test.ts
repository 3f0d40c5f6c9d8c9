/** Every kind of content through the adapter to a fake Evolution: what is asked for, and what becomes of a doubt. */
import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';

import type { OutboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { type EvolutionFault, startFakeEvolution } from '#runtime/testing/fake-evolution.ts';

import type { OutboundMessage } from '../ports/provider.ts';
import { openEvolution } from './evolution.ts';
import { historyOf, idsOf, refusalOf } from './evolution-answers.ts';
import { jidOf } from './evolution-requests.ts';
import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';

const phone = '5511912345678';
const jid = `${phone}@s.whatsapp.net`;
const apiKey = 'an invented key';
const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(name = 'clinica') {
  const fake = await startFakeEvolution({ apiKey, instances: [name] });
  const evolution = openEvolution({ ...providerHttpDefaults, callTimeoutMs: 600 });
  cleanups.push(
    () => fake.close(),
    () => evolution.close(),
  );
  const instance: Instance = {
    id: 'i_1',
    tenant: 'demo',
    line: 'l_1',
    provider: 'evolution',
    name: 'evolution',
    settings: { baseUrl: fake.url, session: name },
    credentials: { webhookToken: 'token', apiKey },
  };
  return { fake, evolution, instance };
}

const message = (content: OutboundContent, given: Partial<OutboundMessage> = {}): OutboundMessage => ({
  deliveryId: 'd_1',
  conversation: 'c_1',
  person: 'p_1',
  chat: `${phone}@c.us`,
  content,
  clientMessageId: '3EB0AAAAAAAAAAAAAAAAAA',
  attempt: 1,
  firstAttemptAt: Date.now(),
  isTaken: () => Promise.resolve(false),
  confirmed: () => Promise.resolve(undefined),
  readFile: (blob) => Promise.resolve(blob === 'b_1' ? Buffer.from('bytes') : undefined),
  ...given,
});

const url = 'https://files.example/a';

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
    { kind: 'list', text: 'Quando?', button: 'Ver', sections: [{ rows: [{ id: '9', title: '9h' }] }] },
    'sendText',
    { text: 'Quando?\n\n1. 9h' },
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
    'sendMedia',
    { mediatype: 'image', media: url, mimetype: 'image/png', caption: 'foto' },
  ],
  [
    'document of our store',
    { kind: 'document', media: { blob: 'b_1', mimetype: 'application/pdf', filename: 'a.pdf' }, caption: 'a conta' },
    'sendMedia',
    { mediatype: 'document', media: Buffer.from('bytes').toString('base64'), fileName: 'a.pdf', caption: 'a conta' },
  ],
  [
    'document without a name',
    { kind: 'document', media: { blob: 'b_1', mimetype: 'application/pdf' }, caption: 'sem nome' },
    'sendMedia',
    { fileName: 'document' },
  ],
  ['audio', { kind: 'audio', media: { url, mimetype: 'audio/mpeg' } }, 'sendMedia', { mediatype: 'audio', media: url }],
  [
    'voice note that WhatsApp plays',
    { kind: 'audio', media: { url, mimetype: 'audio/ogg; codecs=opus', voice: true } },
    'sendWhatsAppAudio',
    { audio: url, encoding: false },
  ],
  [
    'voice note that has to be converted',
    { kind: 'audio', media: { url, mimetype: 'audio/mpeg', voice: true } },
    'sendWhatsAppAudio',
    { encoding: true },
  ],
  ['video', { kind: 'video', media: { url, mimetype: 'video/mp4' } }, 'sendMedia', { mediatype: 'video' }],
  ['sticker', { kind: 'sticker', media: { url, mimetype: 'image/webp' } }, 'sendSticker', { sticker: url }],
  [
    'location',
    { kind: 'location', latitude: -23.5, longitude: -46.6, name: 'Clínica' },
    'sendLocation',
    { latitude: -23.5, longitude: -46.6, name: 'Clínica', address: '' },
  ],
  [
    'contacts',
    { kind: 'contacts', contacts: [{ name: 'Ana Lima', phone: '+55 11 98888-7777' }] },
    'sendContact',
    { contact: [{ fullName: 'Ana Lima', wuid: '5511988887777', phoneNumber: '+5511988887777' }] },
  ],
  [
    'several contacts',
    {
      kind: 'contacts',
      contacts: [
        { name: 'Ana Lima', phone: '5511988887777' },
        { name: 'Bia', phone: '5511977776666' },
      ],
    },
    'sendContact',
    { contact: [{ fullName: 'Ana Lima' }, { fullName: 'Bia' }] },
  ],
];

test.each(kinds)('%s is sent', async (_, content, route, body) => {
  const { fake, evolution, instance } = await open();
  const outcome = await evolution.send(instance, message(content));
  expect(outcome).toMatchObject({ outcome: 'sent', stableId: fake.messages[0]?.id, httpStatus: 201 });
  expect(fake.requests).toMatchObject([
    { route: `message/${route}`, instance: 'clinica', headers: { apikey: apiKey }, body: { number: phone, ...body } },
  ]);
});

test("an instance's name may hold anything", async () => {
  const { fake, evolution, instance } = await open('clínica/à b?');
  expect(await evolution.send(instance, message({ kind: 'text', text: 'oi' }))).toMatchObject({ outcome: 'sent' });
  expect(fake.messages).toHaveLength(1);
});

test.each([
  [`${phone}@c.us`, phone, jid],
  [`${phone}:12@s.whatsapp.net`, phone, jid],
  ['+55 11 91234-5678', phone, jid],
  ['123456789012345@lid', '123456789012345@lid', '123456789012345@lid'],
  ['120363000000000000@g.us', '120363000000000000@g.us', '120363000000000000@g.us'],
])('the number of %s is %s', async (chat, number, address) => {
  const { fake, evolution, instance } = await open();
  await evolution.send(instance, message({ kind: 'text', text: 'oi' }, { chat }));
  expect(fake.requests[0]?.body['number']).toBe(number);
  expect(jidOf(chat)).toBe(address);
});

test('a reaction is put on a message of either side, and taken back', async () => {
  const { fake, evolution, instance } = await open();
  await evolution.send(instance, message({ kind: 'reaction', target: 'AAA', emoji: '👍' }));
  await evolution.send(instance, message({ kind: 'reaction', target: 'BBB', ours: true, emoji: '❤️' }));
  expect(fake.sends().map(({ body }) => body['key'])).toEqual([
    { remoteJid: jid, fromMe: false, id: 'AAA' },
    { remoteJid: jid, fromMe: true, id: 'BBB' },
  ]);
  const back = await evolution.send(instance, message({ kind: 'reaction', target: 'AAA', emoji: '' }));
  // Its answer names an id, but there is no message of it.
  expect(back).toEqual({ outcome: 'sent', httpStatus: 201 });
  expect([...fake.reactions]).toEqual([['BBB', '❤️']]);
});

test('an answer names the message that it answers, in a group with its author', async () => {
  const { fake, evolution, instance } = await open();
  await evolution.send(instance, message({ kind: 'text', text: 'a', replyTo: { target: 'AAA' } }));
  const chat = '120363000000000000@g.us';
  const replyTo = { target: 'BBB', participant: jid };
  await evolution.send(instance, message({ kind: 'text', text: 'b', replyTo }, { chat }));
  expect(fake.sends().map(({ body }) => body['quoted'])).toEqual([
    { key: { remoteJid: jid, fromMe: false, id: 'AAA' } },
    { key: { remoteJid: chat, fromMe: false, id: 'BBB', participant: jid } },
  ]);
});

test('a file of our store that is gone is refused and nothing is asked for', async () => {
  const { fake, evolution, instance } = await open();
  const content: OutboundContent = { kind: 'image', media: { blob: 'b_gone', mimetype: 'image/png' } };
  expect(await evolution.send(instance, message(content))).toEqual({
    outcome: 'refused',
    code: 'content.file-missing',
  });
  expect(fake.requests).toEqual([]);
});

describe('a send whose outcome is not known', () => {
  const other: OutboundContent = { kind: 'image', media: { url, mimetype: 'image/png' }, caption: 'outra' };
  const text: OutboundContent = { kind: 'text', text: 'oi' };

  test.each(kinds)('of %s is found in the history when it arrived', async (_, content) => {
    const { fake, evolution, instance } = await open();
    // What was there before must not be taken for it.
    await evolution.send(instance, message({ kind: 'text', text: 'antes' }));
    if (content.kind !== 'image') await evolution.send(instance, message(other));
    fake.fault({ kind: 'drop-after' });
    expect(await evolution.send(instance, message(content))).toMatchObject({ outcome: 'unknown' });
    const arrived = fake.messages.at(-1);
    const taken = new Set(fake.messages.slice(0, -1).map(({ id }) => id));
    const given = { isTaken: (id: string) => Promise.resolve(taken.has(id)) };
    const resolved = await evolution.resolve(instance, message(content, given));
    expect(resolved).toMatchObject({ outcome: 'sent', stableId: arrived?.id });
    // Nor is it sent again by the next attempt.
    const count = fake.messages.length;
    expect(await evolution.send(instance, message(content, { ...given, attempt: 2 }))).toMatchObject({
      outcome: 'sent',
    });
    expect(fake.messages).toHaveLength(count);
  });

  test.each(kinds)('of %s is not taken for something else that is there', async (_, content) => {
    const { fake, evolution, instance } = await open();
    for (const [, one] of kinds) {
      const alike = one.kind === content.kind && asText(one) === asText(content);
      const bothText = asText(one) === asText(content) && !('media' in one) && !('media' in content);
      const bothFiles = 'media' in one && 'media' in content && content.caption === undefined;
      if (!alike && !bothText && !bothFiles) await evolution.send(instance, message(one));
    }
    fake.fault({ kind: 'drop-before' });
    expect(await evolution.send(instance, message(content))).toMatchObject({ outcome: 'unknown' });
    expect(await evolution.resolve(instance, message(content))).toEqual({
      outcome: 'unknown',
      code: 'outcome.not-found',
    });
  });

  test('is never repeated: it stays unknown where the history cannot be read', async () => {
    const { fake, evolution, instance } = await open();
    fake.fault({ kind: 'status', status: 503, on: 'history' });
    const resolved = await evolution.resolve(instance, message(text));
    expect(resolved).toEqual({ outcome: 'unknown', code: 'outcome.history-unavailable' });
    expect(fake.sends()).toEqual([]);
  });

  test('is not a message of another delivery, of before, or of somebody else', async () => {
    const { fake, evolution, instance } = await open();
    const stored = { instance: 'clinica', remoteJid: jid, message: { conversation: 'oi' }, fromMe: true };
    fake.store({ ...stored, at: Date.now() - 120_000 });
    fake.store({ ...stored, fromMe: false, at: Date.now() });
    fake.store({ ...stored, remoteJid: '5511900000001@s.whatsapp.net', at: Date.now() });
    expect(await evolution.resolve(instance, message(text))).toMatchObject({ outcome: 'unknown' });
    await evolution.send(instance, message(text));
    const taken = fake.messages.at(-1)?.id;
    const isTaken = (id: string) => Promise.resolve(id === taken);
    expect(await evolution.resolve(instance, message(text, { isTaken }))).toMatchObject({ outcome: 'unknown' });
    expect(await evolution.resolve(instance, message(text))).toMatchObject({ outcome: 'sent', stableId: taken });
  });

  test('of a file without a caption is not a file that somebody sent on the phone', async () => {
    const { fake, evolution, instance } = await open();
    const content: OutboundContent = { kind: 'image', media: { url, mimetype: 'image/png' } };
    const file = { imageMessage: { mimetype: 'image/jpeg' } };
    fake.store({ instance: 'clinica', remoteJid: jid, message: file, fromMe: true, at: Date.now() });
    expect(await evolution.resolve(instance, message(content))).toMatchObject({ outcome: 'unknown' });
  });

  test('of a reaction is repeated: it is the same reaction', async () => {
    const { fake, evolution, instance } = await open();
    const reaction = message({ kind: 'reaction', target: 'AAA', emoji: '👍' });
    fake.fault({ kind: 'drop-after' });
    expect(await evolution.send(instance, reaction)).toMatchObject({ outcome: 'unknown' });
    expect(await evolution.resolve(instance, reaction)).toEqual({ outcome: 'repeat' });
    expect(await evolution.send(instance, { ...reaction, attempt: 2 })).toMatchObject({ outcome: 'sent' });
    expect([...fake.reactions]).toHaveLength(1);
  });
});

describe('a fault is told alike for every kind', () => {
  const faults: readonly (readonly [EvolutionFault, object])[] = [
    [
      { kind: 'status', status: 502 },
      { outcome: 'retry', code: 'provider.unavailable' },
    ],
    [
      { kind: 'status', status: 429, retryAfter: '7' },
      { outcome: 'retry', scope: 'instance', afterMs: 7_000 },
    ],
    [
      { kind: 'status', status: 401 },
      { outcome: 'refused', scope: 'instance' },
    ],
    [
      { kind: 'status', status: 500 },
      { outcome: 'unknown', code: 'provider.failed' },
    ],
    [{ kind: 'fail-after' }, { outcome: 'unknown', code: 'provider.failed' }],
    [{ kind: 'drop-before' }, { outcome: 'unknown', code: 'provider.connection-lost' }],
    [
      { kind: 'slow', ms: 1_200 },
      { outcome: 'unknown', code: 'provider.timeout' },
    ],
    [{ kind: 'garbled' }, { outcome: 'sent', httpStatus: 201 }],
  ];

  test.each(faults)('%j', async (fault, expected) => {
    const { fake, evolution, instance } = await open();
    const contents = [...kinds.map(([, content]) => content), { kind: 'reaction', target: 'A', emoji: '👍' } as const];
    const sends = contents.map((content) => {
      fake.fault(fault);
      return evolution.send(instance, message(content));
    });
    for (const outcome of await Promise.all(sends)) expect(outcome).toMatchObject(expected);
  });

  test('an instance that is not connected refuses nothing for good', async () => {
    const { fake, evolution, instance } = await open();
    fake.setState('clinica', 'close');
    for (const [, content] of kinds)
      expect(await evolution.send(instance, message(content))).toMatchObject({ outcome: 'retry', scope: 'instance' });
  });

  test('who is not on WhatsApp, and an instance that does not exist, are told apart', async () => {
    const { fake, evolution, instance } = await open();
    fake.absent.add(phone);
    const text = message({ kind: 'text', text: 'oi' });
    expect(await evolution.send(instance, text)).toMatchObject({
      outcome: 'refused',
      code: 'provider.chat-unknown',
      scope: 'chat',
    });
    const gone = { ...instance, settings: { ...instance.settings, session: 'outra' } };
    expect(await evolution.send(gone, text)).toMatchObject({
      outcome: 'refused',
      code: 'provider.session-unknown',
      scope: 'instance',
    });
  });

  test('a server that is not there was not asked', async () => {
    const { fake, evolution, instance } = await open();
    await fake.close();
    const text = message({ kind: 'text', text: 'oi' });
    expect(await evolution.send(instance, text)).toEqual({ outcome: 'retry', code: 'provider.unreachable' });
  });
});

const faultRuns = Number(process.env['PROSA_FUZZ_RUNS'] ?? 300);

test(
  'through whatever faults, nothing arrives twice, and what is said to have arrived did',
  { timeout: 60_000 + faultRuns * 20 },
  async () => {
    const { fake, evolution, instance } = await open();
    const fault = fc.oneof(
      { weight: 6, arbitrary: fc.constant(undefined) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(500, 502, 503, 504, 429).map((status) => ({ kind: 'status', status }) as const),
      },
      {
        weight: 2,
        arbitrary: fc.constantFrom('drop-before', 'drop-after', 'fail-after', 'garbled').map((kind) => ({ kind })),
      },
    );
    const taken = new Set<string>();
    const isTaken = (id: string) => Promise.resolve(taken.has(id));
    let serial = 0;
    const deliver = async (faults: readonly (EvolutionFault | undefined)[], text: string): Promise<string> => {
      for (const [i, one] of faults.entries()) {
        if (one !== undefined) fake.fault(one);
        // Texts repeat within the chat: only time and ids tell them apart.
        const sent = message({ kind: 'text', text }, { attempt: i + 1, isTaken });
        const outcome = await evolution.send(instance, sent);
        const settled = outcome.outcome === 'unknown' ? await evolution.resolve(instance, sent) : outcome;
        if (settled.outcome === 'sent' && settled.stableId !== undefined) taken.add(settled.stableId);
        if (settled.outcome !== 'retry') return settled.outcome;
      }
      return 'gave up';
    };
    await fc.assert(
      fc.asyncProperty(fc.array(fault, { minLength: 1, maxLength: 5 }), async (faults) => {
        const text = `mensagem ${(serial += 1)}`;
        const became = await deliver(faults, text);
        const arrived = fake.messages.filter(({ message: { conversation } }) => conversation === text).length;
        expect(arrived).toBeLessThanOrEqual(1);
        if (became === 'sent') expect(arrived).toBe(1);
        if (became === 'gave up' || became === 'refused') expect(arrived).toBe(0);
      }),
      { numRuns: faultRuns },
    );
  },
);

describe('courtesies', () => {
  test('typing is asked for once, and its end is not waited for', async () => {
    const { fake, evolution, instance } = await open();
    await evolution.showTyping?.(instance, message({ kind: 'text', text: 'oi' }), 200);
    await expect.poll(() => fake.calls('chat/sendPresence').length).toBe(1);
    expect(fake.calls('chat/sendPresence')).toMatchObject([
      { body: { number: phone, presence: 'composing', delay: 200 } },
    ]);
    await expect.poll(() => fake.calls('chat/sendPresence')[0]?.status).toBe(201);
  });

  test('what a person wrote is marked as read by its id', async () => {
    const { fake, evolution, instance } = await open();
    await evolution.markRead?.(instance, `${phone}@c.us`, 'AAA');
    expect(fake.calls('chat/markMessageAsRead').map(({ body }) => body)).toEqual([
      { readMessages: [{ remoteJid: jid, fromMe: false, id: 'AAA' }] },
    ]);
  });
});

describe('an answer that is not a success', () => {
  const error = (message: unknown) => JSON.stringify({ status: 400, error: 'Bad Request', response: { message } });

  test.each([
    [400, [{ jid, exists: false, number: phone }], 'refused', 'provider.chat-unknown'],
    [400, [['requires property "text"']], 'refused', 'provider.refused'],
    [400, ['Owned media must be a url or base64'], 'refused', 'provider.refused'],
    [400, ['Error: Connection Closed'], 'retry', 'provider.session-not-working'],
    [500, ['Error: Connection Closed'], 'retry', 'provider.session-not-working'],
    [400, ['Error: Timed Out'], 'unknown', 'provider.failed'],
    [400, ['TypeError: Cannot read properties of undefined'], 'unknown', 'provider.failed'],
    [400, ['PrismaClientKnownRequestError: x'], 'unknown', 'provider.failed'],
    [400, ['[object Object]'], 'unknown', 'provider.failed'],
    [401, 'Unauthorized', 'refused', 'provider.unauthorized'],
    [404, ['The "x" instance does not exist'], 'refused', 'provider.session-unknown'],
    [404, ['Cannot POST /x'], 'refused', 'provider.not-found'],
    [413, '', 'refused', 'provider.file-too-large'],
    [500, ['AxiosError: Request failed'], 'unknown', 'provider.failed'],
    [504, undefined, 'unknown', 'provider.failed'],
    [302, undefined, 'refused', 'provider.refused'],
    [199, undefined, 'unknown', 'provider.answer-unexpected'],
  ])('%i %j is %s (%s)', (status, said, outcome, code) => {
    expect(refusalOf(status, error(said))).toMatchObject({ outcome, code, httpStatus: status });
  });

  test.each(['', '<html>', 'null', '[]', '"x"', '{"message":{"deep":1}}'])('may say anything: %s', (body) => {
    expect(refusalOf(503, body)).toMatchObject({ outcome: 'retry' });
    expect(idsOf(body)).toEqual({});
    expect(historyOf(body)).toBeUndefined();
  });
});
