// The Cloud API's adapter against a fake Graph API: the form of every kind, and what every answer means.
import { afterEach, describe, expect, test, vi } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import type { Template } from '#runtime/templates/templates.ts';
import { type CloudFault, type FakeCloud, startFakeCloud } from '#runtime/testing/fake-cloud.ts';
import type { OutboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import type { MessageProvider, OutboundMessage, SendOutcome } from '../ports/provider.ts';
import { bodyOf, recipientOf } from './cloud-requests.ts';
import { openCloud } from './cloud.ts';
import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';

const token = 'an invented access token';
const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const template: Template = {
  id: '1',
  businessAccountId: '102290129340398',
  name: 'reminder',
  language: 'pt_BR',
  category: 'UTILITY',
  status: 'APPROVED',
  header: { format: 'TEXT', text: 'Olá {{name}}', variables: ['name'] },
  body: { text: 'Dia {{1}} às {{2}}', variables: ['1', '2'] },
  footer: undefined,
  buttons: [
    { index: 0, type: 'QUICK_REPLY', text: 'Sim', variables: 0 },
    { index: 1, type: 'URL', text: 'Ver', variables: 1 },
    { index: 2, type: 'COPY_CODE', text: 'Copiar', variables: 1 },
  ],
  syncedAt: new Date(0),
};

interface Tried {
  readonly fake: FakeCloud;
  readonly instance: Instance;
  readonly provider: MessageProvider;
  send(content: OutboundContent | string, more?: Partial<OutboundMessage>): Promise<SendOutcome>;
}

/** Of a call that is cut off, and long enough for one that is answered. */
const shortMs = 1_200;

/** Long: only a call that is meant to end without an answer is cut off, however busy the machine. */
async function open(callTimeoutMs = 20_000): Promise<Tried> {
  const fake = await startFakeCloud({ token });
  const provider = openCloud(
    { find: async (_tenant, name) => (name === template.name ? template : undefined) },
    { ...providerHttpDefaults, callTimeoutMs },
  );
  cleanups.push(() => provider.close());
  cleanups.push(() => fake.close());
  const instance: Instance = {
    id: 'i_cloud',
    tenant: 'demo',
    line: 'l_cloud',
    provider: 'cloud',
    name: 'cloud',
    settings: { baseUrl: fake.url, phoneNumberId: '106540352242922', graphVersion: 'v26.0' },
    credentials: { webhookToken: 't', apiKey: token },
  };
  return {
    fake,
    instance,
    provider,
    send: (content, more = {}) =>
      provider.send(instance, messageOf(typeof content === 'string' ? { kind: 'text', text: content } : content, more)),
  };
}

const messageOf = (content: OutboundContent, more: Partial<OutboundMessage> = {}): OutboundMessage => ({
  deliveryId: 'd_1',
  conversation: 'c_1',
  person: 'p_1',
  chat: '5511911111111@c.us',
  content,
  clientMessageId: '3EB0',
  attempt: 1,
  firstAttemptAt: 0,
  isTaken: async () => false,
  confirmed: async () => undefined,
  readFile: async () => Buffer.from('the bytes of a file'),
  ...more,
});

describe('a message', () => {
  test('is posted with the token and our delivery’s id; the answer’s id is kept', async () => {
    const { fake, send } = await open();
    const outcome = await send('Olá');
    const [message] = fake.messages;
    expect(outcome).toEqual({
      outcome: 'sent',
      messageId: message?.wamid,
      stableId: message?.wamid,
      httpStatus: 200,
    });
    expect(fake.requests).toMatchObject([
      {
        path: '/v26.0/106540352242922/messages',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: {
          messaging_product: 'whatsapp',
          recipient_type: 'individual',
          to: '5511911111111',
          type: 'text',
          text: { body: 'Olá', preview_url: false },
          biz_opaque_callback_data: 'd_1',
        },
      },
    ]);
  });

  test('that answers another names it', async () => {
    const { fake, send } = await open();
    await send({ kind: 'text', text: 'Sim', replyTo: { target: 'wamid.X' } });
    expect(fake.messages[0]?.body).toMatchObject({ context: { message_id: 'wamid.X' } });
  });

  test.each([
    ['5511911111111', { recipient_type: 'individual', to: '5511911111111' }],
    ['5511911111111:3@s.whatsapp.net', { recipient_type: 'individual', to: '5511911111111' }],
    ['+55 11 91111-1111', { recipient_type: 'individual', to: '5511911111111' }],
    ['BR.13491208655302741918', { recipient_type: 'individual', recipient: 'BR.13491208655302741918' }],
    ['Y2FwaV9ncm91cA==@g.us', { recipient_type: 'group', to: 'Y2FwaV9ncm91cA==' }],
    ['123456789012345@lid', undefined],
    ['status@broadcast', undefined],
    ['', undefined],
  ])('to %s names %j', (chat, recipient) => {
    expect(recipientOf(chat)).toEqual(recipient);
  });

  test('to an address that the Cloud API has no form for is refused, and nothing is called', async () => {
    const { fake, send } = await open();
    expect(await send('Olá', { chat: '123456789012345@lid' })).toMatchObject({
      outcome: 'refused',
      code: 'address.unsupported',
    });
    expect(fake.requests).toEqual([]);
  });

  test('of an instance without a number or a token is refused', async () => {
    const { provider, instance } = await open();
    const message = messageOf({ kind: 'text', text: 'Olá' });
    for (const one of [
      { ...instance, settings: {} },
      { ...instance, credentials: { webhookToken: 't' } },
    ]) {
      expect(await provider.send(one, message)).toMatchObject({ outcome: 'refused', code: 'instance.not-configured' });
    }
  });
});

describe('the form of', () => {
  const choices = (count: number, title = 'Escolha') =>
    Array.from({ length: count }, (_, i) => ({ id: `c${i}`, title: `${title} ${i}` }));
  const list = (rows: readonly { id: string; title: string; description?: string }[], title?: string) =>
    ({
      kind: 'list',
      text: 'Qual?',
      button: 'Ver',
      sections: [{ ...(title === undefined ? {} : { title }), rows }],
    }) as const;

  test('buttons', () => {
    expect(bodyOf({ kind: 'buttons', text: 'Aceita?', buttons: choices(3) })).toEqual({
      type: 'interactive',
      interactive: {
        type: 'button',
        body: { text: 'Aceita?' },
        action: { buttons: choices(3).map((reply) => ({ type: 'reply', reply })) },
      },
    });
  });

  test('a list', () => {
    const rows = [
      { id: 'a', title: '9 h', description: 'Dra. Lima' },
      { id: 'b', title: '10 h' },
    ];
    expect(bodyOf(list(rows, 'Manhã'))).toEqual({
      type: 'interactive',
      interactive: {
        type: 'list',
        body: { text: 'Qual?' },
        action: { button: 'Ver', sections: [{ title: 'Manhã', rows }] },
      },
    });
  });

  test.each([
    ['four buttons', { kind: 'buttons', text: 'Qual?', buttons: choices(4) }],
    ['a long title', { kind: 'buttons', text: 'Qual?', buttons: choices(1, 'um título longo demais') }],
    ['a long text', { kind: 'buttons', text: 'x'.repeat(1_025), buttons: choices(2) }],
    ['two buttons alike', { kind: 'buttons', text: 'Qual?', buttons: [...choices(1), ...choices(1)] }],
    ['eleven rows', list(choices(11))],
    ['a long row', list([{ id: 'a', title: 'x'.repeat(25) }])],
    ['a long description', list([{ id: 'a', title: 'x', description: 'x'.repeat(73) }])],
    ['no rows', list([])],
    [
      'sections without titles',
      { ...list(choices(1)), sections: [{ rows: choices(1) }, { rows: [{ id: 'z', title: 'z' }] }] },
    ],
  ] as const)('%s is numbered text', (_, content) => {
    expect(bodyOf(content)).toEqual({ type: 'text', text: { body: asText(content), preview_url: false } });
  });

  test.each([
    ['image', { image: { link: 'https://example.com/a', caption: 'Veja' } }],
    ['video', { video: { link: 'https://example.com/a', caption: 'Veja' } }],
    ['audio', { audio: { link: 'https://example.com/a', voice: true } }],
    ['document', { document: { link: 'https://example.com/a', caption: 'Veja', filename: 'a.pdf' } }],
    ['sticker', { sticker: { link: 'https://example.com/a' } }],
  ] as const)('%s', (kind, expected) => {
    const media = { url: 'https://example.com/a', mimetype: 'x/y', filename: 'a.pdf', voice: true };
    expect(bodyOf({ kind, media, caption: 'Veja' })).toEqual({ type: kind, ...expected });
  });

  test('a place, a contact, a reaction and the end of one', () => {
    expect(bodyOf({ kind: 'location', latitude: -23.5, longitude: -46.6, name: 'Sé' })).toEqual({
      type: 'location',
      location: { latitude: -23.5, longitude: -46.6, name: 'Sé' },
    });
    expect(bodyOf({ kind: 'contacts', contacts: [{ name: 'Bia', phone: '+55 (11) 92222-2222' }] })).toEqual({
      type: 'contacts',
      contacts: [
        {
          name: { formatted_name: 'Bia', first_name: 'Bia' },
          phones: [{ phone: '+5511922222222', wa_id: '5511922222222', type: 'CELL' }],
        },
      ],
    });
    for (const emoji of ['👍', '']) {
      expect(bodyOf({ kind: 'reaction', target: 'wamid.X', emoji })).toEqual({
        type: 'reaction',
        reaction: { message_id: 'wamid.X', emoji },
      });
    }
  });

  test('a template, with its variables where Meta has them', async () => {
    const { fake, send } = await open();
    const content = { kind: 'template', language: 'pt_BR', header: ['Ana'], body: ['3/12', '9h'], text: 'x' } as const;
    await send({ ...content, name: 'reminder', buttons: ['c/1', 'CODE'] });
    await send({ kind: 'template', name: 'hello', language: 'en', text: 'Hello' });
    await send({ kind: 'template', name: 'unknown', language: 'en', body: ['a'], buttons: ['b'], text: 'Hello' });
    expect(fake.messages.map(({ body }) => body['template'])).toEqual([
      {
        name: 'reminder',
        language: { code: 'pt_BR' },
        components: [
          { type: 'header', parameters: [{ type: 'text', parameter_name: 'name', text: 'Ana' }] },
          {
            type: 'body',
            parameters: [
              { type: 'text', text: '3/12' },
              { type: 'text', text: '9h' },
            ],
          },
          { type: 'button', sub_type: 'url', index: '1', parameters: [{ type: 'text', text: 'c/1' }] },
          {
            type: 'button',
            sub_type: 'copy_code',
            index: '2',
            parameters: [{ type: 'coupon_code', coupon_code: 'CODE' }],
          },
        ],
      },
      { name: 'hello', language: { code: 'en' } },
      {
        name: 'unknown',
        language: { code: 'en' },
        components: [
          { type: 'body', parameters: [{ type: 'text', text: 'a' }] },
          { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: 'b' }] },
        ],
      },
    ]);
  });

  test.each([
    ['image', {}],
    ['video', {}],
    ['document', { filename: 'a.pdf' }],
  ] as const)('a template with its file above it, by address or of ours: %s', async (kind, name) => {
    const { fake, send } = await open();
    const buttons = [{ type: 'URL', text: 'Ver', url: 'https://example.com/{{1}}' }];
    fake.setTemplates([listed({ type: 'HEADER', format: kind.toUpperCase() }, { type: 'BUTTONS', buttons })]);
    const content = { kind: 'template', name: 'menu', language: 'pt_BR', buttons: ['c/1'], text: 'x' } as const;
    const file = { kind, mimetype: 'x/y', filename: 'a.pdf' };
    expect(await send({ ...content, headerMedia: { ...file, url: 'https://example.com/a' } })).toMatchObject({
      outcome: 'sent',
    });
    expect(await send({ ...content, headerMedia: { ...file, blob: 'b_1' } })).toMatchObject({ outcome: 'sent' });
    const button = { type: 'button', sub_type: 'url', index: '0', parameters: [{ type: 'text', text: 'c/1' }] };
    expect(fake.messages.map(({ body }) => body['template'])).toMatchObject(
      [{ link: 'https://example.com/a' }, { id: fake.files[0]?.id }].map((place) => ({
        components: [{ type: 'header', parameters: [{ type: kind, [kind]: { ...place, ...name } }] }, button],
      })),
    );
  });

  test.each([
    ['no file', {}],
    [
      'a file of another kind',
      { headerMedia: { kind: 'video', url: 'https://example.com/a', mimetype: 'video/mp4' } as const },
    ],
    ['words in its place', { header: ['Ana'] }],
  ])('a template that is approved with an image is refused with %s', async (_, given) => {
    const { fake, send } = await open();
    fake.setTemplates([listed({ type: 'HEADER', format: 'IMAGE' })]);
    const content = { kind: 'template', name: 'menu', language: 'pt_BR', text: 'x', ...given } as const;
    expect(await send(content)).toMatchObject({ outcome: 'refused', code: 'provider.template-parameters-wrong' });
    expect(fake.messages).toEqual([]);
  });
});

/** A template without variables, as Meta lists it. */
const listed = (...components: readonly object[]) => ({
  id: '2',
  name: 'menu',
  language: 'pt_BR',
  status: 'APPROVED',
  components: [{ type: 'BODY', text: 'Veja' }, ...components],
});

describe('a file of ours', () => {
  const image = {
    kind: 'image',
    media: { blob: 'b_1', mimetype: 'image/png', filename: 'a"\r\nb.png' },
    caption: 'Veja',
  } as const;

  test('is uploaded once, and named by its id in every message', async () => {
    const { fake, send } = await open();
    for (let i = 0; i < 3; i++) expect(await send(image)).toMatchObject({ outcome: 'sent' });
    expect(fake.files).toHaveLength(1);
    const form = fake.files[0]?.body.toString() ?? '';
    expect(fake.files[0]?.contentType).toMatch(/^multipart\/form-data; boundary=/);
    expect(form).toContain('name="messaging_product"\r\n\r\nwhatsapp\r\n');
    expect(form).toContain('filename="a___b.png"\r\nContent-Type: image/png\r\n\r\nthe bytes of a file\r\n--');
    expect(fake.messages.map(({ body }) => body['image'])).toEqual(
      Array.from({ length: 3 }, () => ({ id: fake.files[0]?.id, caption: 'Veja' })),
    );
  });

  test.each([
    ['is gone at the gateway', { kind: 'gateway', status: 502 }, 'provider.failed'],
    ['breaks off', { kind: 'drop-after' }, 'provider.connection-lost'],
    ['takes too long', { kind: 'slow', ms: 10_000 }, 'provider.timeout'],
    ['says nothing', { kind: 'garbled' }, 'provider.answer-unexpected'],
    ['is throttled', { kind: 'error', code: 4 }, 'provider.rate-limited'],
  ] as const)('whose upload %s may be tried again: nothing was sent', async (_, fault: CloudFault, code) => {
    const { fake, send } = await open(fault.kind === 'slow' ? shortMs : undefined);
    fake.fault({ ...fault, on: 'upload' });
    expect(await send(image)).toMatchObject({ outcome: 'retry', code });
    expect(fake.messages).toEqual([]);
    expect(await send(image, { attempt: 2 })).toMatchObject({ outcome: 'sent' });
  });

  test('that Meta cannot use is uploaded anew once', async () => {
    const { fake, send } = await open();
    await send(image);
    fake.fault({ kind: 'error', code: 131_053, times: 2 });
    expect(await send(image)).toMatchObject({ outcome: 'retry', code: 'provider.media-upload-failed' });
    expect(await send(image, { attempt: 2 })).toMatchObject({
      outcome: 'refused',
      code: 'provider.media-upload-failed',
    });
    expect(fake.files).toHaveLength(2);
  });

  test('that is gone is refused', async () => {
    const { send } = await open();
    const outcome = await send(image, { readFile: async () => undefined });
    expect(outcome).toEqual({ outcome: 'refused', code: 'content.file-missing' });
  });

  test('and its message end within the time of one call', async () => {
    const { fake, send } = await open(60_000);
    fake.fault({ kind: 'slow', ms: 10_000 });
    const now = performance.now.bind(performance);
    const passed = vi.spyOn(performance, 'now');
    // Reading the file takes all but a moment of it.
    const readFile = () => {
      passed.mockImplementation(() => now() + 60_000 - shortMs);
      return Promise.resolve(Buffer.from('slow'));
    };
    expect(await send(image, { readFile })).toMatchObject({ outcome: 'unknown', code: 'provider.timeout' });
    expect(fake.files).toHaveLength(1);
    passed.mockRestore();
  });
});

describe('an answer that is an error', () => {
  test.each([
    [1, 'retry', 'provider.failed', undefined],
    [2, 'retry', 'provider.unavailable', undefined],
    [131_000, 'retry', 'provider.failed', undefined],
    [131_016, 'retry', 'provider.unavailable', undefined],
    [131_057, 'retry', 'provider.unavailable', 'instance'],
    [133_004, 'retry', 'provider.unavailable', undefined],
    [4, 'retry', 'provider.rate-limited', 'instance'],
    [80_007, 'retry', 'provider.rate-limited', 'instance'],
    [130_429, 'retry', 'provider.rate-limited', 'instance'],
    [131_056, 'retry', 'provider.pair-rate-limited', 'chat'],
    [131_048, 'refused', 'provider.restricted', 'cold-chats'],
    [131_064, 'refused', 'provider.messaging-limit', 'cold-chats'],
    [131_049, 'refused', 'provider.marketing-capped', undefined],
    [131_050, 'refused', 'provider.marketing-opted-out', undefined],
    [0, 'refused', 'provider.unauthorized', 'instance'],
    [190, 'refused', 'provider.unauthorized', 'instance'],
    [10, 'refused', 'provider.permission-missing', 'instance'],
    [200, 'refused', 'provider.permission-missing', 'instance'],
    [299, 'refused', 'provider.permission-missing', 'instance'],
    [131_047, 'refused', 'provider.window-closed', undefined],
    [131_026, 'refused', 'provider.recipient-unreachable', undefined],
    [131_021, 'refused', 'provider.recipient-is-sender', undefined],
    [131_030, 'refused', 'provider.recipient-not-allowed', undefined],
    [131_062, 'refused', 'provider.recipient-needs-number', undefined],
    [100, 'refused', 'provider.refused', undefined],
    [131_051, 'refused', 'provider.kind-unsupported', undefined],
    [131_052, 'retry', 'provider.media-download-failed', undefined],
    [132_001, 'refused', 'provider.template-unknown', undefined],
    [132_015, 'refused', 'provider.template-paused', undefined],
    [368, 'refused', 'provider.account-blocked', 'instance'],
    [131_042, 'refused', 'provider.payment-missing', 'instance'],
    [131_045, 'refused', 'provider.number-not-registered', 'instance'],
    [133_010, 'refused', 'provider.number-not-registered', 'instance'],
    [999_999, 'refused', 'provider.graph-999999', undefined],
  ] as const)('%i is %s: %s', async (code, outcome, reason, scope) => {
    const { fake, send } = await open();
    // The status says nothing: the code counts.
    fake.fault({ kind: 'error', code, status: 400 });
    fake.fault({ kind: 'error', code, status: code === 999_999 ? 400 : 500 });
    for (let i = 0; i < 2; i++) {
      const became = await send('Olá');
      expect(became).toMatchObject({ outcome, code: reason });
      expect('scope' in became ? became.scope : undefined).toBe(scope);
    }
    expect(fake.messages).toEqual([]);
  });

  test('of a pair waits four times as long at each attempt', async () => {
    const { fake, send } = await open();
    fake.fault({ kind: 'error', code: 131_056, times: 4 });
    const waits = [];
    for (const attempt of [1, 2, 3, 4]) waits.push(await send('Olá', { attempt }));
    expect(waits.map((outcome) => ('afterMs' in outcome ? outcome.afterMs : 0))).toEqual([
      1_000, 4_000, 16_000, 64_000,
    ]);
  });

  test.each([
    [{ 'retry-after': '7' }, 7_000],
    [{ 'x-business-use-case-usage': '{"102":[{"type":"x","estimated_time_to_regain_access":3}]}' }, 180_000],
    [{ 'x-business-use-case-usage': 'nonsense', 'retry-after': 'tomorrow' }, undefined],
  ])('says how long to wait: %j', async (headers, afterMs) => {
    const { fake, send } = await open();
    fake.fault({ kind: 'error', code: 80_007, headers });
    const outcome = await send('Olá');
    expect('afterMs' in outcome ? outcome.afterMs : undefined).toBe(afterMs);
  });

  test('keeps Meta’s own words for the sealed detail', async () => {
    const { fake, send } = await open();
    fake.fault({ kind: 'error', code: 131_047 });
    expect(await send('Olá')).toMatchObject({ detail: '(#131047) invented; invented details' });
  });
});

describe('an answer of something before the Graph API', () => {
  test.each([
    [429, 'retry', 'provider.rate-limited'],
    [503, 'retry', 'provider.unavailable'],
    [401, 'refused', 'provider.unauthorized'],
    [404, 'refused', 'provider.refused'],
    [500, 'unknown', 'provider.failed'],
    [502, 'unknown', 'provider.failed'],
    [504, 'unknown', 'provider.failed'],
    [302, 'refused', 'provider.refused'],
  ] as const)('%i is %s', async (status, outcome, code) => {
    const { fake, send } = await open();
    fake.fault({ kind: 'gateway', status });
    expect(await send('Olá')).toMatchObject({ outcome, code, httpStatus: status });
  });
});

describe('a send that nobody answers', () => {
  test.each([
    ['a lost connection', { kind: 'drop-after' }, 'provider.connection-lost'],
    ['a timeout', { kind: 'slow', ms: 10_000 }, 'provider.timeout'],
    ['a gateway', { kind: 'gateway-after' }, 'provider.failed'],
  ] as const)('by %s is unknown until a status names it', async (_, fault, code) => {
    const { fake, send, provider, instance } = await open(fault.kind === 'slow' ? shortMs : undefined);
    fake.fault(fault);
    expect(await send('Olá')).toMatchObject({ outcome: 'unknown', code });
    const message = messageOf({ kind: 'text', text: 'Olá' });
    expect(await provider.resolve(instance, message)).toEqual({ outcome: 'unknown', code: 'outcome.not-confirmed' });
    const ids = { messageId: 'wamid.X', stableId: 'wamid.X' };
    expect(await provider.resolve(instance, { ...message, confirmed: async () => ids })).toEqual({
      outcome: 'sent',
      ...ids,
    });
  });

  test('because nobody is there may be tried again', async () => {
    const { fake, send } = await open();
    await fake.close();
    expect(await send('Olá')).toEqual({ outcome: 'retry', code: 'provider.unreachable' });
  });

  test('is a send when the answer says 200, whatever else it says', async () => {
    const { fake, send } = await open();
    fake.fault({ kind: 'garbled' });
    expect(await send('Olá')).toEqual({ outcome: 'sent', httpStatus: 200 });
  });

  test('of a reaction may be repeated: it is the same reaction', async () => {
    const { provider, instance } = await open();
    const message = messageOf({ kind: 'reaction', target: 'wamid.X', emoji: '👍' });
    expect(await provider.resolve(instance, message)).toEqual({ outcome: 'repeat' });
  });
});

test('a read mark names the message; typing goes with it, whichever comes first', async () => {
  const { fake, instance, provider } = await open();
  const message = messageOf({ kind: 'text', text: 'Olá' });
  await provider.showTyping?.(instance, message, 3_000);
  expect(fake.reads).toEqual([]);
  await provider.markRead?.(instance, message.chat, 'wamid.A');
  await provider.markRead?.(instance, 'another@c.us', 'wamid.B');
  await provider.showTyping?.(instance, { ...message, chat: 'another@c.us' }, 3_000);
  const mark = (id: string, typing: boolean) => ({
    messaging_product: 'whatsapp',
    status: 'read',
    message_id: id,
    ...(typing ? { typing_indicator: { type: 'text' } } : {}),
  });
  expect(fake.reads).toEqual([mark('wamid.A', true), mark('wamid.B', false), mark('wamid.B', true)]);
});
