// Every event kind of Evolution in our words; who may send them; and that its credentials stay outside.
import { createHmac } from 'node:crypto';

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { evolutionInstance, ingestWorld } from '../testing/ingest-world.ts';
import { isBearer } from './bearer.ts';
import { evolutionApiKey, evolutionSamples } from './evolution.samples.ts';
import { evolution } from './evolution.ts';
import type { NormalisedEvent } from './provider.ts';

const ofText = (raw: string): readonly NormalisedEvent[] =>
  evolution.normalise(
    { json: JSON.parse(raw) as Record<string, unknown>, raw, requestId: 'request' },
    evolutionInstance,
  );
const normalise = (value: unknown): readonly NormalisedEvent[] => ofText(JSON.stringify(value));
const [text] = evolutionSamples;
const body = text?.body ?? {};

test('samples cover every event that Evolution can be subscribed to', () => {
  const names = [
    'APPLICATION_STARTUP QRCODE_UPDATED MESSAGES_SET MESSAGES_UPSERT MESSAGES_EDITED MESSAGES_UPDATE MESSAGES_DELETE',
    'SEND_MESSAGE SEND_MESSAGE_UPDATE CONTACTS_SET CONTACTS_UPSERT CONTACTS_UPDATE PRESENCE_UPDATE CHATS_SET',
    'CHATS_UPSERT CHATS_UPDATE CHATS_DELETE GROUPS_UPSERT GROUPS_UPDATE GROUP_PARTICIPANTS_UPDATE CONNECTION_UPDATE',
    'LABELS_EDIT LABELS_ASSOCIATION CALL TYPEBOT_START TYPEBOT_CHANGE_STATUS REMOVE_INSTANCE LOGOUT_INSTANCE',
    'INSTANCE_CREATE INSTANCE_DELETE STATUS_INSTANCE',
  ].flatMap((line) => line.split(' '));
  const sampled = new Set(evolutionSamples.map((one) => String(one.body['event']).replace(/[.-]/g, '_').toUpperCase()));
  expect(names.filter((name) => !sampled.has(name))).toEqual([]);
});

test("the event's name may follow the path; the caller's header is asked for there too", async () => {
  const world = ingestWorld();
  const call = async (path: string, headers: object = { authorization: 'Bearer an-invented-evolution-secret' }) => {
    const answer = await world.server.inject({
      method: 'POST',
      url: `/webhooks/${path}`,
      headers: { 'content-type': 'application/json', ...headers },
      payload: JSON.stringify(body),
    });
    return [answer.statusCode, answer.statusCode === 200 ? answer.json<unknown>() : undefined];
  };
  expect(await call('evolution/evolution-token')).toEqual([200, { accepted: 1, duplicates: 0, ignored: 0 }]);
  expect(await call('evolution/evolution-token/messages-upsert')).toEqual([
    200,
    { accepted: 0, duplicates: 1, ignored: 0 },
  ]);
  expect(await call('evolution/evolution-token', {})).toEqual([401, undefined]);
  expect(await call('evolution/evolution-token/messages-upsert', { authorization: 'Bearer x' })).toEqual([
    401,
    undefined,
  ]);
  expect(await call('waha/waha-token/message')).toEqual([404, undefined]);
  const sealed = JSON.stringify(world.records().map(world.openedOf));
  for (const kept of [sealed, world.lines.join('')]) expect(kept).not.toContain(evolutionApiKey);
  expect(world.lines.join('')).not.toContain('evolution-token');
  await world.close();
});

test('the same body is the same event, another time is another', () => {
  const presence = { event: 'presence.update', data: { id: '5511911111111@s.whatsapp.net' }, date_time: 'a' };
  const ids = [presence, presence, { ...presence, date_time: 'b' }].map((one) => {
    const [event] = normalise(one);
    return event?.type === 'webhook.other' ? event.deliveryId : undefined;
  });
  expect(ids[0]).toBe(ids[1]);
  expect(ids[0]).not.toBe(ids[2]);
});

test('a list that no real body has is kept in one piece from where it is too long', () => {
  const data = Array.from({ length: 1_200 }, (_, i) => ({
    key: { remoteJid: '5511911111111@s.whatsapp.net', id: `A${i}` },
    message: { conversation: `${i}` },
  }));
  const events = normalise({ event: 'messages.upsert', data });
  expect(events).toHaveLength(1_001);
  expect(events.at(-1)).toMatchObject({ type: 'webhook.other' });
  expect(events.at(-1)?.raw).toContain('A1199');
});

describe('credentials', () => {
  const secrets = [evolutionApiKey, 'evolution-token', 'an-invented-evolution-secret'];
  const isClean = (events: readonly NormalisedEvent[], ...all: readonly string[]): void => {
    expect(events.length).toBeGreaterThan(0);
    const kept = JSON.stringify(events) + events.map(({ raw }) => JSON.stringify(JSON.parse(raw))).join('');
    for (const secret of all) expect(kept).not.toContain(secret);
  };

  test.each(evolutionSamples.map((one) => [one.title, one.body] as const))('of %s are not kept', (_, sample) => {
    isClean(normalise(sample), ...secrets);
  });

  test('are nowhere in what is kept, wherever they stand and however they are written', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9"\\/ é-]{8,40}$/).filter((one) => one.trim().length >= 8);
    const place = fc.constantFrom('apikey', 'apiKey', 'api_key', 'token', 'data.hash', 'data.deep.apikey');
    fc.assert(
      fc.property(
        fc.constantFrom(...evolutionSamples),
        secret,
        place,
        fc.boolean(),
        ({ body: sample }, key, where, escaped) => {
          const whole = JSON.parse(JSON.stringify(sample)) as Record<string, unknown>;
          const holder = { note: `chave ${key} aqui`, [key]: 1, list: [key] };
          if (where === 'data.hash') whole['data'] = { ...(whole['data'] as object), hash: key, holder };
          else if (where === 'data.deep.apikey')
            whole['data'] = { ...(whole['data'] as object), deep: { apikey: key }, holder };
          else Object.assign(whole, { [where]: key, holder });
          const plain = JSON.stringify(whole);
          // The same text in JSON's longest spelling.
          const raw = escaped
            ? plain.replaceAll(
                /[a-z](?=[^"]*")/g,
                (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`,
              )
            : plain;
          try {
            JSON.parse(raw);
          } catch {
            return;
          }
          const kept = ofText(raw).map((event) => JSON.stringify(event) + JSON.stringify(JSON.parse(event.raw)));
          const written = JSON.stringify(key).slice(1, -1);
          for (const one of kept) {
            expect(one).not.toContain(written);
            expect(one).not.toContain(JSON.stringify(written).slice(1, -1));
          }
        },
      ),
      { numRuns: Number(process.env['PROSA_FUZZ_RUNS'] ?? 500) },
    );
  });

  test('that occur twice are both taken out', () => {
    const raw = `{"event":"call","apikey":"first-key-of-two","apikey":"${evolutionApiKey}","x":["first-key-of-two"]}`;
    isClean(ofText(raw), 'first-key-of-two', evolutionApiKey);
  });

  test('that are a word of the body do not change what it means', () => {
    expect(normalise({ ...body, apikey: 'messages.upsert' })).toMatchObject([{ type: 'message.received' }]);
    expect(normalise({ ...body, apikey: 'ola' })).toMatchObject([
      { message: { content: { text: 'Olá, quero ajuda' } } },
    ]);
  });

  test('are all that is taken out', () => {
    const raw = '{"event" :"call","data":{"big":12345678901234567890,"a":1,"a":2,"s":"\\u00e9\\/"},"apikey":null}';
    expect(ofText(raw)[0]?.raw).toBe(raw);
    expect(ofText(raw.replace('null', '"some-secret-key"'))[0]?.raw).toBe(raw.replace('null', '"[removed]"'));
  });

  test('are taken out of a body of the largest size', () => {
    const base64 = 'A/b+'.repeat(1_400_000);
    const [event] = normalise({
      ...body,
      data: { ...(body['data'] as object), message: { imageMessage: {}, base64 } },
    });
    expect(event?.raw.length).toBeGreaterThan(base64.length);
    expect(event?.raw).not.toContain(evolutionApiKey);
  });
});

describe('the caller', () => {
  const secret = 'an-invented-evolution-secret';
  const now = 1_763_640_000_000;
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwt = (claims: object, { key = secret, alg = 'HS256' } = {}) => {
    const signed = `${part({ alg, typ: 'JWT' })}.${part(claims)}`;
    return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
  };
  const claims = { iat: now / 1_000, exp: now / 1_000 + 600, app: 'evolution', action: 'webhook' };
  const accepts = (header: string | undefined, at = now) => isBearer(header, secret, at);

  test('presents the secret, or a token signed with it as Evolution does', () => {
    expect(accepts(`Bearer ${jwt(claims)}`)).toBe(true);
    expect(isBearer('Bearer a-long-random-secret', 'a-long-random-secret', now)).toBe(true);
    expect(isBearer('bearer a-long-random-secret', 'a-long-random-secret', now)).toBe(true);
  });

  test('has a token until it expires, and a minute for clocks that differ', () => {
    expect(accepts(`Bearer ${jwt(claims)}`, now + 659_000)).toBe(true);
    expect(accepts(`Bearer ${jwt(claims)}`, now + 661_000)).toBe(false);
    expect(accepts(`Bearer ${jwt(claims)}`, now - 59_000)).toBe(true);
    expect(accepts(`Bearer ${jwt(claims)}`, now - 61_000)).toBe(false);
  });

  test.each([
    ['nothing', undefined],
    ['an empty header', ''],
    ['no scheme', secret],
    ['another scheme', 'Basic YTpi'],
    ['another secret', 'Bearer another-secret'],
    ['the beginning of the secret', `Bearer ${secret.slice(0, -1)}`],
    ['a token of another key', `Bearer ${jwt(claims, { key: 'another' })}`],
    ['a token of the empty key', `Bearer ${jwt(claims, { key: '' })}`],
    ['a token that never expires', `Bearer ${jwt({ iat: claims.iat })}`],
    ['a token that says it is not signed', `Bearer ${jwt(claims, { alg: 'none' })}`],
    ['a token of another algorithm', `Bearer ${jwt(claims, { alg: 'HS512' })}`],
    ['a token without a signature', `Bearer ${jwt(claims).split('.').slice(0, 2).join('.')}.`],
    ['a token in four parts', `Bearer ${jwt(claims)}.x`],
    ['a token with padding', `Bearer ${jwt(claims)}=`],
    ['a token that is no JSON', 'Bearer a.b.c'],
  ])('that presents %s is refused', (_, header) => {
    expect(accepts(header)).toBe(false);
  });

  test('is refused for every bit of a token that is another', () => {
    const bytes = Buffer.from(`Bearer ${jwt(claims)}`);
    const flips = Math.min(bytes.length * 8, 1_000);
    for (let i = 0; i < flips; i++) {
      const flipped = Buffer.from(bytes);
      const bit = Math.floor((i * bytes.length * 8) / flips);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const header = flipped.toString('latin1');
      // The scheme's letters have two cases (RFC 9110).
      if (header.toLowerCase().startsWith('bearer ') && header.slice(7) === bytes.toString().slice(7)) continue;
      expect(accepts(header), `bit ${bit}`).toBe(false);
    }
  });

  test('of an instance without a secret is refused whatever it presents', () => {
    for (const none of [undefined, '']) {
      expect(isBearer('Bearer ', none, now)).toBe(false);
      expect(isBearer(`Bearer ${jwt(claims, { key: '' })}`, none, now)).toBe(false);
    }
  });
});
