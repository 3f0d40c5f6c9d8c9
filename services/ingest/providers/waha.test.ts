// What is WAHA's own; `contract.test.ts` has what is every provider's.
import { createHmac } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import { wahaInstance } from '../testing/ingest-world.ts';
import type { NormalisedEvent } from './provider.ts';
import { me, wahaSamples } from './waha.samples.ts';
import { waha } from './waha.ts';

const bodyOf = (value: unknown) => {
  // Through text, as over the wire: what is undefined in a sample is absent.
  const raw = JSON.stringify(value);
  return { json: JSON.parse(raw) as Record<string, unknown>, raw, requestId: 'request' };
};
const normalise = (value: unknown): readonly NormalisedEvent[] => waha.normalise(bodyOf(value), wahaInstance);

describe('events', () => {
  test('the raw event is kept as it came', () => {
    for (const { body } of wahaSamples) expect(normalise(body)[0]?.raw).toBe(JSON.stringify(body));
  });

  test('samples cover every event that WAHA documents', () => {
    const documented = [
      'session.status message message.any message.reaction message.ack message.ack.group message.waiting',
      'message.edited message.revoked poll.vote poll.vote.failed event.response event.response.failed',
      'group.v2.join group.v2.leave group.v2.participants group.v2.update presence.update chat.archive',
      'call.received call.accepted call.rejected label.upsert label.deleted label.chat.added label.chat.deleted',
      'engine.event state.change group.join group.leave',
    ]
      .join(' ')
      .split(' ');
    const sampled = new Set(wahaSamples.map(({ body }) => body['event']));
    expect(documented.filter((event) => !sampled.has(event))).toEqual([]);
  });

  test('a message is one event, whether it comes as message or as message.any, by number or by LID', () => {
    const [byNumber, byLid] = wahaSamples.filter(({ title }) => title.startsWith('a text')).map(({ body }) => body);
    const ids = [byNumber, { ...byNumber, event: 'message.any' }, byLid].map((body) => {
      const event = normalise(body)[0];
      return event?.type === 'message.received' ? event.message.stableId : undefined;
    });
    expect(new Set(ids).size).toBe(1);
  });

  test.each([
    ['seconds', 1_763_640_000, 1_763_640_000_000],
    ['seconds as text', '1763640000', 1_763_640_000_000],
    ['fractional seconds', 1_763_640_000.853, 1_763_640_000_853],
    ['milliseconds', 1_763_640_000_250, 1_763_640_000_250],
    ['a 64-bit number', { low: 1_763_640_000, high: 0, unsigned: true }, 1_763_640_000_000],
    ['no time, but the envelope has one', 'yesterday', 1_763_640_000_250],
    ['a time before WhatsApp', 12, 1_763_640_000_250],
    ['a time that no calendar has', 1e300, 1_763_640_000_250],
  ])('provider time given as %s', (_, timestamp, expected) => {
    const event = normalise({
      event: 'message',
      timestamp: 1_763_640_000_250,
      payload: { id: 'x', from: '5511911111111@c.us', body: 'oi', timestamp },
    })[0];
    expect(event?.providerAt).toBe(expected);
  });

  test('what a person wrote arrives as written', () => {
    const text = 'a\u0000b \ud800 \u2028 "quoted" \\u0041 <b>&amp;</b> 👩‍👩‍👧';
    const event = normalise({ event: 'message', payload: { from: '5511911111111@c.us', body: text } })[0];
    expect(event).toMatchObject({ message: { content: { kind: 'text', text } } });
  });

  test('text beyond what WhatsApp takes is cut between characters; the raw event keeps it', () => {
    const text = `${'a'.repeat(65_535)}👍 and more`;
    const event = normalise({ event: 'message', payload: { from: '5511911111111@c.us', body: text } })[0];
    expect(event).toMatchObject({ message: { content: { text: 'a'.repeat(65_535) } } });
    expect(event?.raw).toContain('and more');
  });

  test('an event name cannot carry a number or break a line', () => {
    const event = normalise({ event: 'chat\n5511911111111 É' })[0];
    expect(event).toMatchObject({ type: 'webhook.other', event: 'chat-n' });
  });

  test('a note to ourselves is a chat with ourselves', () => {
    const event = normalise({
      event: 'message.any',
      me,
      payload: { id: `true_${me.id}_A1`, from: me.id, to: me.id, fromMe: true, body: 'lembrar' },
    })[0];
    expect(event).toMatchObject({ type: 'message.echoed', chat: { addresses: [me.id] } });
  });
});

describe('the address of a file', () => {
  const urlOf = (url: string | undefined, baseUrl: string | undefined): unknown => {
    const settings = { session: 'default', ...(baseUrl === undefined ? {} : { baseUrl }) };
    const payload = { from: '5511911111111@c.us', hasMedia: true, media: { url, mimetype: 'image/jpeg' } };
    const [event] = waha.normalise(bodyOf({ event: 'message', payload }), { ...wahaInstance, settings });
    if (event?.type !== 'message.received' || event.message.content.kind !== 'image') return event;
    return event.message.content.media.url;
  };

  test.each([
    ['http://localhost:3000/api/files/a.jpg', 'https://waha.example.com', 'https://waha.example.com/api/files/a.jpg'],
    ['http://169.254.169.254/api/files/a?b=c', 'https://waha.example.com/', 'https://waha.example.com/api/files/a?b=c'],
    ['http://x:1/prefix/api/files/a', 'https://example.com/waha', 'https://example.com/waha/api/files/a'],
    ['/api/files/a', 'https://waha.example.com', 'https://waha.example.com/api/files/a'],
    ['http://x/api/files/../../etc', 'https://waha.example.com', 'http://x/api/files/../../etc'],
    ['https://s3.example.com/bucket/a?sig=1', 'https://waha.example.com', 'https://s3.example.com/bucket/a?sig=1'],
    ['http://localhost:3000/api/files/a', undefined, 'http://localhost:3000/api/files/a'],
    ['no url', 'https://waha.example.com', 'no url'],
    [undefined, 'https://waha.example.com', undefined],
  ])('%s, where WAHA is reached at %s, is %s', (url, baseUrl, expected) => {
    expect(urlOf(url, baseUrl)).toBe(expected);
  });
});

test('a vote that could not be read has no options, which is not the same as none', () => {
  const options = ['a vote in a group', 'a vote that could not be read'].map((title) => {
    const event = normalise(wahaSamples.find((sample) => sample.title === title)?.body)[0];
    return event?.type === 'message.changed' ? event.details.options : 'no change';
  });
  expect(options).toEqual([[], undefined]);
});

describe('hostile bodies', () => {
  test('names of Object.prototype are names like any other', () => {
    const raw =
      '{"event":"constructor","__proto__":{"event":"message"},"payload":{"__proto__":{"from":"5511911111111@c.us"}}}';
    const events = waha.normalise(
      { json: JSON.parse(raw) as Record<string, unknown>, raw, requestId: 'r' },
      wahaInstance,
    );
    expect(events).toMatchObject([{ type: 'webhook.other', event: 'constructor', chat: undefined }]);
    expect(({} as Record<string, unknown>)['event']).toBeUndefined();
  });
});

describe('signature', () => {
  // The vector of WAHA's documentation.
  const raw = Buffer.from('{"event":"message","session":"default","engine":"WEBJS"}');
  const hmac =
    '208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89';
  const instance = { ...wahaInstance, credentials: { webhookToken: 't', webhookSecret: 'my-secret-key' } };
  const verify = (headers: Record<string, string | string[]>, body = raw, of = instance) =>
    waha.verify(body, headers, of);

  test('the documented vector is right', () => {
    expect(verify({ 'x-webhook-hmac': hmac })).toBe(true);
    expect(verify({ 'x-webhook-hmac': hmac, 'x-webhook-hmac-algorithm': 'sha512' })).toBe(true);
  });

  test.each([
    ['missing', {}],
    ['empty', { 'x-webhook-hmac': '' }],
    ['upper case', { 'x-webhook-hmac': hmac.toUpperCase() }],
    ['short', { 'x-webhook-hmac': hmac.slice(0, -1) }],
    ['long', { 'x-webhook-hmac': `${hmac}0` }],
    ['followed by a line end', { 'x-webhook-hmac': `${hmac}\n` }],
    ['not hex', { 'x-webhook-hmac': `g${hmac.slice(1)}` }],
    ['with a prefix', { 'x-webhook-hmac': `sha512=${hmac}` }],
    ['given twice', { 'x-webhook-hmac': [hmac, hmac] }],
    ['of another algorithm', { 'x-webhook-hmac': hmac, 'x-webhook-hmac-algorithm': 'sha256' }],
    ['by SHA-256', { 'x-webhook-hmac': createHmac('sha256', 'my-secret-key').update(raw).digest('hex') }],
    ['by another key', { 'x-webhook-hmac': createHmac('sha512', 'another').update(raw).digest('hex') }],
    ['by no key', { 'x-webhook-hmac': createHmac('sha512', '').update(raw).digest('hex') }],
  ])('a signature that is %s is refused', (_, headers) => {
    expect(verify(headers)).toBe(false);
  });

  test('an instance without a secret takes nothing', () => {
    const unsigned = { ...wahaInstance, credentials: { webhookToken: 't' } };
    const empty = { 'x-webhook-hmac': createHmac('sha512', '').update(raw).digest('hex') };
    expect(waha.verify(raw, empty, unsigned)).toBe(false);
  });
});
