// Every answer of the route, and what they promise about the log: nothing refused is written,
// nothing acknowledged is missing. Everything around the route is in memory (testing/ingest-world.ts).
import { createHmac } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import type { MessageReceived } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { processWindow } from './duplicate-window.ts';
import { wahaSamples } from './providers/waha.samples.ts';
import { bodyBytesMax } from './routes.ts';
import { type IngestWorld, ingestWorld, wahaSecret } from './testing/ingest-world.ts';

let world: IngestWorld;

beforeEach(() => {
  world = ingestWorld();
});
afterEach(async () => {
  await world.close();
});

const mebibyte = 1_024 * 1_024;
const wahaPath = '/webhooks/waha/waha-token';
const simulatorPath = '/webhooks/simulator/simulator-token';
const json = { 'content-type': 'application/json' };

const signature = (body: string | Buffer): string => createHmac('sha512', wahaSecret).update(body).digest('hex');

const post = (path: string, body: string | Buffer, headers: Record<string, string> = json) =>
  world.server.inject({ method: 'POST', url: path, payload: body, headers });

const postSigned = (body: string | Buffer) => post(wahaPath, body, { ...json, 'x-webhook-hmac': signature(body) });

const messageBody = (text: string, stanza = '3EB0AAAA', extra: object = {}): string =>
  JSON.stringify({
    id: `evt_${stanza}`,
    event: 'message.any',
    session: 'default',
    payload: { id: `false_5511911111111@c.us_${stanza}`, from: '5511911111111@c.us', body: text, fromMe: false },
    ...extra,
  });

/** A signed body of exactly that many bytes. */
const bodyOfSize = (bytes: number): string => {
  const empty = messageBody('');
  return messageBody('a'.repeat(bytes - Buffer.byteLength(empty)));
};

describe('200', () => {
  test('an accepted message is on the log, sealed, under its conversation', async () => {
    const answer = await postSigned(messageBody('Olá'));
    expect([answer.statusCode, answer.json()]).toEqual([200, { accepted: 1, duplicates: 0, ignored: 0 }]);
    const record = world.records()[0] as MessageReceived;
    expect(record).toMatchObject({
      type: 'message.received',
      tenant: 'demo',
      actor: 'c_0',
      instance: 'i_waha',
      kind: 'text',
      group: false,
      causationId: null,
      revision: 'r_test',
      occurredAt: world.runtime.now(),
    });
    expect(record.eventId).toMatch(/^[0-9A-HJKMNP-TV-Z]{26}$/);
    expect(world.appended[0]).toMatchObject({ topic: topics.events, key: 'c_0' });
    expect(world.openedOf(record)).toMatchObject({ content: { kind: 'text', text: 'Olá' }, raw: messageBody('Olá') });
  });

  test('every sample is kept, and encodes', async () => {
    for (const { body } of wahaSamples) expect((await postSigned(JSON.stringify(body))).statusCode).toBe(200);
    // Fewer than samples: some are the same message in another spelling.
    expect(world.records().length).toBeGreaterThan(40);
    const types = new Set(world.records().map(({ type }) => type));
    expect([...types].sort()).toEqual([
      'instance.reported',
      'message.changed',
      'message.echoed',
      'message.received',
      'message.status',
      'webhook.other',
    ]);
  });

  test('a repeated webhook is counted and not written', async () => {
    await postSigned(messageBody('Olá'));
    const again = await postSigned(messageBody('Olá'));
    expect(again.json()).toEqual({ accepted: 0, duplicates: 1, ignored: 0 });
    expect(world.appended).toHaveLength(1);
  });

  test('the same message under another event name, with other bytes, is a duplicate', async () => {
    await postSigned(messageBody('Olá'));
    const again = await postSigned(messageBody('Olá', '3EB0AAAA', { id: 'evt_other', event: 'message' }));
    expect(again.json()).toEqual({ accepted: 0, duplicates: 1, ignored: 0 });
  });

  test('every status of a message is an event of its own', async () => {
    for (const ack of [1, 2, 3, 3]) {
      const payload = { id: 'true_5511911111111@c.us_A1', from: '5511911111111@c.us', fromMe: true, ack };
      await postSigned(JSON.stringify({ event: 'message.ack', payload }));
    }
    expect(world.records().map((record) => 'status' in record && record.status)).toEqual(['sent', 'delivered', 'read']);
  });

  test('the same text sent twice is two messages', async () => {
    for (const stanza of ['A1', 'A2']) await postSigned(messageBody('sim', stanza));
    expect(world.appended).toHaveLength(2);
  });

  test('a kind that needs no action is kept and counted as ignored', async () => {
    const body = JSON.stringify({ event: 'hologram.sent', payload: { anything: [1, 2, 3] } });
    expect((await postSigned(body)).json()).toEqual({ accepted: 0, duplicates: 0, ignored: 1 });
    const record = world.records()[0];
    expect(record).toMatchObject({ type: 'webhook.other', event: 'hologram.sent', actor: 'i_waha' });
    expect(record === undefined ? undefined : world.openedOf(record)).toEqual({ raw: body });
  });

  test('a body that names another session is kept on the instance, not routed', async () => {
    const body = messageBody('Olá', 'A1', { session: 'another' });
    expect((await postSigned(body)).json()).toEqual({ accepted: 0, duplicates: 0, ignored: 1 });
    expect(world.records()).toMatchObject([{ type: 'webhook.other', actor: 'i_waha' }]);
  });

  test('a charset on the content type is no other content type', async () => {
    const body = messageBody('Olá');
    const headers = { 'content-type': 'application/json; charset=utf-8', 'x-webhook-hmac': signature(body) };
    expect((await post(wahaPath, body, headers)).statusCode).toBe(200);
  });
});

describe('the simulated phone', () => {
  const say = (body: object) => post(simulatorPath, JSON.stringify(body));

  test('is told the event and the conversation', async () => {
    const answer = await say({ from: '+5511922222222', text: 'Oi', messageId: 'm1', name: 'Ana Inventada' });
    const record = world.records()[0];
    expect(answer.json()).toEqual({
      accepted: 1,
      duplicates: 0,
      ignored: 0,
      events: [{ eventId: record?.eventId, conversationId: record?.actor }],
    });
    expect(record === undefined ? undefined : world.openedOf(record)).toMatchObject({
      messageId: 'm1',
      chat: '5511922222222',
      sender: { address: '5511922222222', name: 'Ana Inventada' },
      content: { kind: 'text', text: 'Oi' },
    });
  });

  test('is told the first event when it repeats a message id', async () => {
    const first = await say({ from: '5511922222222', text: 'Oi', messageId: 'm1' });
    const second = await say({ from: '5511922222222', text: 'Oi', messageId: 'm1' });
    expect(second.json()).toMatchObject({ accepted: 0, duplicates: 1 });
    expect(second.json<{ events: unknown }>().events).toEqual(first.json<{ events: unknown }>().events);
  });

  test('may leave out the message id: then each is a message of its own', async () => {
    for (let i = 0; i < 2; i++) await say({ from: '5511922222222', text: 'Oi' });
    expect(world.appended).toHaveLength(2);
  });

  test.each([
    [{ button: { id: 'sim', title: 'Sim' } }, { kind: 'button', id: 'sim', title: 'Sim' }],
    [{ button: { id: 'sim' } }, { kind: 'button', id: 'sim', title: 'sim' }],
    [
      { media: { kind: 'image', url: 'https://example.org/a.jpg', caption: 'a conta' } },
      { kind: 'image', media: { url: 'https://example.org/a.jpg' }, caption: 'a conta' },
    ],
    [{ text: 'a'.repeat(65_536) }, { kind: 'text', text: 'a'.repeat(65_536) }],
  ])('sends %j', async (content, expected) => {
    expect((await say({ from: '5511922222222', ...content })).statusCode).toBe(200);
    const record = world.records()[0];
    expect(record === undefined ? undefined : world.openedOf(record)).toMatchObject({ content: expected });
  });

  test.each([
    ['no sender', { text: 'Oi' }],
    ['a sender that is no number', { from: 'ana', text: 'Oi' }],
    ['a sender that is a number and not text', { from: 5511922222222, text: 'Oi' }],
    ['no content', { from: '5511922222222' }],
    ['two contents', { from: '5511922222222', text: 'Oi', button: { id: 'sim' } }],
    ['an empty text', { from: '5511922222222', text: '' }],
    ['a text over what WhatsApp takes', { from: '5511922222222', text: 'a'.repeat(65_537) }],
    ['an unknown kind of media', { from: '5511922222222', media: { kind: 'hologram' } }],
  ])('is refused %s', async (_, body) => {
    const answer = await say(body);
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'body-invalid']);
    expect(world.appended).toHaveLength(0);
  });
});

describe('400', () => {
  const refusal = async (body: string | Buffer): Promise<unknown> => {
    const answer = await postSigned(body);
    expect(answer.headers['content-type']).toContain('application/problem+json');
    expect(world.appended).toHaveLength(0);
    return [answer.statusCode, answer.json<{ code: string }>().code];
  };

  test.each([
    ['empty', ''],
    ['no JSON', 'olá'],
    ['cut short', '{"event":"mess'],
    ['followed by more', '{} {}'],
    ['NaN', '{"a":NaN}'],
    ['after a byte order mark', '\ufeff{}'],
    ['UTF-16', Buffer.from('{}', 'utf16le')],
    ['not UTF-8', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])],
    ['with a NUL as it is', '{"a":"\u0000"}'],
  ])('a body that is %s is not JSON', async (_, body) => {
    expect(await refusal(body)).toEqual([400, 'body-not-json']);
  });

  test.each(['[]', 'null', '1', '"text"', 'true', '[{"event":"message"}]'])('%s is not an object', async (body) => {
    expect(await refusal(body)).toEqual([400, 'body-not-object']);
  });

  const nested = (depth: number): string => `${'{"a":'.repeat(depth - 1)}{}${'}'.repeat(depth - 1)}`;

  test.each([16, 32, 33, 63, 64])('nesting of %d is taken', async (depth) => {
    expect((await postSigned(nested(depth))).statusCode).toBe(200);
  });

  test.each([65, 66, 1_000, 4_000, 5_000, 100_000])('nesting of %d is too deep', async (depth) => {
    expect(await refusal(nested(depth))).toEqual([400, 'body-too-deep']);
    expect(await refusal(`{"a":${'['.repeat(depth - 1)}`)).toEqual([400, 'body-too-deep']);
  });

  test('brackets in text are no nesting', async () => {
    expect((await postSigned(messageBody(`${'['.repeat(1_000)}\\" ${'{'.repeat(1_000)}"`))).statusCode).toBe(200);
  });
});

describe('JSON that has two readings has one here', () => {
  const contentOf = async (body: string): Promise<unknown> => {
    expect((await postSigned(body)).statusCode).toBe(200);
    const record = world.records()[0];
    return record === undefined ? undefined : (world.openedOf(record) as { readonly content: unknown }).content;
  };

  test('of two keys with one name the last counts', async () => {
    const body = messageBody('first').replace('"body":"first"', '"body":"first","body":"last"');
    expect(await contentOf(body)).toEqual({ kind: 'text', text: 'last' });
  });

  test('__proto__ is a name', async () => {
    const body = messageBody('Olá').replace('"payload":{', '"payload":{"__proto__":{"body":"evil","fromMe":true},');
    expect(await contentOf(body)).toEqual({ kind: 'text', text: 'Olá' });
    expect(({} as Record<string, unknown>)['fromMe']).toBeUndefined();
  });

  test('NUL and lone surrogates in text survive', async () => {
    const body = messageBody('x').replace('"body":"x"', '"body":"a\\u0000b\\ud800c\\udc00d"');
    expect(await contentOf(body)).toEqual({ kind: 'text', text: 'a\u0000b\ud800c\udc00d' });
  });

  test('numbers beyond what is exact change nothing', async () => {
    const body = messageBody('Olá').replace('"payload":{', '"payload":{"timestamp":1e999,"ack":9007199254740993,');
    expect(await contentOf(body)).toEqual({ kind: 'text', text: 'Olá' });
  });
});

describe('401', () => {
  test.each([
    ['no signature', {}],
    ['a wrong one', { 'x-webhook-hmac': signature('another body') }],
    ['another algorithm', { 'x-webhook-hmac': signature(messageBody('Olá')), 'x-webhook-hmac-algorithm': 'sha256' }],
  ])('with %s nothing is written', async (_, headers) => {
    const answer = await post(wahaPath, messageBody('Olá'), { ...json, ...headers });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([401, 'signature-invalid']);
    expect(world.appended).toHaveLength(0);
  });

  test('the signature is checked before anything is read: what is no JSON is 401 too', async () => {
    for (const body of ['', 'olá', '['.repeat(100_000)]) expect((await post(wahaPath, body)).statusCode).toBe(401);
  });

  test('no bit of a signed body or of its signature can be flipped', async () => {
    const body = Buffer.from(messageBody('Quero cancelar'));
    const hmac = signature(body);
    await fc.assert(
      fc.asyncProperty(fc.nat(body.length * 8 - 1), async (bit) => {
        const flipped = Buffer.from(body);
        flipped.writeUInt8(flipped.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const answer = await post(wahaPath, flipped, { ...json, 'x-webhook-hmac': hmac });
        expect(answer.statusCode).toBe(401);
      }),
      { numRuns: 1_000 },
    );
    for (let i = 0; i < hmac.length; i++) {
      const digit = (Number.parseInt(hmac.charAt(i), 16) ^ 1).toString(16);
      const headers = { ...json, 'x-webhook-hmac': `${hmac.slice(0, i)}${digit}${hmac.slice(i + 1)}` };
      expect((await post(wahaPath, body, headers)).statusCode).toBe(401);
    }
    expect(world.appended).toHaveLength(0);
    expect((await postSigned(body)).statusCode).toBe(200);
  });
});

describe('404', () => {
  test.each([
    ['an unknown token', '/webhooks/waha/unknown'],
    ['a token of another provider', '/webhooks/waha/simulator-token'],
    ['a provider that does not exist yet', '/webhooks/evolution/waha-token'],
    ['a provider that is a name of Object.prototype', '/webhooks/constructor/waha-token'],
    ['a token of 10 000 characters', `/webhooks/waha/${'a'.repeat(10_000)}`],
    ['no token', '/webhooks/waha/'],
    ['a token in another case', '/webhooks/waha/WAHA-TOKEN'],
  ])('for %s', async (_, path) => {
    const body = messageBody('Olá');
    const answer = await post(path, body, { ...json, 'x-webhook-hmac': signature(body) });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([404, 'not-found']);
    expect(world.appended).toHaveLength(0);
  });

  test('an unreadable URL is not repeated in the answer', async () => {
    const answer = await post('/webhooks/waha/%ff5511911111111', '{}');
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([400, 'url-malformed']);
    expect(answer.headers['x-request-id']).toBe(answer.json<{ requestId: string }>().requestId);
    expect(answer.body).not.toContain('5511911111111');
  });

  test('comes before anything about the body', async () => {
    const answer = await post('/webhooks/waha/unknown', 'a', { 'content-type': 'text/plain' });
    expect(answer.statusCode).toBe(404);
  });
});

describe('413 and 415', () => {
  test('6 MiB are taken, their raw text as a blob', async () => {
    const body = bodyOfSize(bodyBytesMax);
    const answer = await postSigned(body);
    expect([answer.statusCode, answer.json()]).toEqual([200, { accepted: 1, duplicates: 0, ignored: 0 }]);
    expect(world.blobs).toHaveLength(1);
    const record = world.records()[0];
    const opened = (record === undefined ? {} : world.openedOf(record)) as Readonly<Record<string, unknown>>;
    expect(opened).toMatchObject({ raw: '', rawBlob: world.blobs[0]?.[1] });
    expect(world.appended[0]?.value.byteLength).toBeLessThan(1_000_000);
  });

  test('no record is larger than a broker takes, whatever fills it', async () => {
    // A NUL is six bytes in JSON: the worst that a character can be.
    const filler = (length: number): string => '\u0000'.repeat(length);
    const from = { id: 'false_5511911111111@c.us_A1', from: '5511911111111@c.us', fromMe: false };
    const payloads = [40_000, 65_536, 300_000].flatMap((length) => [
      { ...from, body: filler(length) },
      { ...from, body: '"'.repeat(length * 6) },
      { ...from, body: filler(length), hasMedia: true, media: { url: filler(length), filename: filler(length) } },
      { ...from, vCards: Array.from({ length: 20 }, () => filler(length)) },
      { ...from, _data: { pushName: filler(length), pollName: filler(length), type: 'poll_creation' } },
      { ...from, _data: { type: 'poll_creation', pollOptions: Array(50).fill({ name: filler(length / 50) }) } },
    ]);
    for (const [i, payload] of payloads.entries()) {
      const event = i % 2 === 0 ? 'message' : 'message.edited';
      const body = JSON.stringify({ id: `evt_${i}`, event, payload: { ...payload, id: `${payload.id}${i}` } });
      if (Buffer.byteLength(body) <= bodyBytesMax) expect([i, (await postSigned(body)).statusCode]).toEqual([i, 200]);
    }
    expect(world.appended.length).toBeGreaterThan(10);
    for (const record of world.appended) expect(record.value.byteLength).toBeLessThan(900_000);
  });

  test('6 MiB and one byte are not', async () => {
    const answer = await postSigned(bodyOfSize(bodyBytesMax + 1));
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([413, 'body-too-large']);
    expect(world.appended).toHaveLength(0);
  });

  test('over a socket too, with and without a length announced', async () => {
    await world.server.listen({ host: '127.0.0.1', port: 0 });
    const address = world.server.server.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? (address?.port ?? 0) : 0}${wahaPath}`;
    const statusOf = async (bytes: number, chunked: boolean): Promise<number> => {
      const body = Buffer.from(bodyOfSize(bytes));
      const stream = new ReadableStream<Uint8Array>({
        start(controller) {
          for (let at = 0; at < body.length; at += 65_536) controller.enqueue(body.subarray(at, at + 65_536));
          controller.close();
        },
      });
      const answer = await fetch(url, {
        method: 'POST',
        headers: { ...json, 'x-webhook-hmac': signature(body) },
        body: chunked ? stream : body,
        duplex: 'half',
      });
      await answer.arrayBuffer();
      return answer.status;
    };
    for (let round = 0; round < 3; round++) {
      expect([round, await statusOf(bodyBytesMax, false), await statusOf(bodyBytesMax, true)]).toEqual([
        round,
        200,
        200,
      ]);
      expect([round, await statusOf(bodyBytesMax + 1, false), await statusOf(bodyBytesMax + 1, true)]).toEqual([
        round,
        413,
        413,
      ]);
    }
    expect(world.appended).toHaveLength(1);
  });

  test.each([
    ['text/plain', { 'content-type': 'text/plain' }],
    ['a form', { 'content-type': 'application/x-www-form-urlencoded' }],
    ['JSON of another kind', { 'content-type': 'application/vnd.api+json' }],
    ['a broken content type', { 'content-type': 'application' }],
    ['no content type', {}],
  ])('%s is another content type', async (_, headers) => {
    const body = messageBody('Olá');
    const answer = await post(wahaPath, Buffer.from(body), { ...headers, 'x-webhook-hmac': signature(body) });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([415, 'content-type-unsupported']);
    expect(world.appended).toHaveLength(0);
  });

  test('parsers of other routes stay theirs', async () => {
    world.server.post('/other', (request) => ({ got: request.body }));
    const answer = await post('/other', '{"a":1}');
    expect(answer.json()).toEqual({ got: { a: 1 } });
  });
});

describe('503', () => {
  test.each([
    ['log', new OperatingError('log.unavailable')],
    ['log', new OperatingError('log.outcome-unknown')],
    ['vault', new OperatingError('vault.unavailable')],
    ['directory', new OperatingError('database.unavailable')],
  ] as const)('while the %s is away (%s); afterwards the same webhook is accepted', async (part, failure) => {
    world.failures[part] = failure;
    const answer = await postSigned(messageBody('Olá'));
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([503, failure.code]);
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0);
    world.failures[part] = undefined;
    const again = await postSigned(messageBody('Olá'));
    expect(again.json()).toEqual({ accepted: 1, duplicates: 0, ignored: 0 });
  });

  test('a defect is 500 and not acknowledged', async () => {
    world.failures.log = new TypeError('a defect');
    expect((await postSigned(messageBody('Olá'))).statusCode).toBe(500);
    world.failures.log = undefined;
    expect((await postSigned(messageBody('Olá'))).json()).toMatchObject({ accepted: 1 });
  });

  test('the window is marked after the log, never before', async () => {
    const order: string[] = [];
    const inner = processWindow(() => 0);
    await world.close();
    world = ingestWorld({
      ...inner,
      async mark(events) {
        order.push(`marked with ${world.appended.length} on the log`);
        await inner.mark(events);
      },
    });
    await postSigned(messageBody('Olá'));
    expect(order).toEqual(['marked with 1 on the log']);
  });

  test('bodies that would not fit in memory together are put off before they are read', async () => {
    let go = (): void => undefined;
    const gate = new Promise<void>((resolve) => (go = resolve));
    const inner = world.runtime.log.append.bind(world.runtime.log);
    world.runtime.log.append = async (records) => {
      await gate;
      return inner(records);
    };
    const body = bodyOfSize(bodyBytesMax);
    const headers = { ...json, 'x-webhook-hmac': signature(body) };
    const eight = Array.from({ length: 8 }, () => post(wahaPath, body, headers));
    // All eight have to be in the handler.
    while (world.blobs.length < 8) await sleep(10);
    const ninth = await post(wahaPath, messageBody('Olá'), headers);
    expect([ninth.statusCode, ninth.json<{ code: string }>().code]).toEqual([503, 'ingest-full']);
    expect(ninth.headers['retry-after']).toBe('1');
    go();
    expect((await Promise.all(eight)).map(({ statusCode }) => statusCode)).toEqual(Array(8).fill(200));
    expect((await postSigned(messageBody('Olá', 'A2'))).statusCode).toBe(200);
  });
});

describe('429', () => {
  test('a tenant whose records wait for the hosts is put off until they have done them', async () => {
    await world.close();
    world = ingestWorld(undefined, { PROSA_TENANT_BACKLOG_MAX: '3' });
    for (const stanza of ['B1', 'B2', 'B3'])
      expect((await postSigned(messageBody('Olá', stanza))).statusCode).toBe(200);
    const refused = await postSigned(messageBody('Olá', 'B4'));
    expect([refused.statusCode, refused.json<{ code: string }>().code]).toEqual([429, 'rate-limited']);
    expect(refused.headers['retry-after']).toBe('5');
    expect(world.appended).toHaveLength(3);
    world.done(2);
    let again = refused;
    for (let i = 0; i < 100 && again.statusCode === 429; i++) {
      await sleep(50);
      again = await postSigned(messageBody('Olá', 'B4'));
    }
    expect([again.statusCode, again.json()]).toEqual([200, { accepted: 1, duplicates: 0, ignored: 0 }]);
  });

  test('many at once do not pass the bound', async () => {
    await world.close();
    world = ingestWorld(undefined, { PROSA_TENANT_BACKLOG_MAX: '5' });
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => postSigned(messageBody('Olá', `C${i}`))));
    expect(answers.filter(({ statusCode }) => statusCode === 200)).toHaveLength(5);
    expect(world.appended).toHaveLength(5);
  });
});

describe('what is left behind', () => {
  test('no line and no label holds what a person wrote, a name, a number or an id', async () => {
    const body = messageBody('segredo inventado', '3EB0CANARY');
    await postSigned(body);
    await postSigned(body);
    await post(wahaPath, body);
    await postSigned(body.slice(1));
    world.failures.log = new OperatingError('log.unavailable', undefined, new Error('5511911111111'));
    await postSigned(messageBody('segredo inventado', '3EB0CANARY2'));
    const written = [...world.lines, await world.runtime.metrics.registry.metrics()].join('\n');
    expect(world.lines.length).toBeGreaterThan(3);
    for (const secret of ['segredo', '5511911111111', '3EB0CANARY', 'waha-token'])
      expect(written).not.toContain(secret);
    const plain = JSON.stringify(world.appended.map(({ key, headers }) => [key, headers]));
    expect(plain).not.toContain('5511911111111');
  });

  test('outcomes are counted', async () => {
    await postSigned(messageBody('Olá'));
    await postSigned(messageBody('Olá'));
    await post(wahaPath, '{}');
    await post('/webhooks/waha/unknown', '{}');
    const metrics = await world.runtime.metrics.registry.metrics();
    expect(metrics).toContain('wa_ingest_requests_total{provider="waha",outcome="200"} 2');
    expect(metrics).toContain('wa_ingest_requests_total{provider="waha",outcome="401"} 1');
    expect(metrics).toContain('wa_ingest_requests_total{provider="unknown",outcome="404"} 1');
    expect(metrics).toContain('wa_ingest_events_total{provider="waha",outcome="accepted"} 1');
    expect(metrics).toContain('wa_ingest_events_total{provider="waha",outcome="duplicates"} 1');
  });

  test('memory returns after large bodies', async () => {
    const used = (): number => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
    const send = async (stanza: string): Promise<void> => {
      // Refused, so that the list that stands for the log keeps none of it.
      world.failures.log = new OperatingError('log.unavailable');
      const body = bodyOfSize(mebibyte).replace('_3EB0AAAA', `_${stanza}`);
      expect((await postSigned(body)).statusCode).toBe(503);
      world.blobs.length = 0;
    };
    for (let i = 0; i < 5; i++) await send(`WARM${i}`);
    await settled();
    const before = used();
    for (let i = 0; i < 50; i++) await send(`BODY${i}`);
    await settled();
    // One body that is kept leaves a mebibyte at least; fifty would leave fifty.
    expect(used() - before).toBeLessThan(25 * mebibyte);
  });
});

/** Lets go of what is garbage. */
async function settled(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  for (let i = 0; i < 3; i++) {
    await sleep(20);
    collect();
  }
}
