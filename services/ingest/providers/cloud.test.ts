// All of a batch of the Cloud API, each part alone; who sent it. What each payload means: contract.test.ts.
import { createHmac, randomBytes } from 'node:crypto';

import { describe, expect, test } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';

import { cloudInstance, cloudSamples } from './cloud.samples.ts';
import { cloud } from './cloud.ts';
import type { NormalisedEvent } from './provider.ts';

const parsed = (raw: string) => ({ json: JSON.parse(raw) as Record<string, unknown>, raw, requestId: 'request' });
const normalise = (value: unknown, instances: readonly Instance[] = [cloudInstance]) =>
  cloud.normalise(parsed(JSON.stringify(value)), instances[0] ?? cloudInstance, instances);

const without = <K extends string>(value: object, ...names: readonly K[]) =>
  Object.fromEntries(Object.entries(value).filter(([name]) => !(names as readonly string[]).includes(name)));

describe('events', () => {
  test('what an event keeps is a body that says the same, and only that', () => {
    for (const { title, body } of cloudSamples) {
      for (const event of normalise(body)) {
        const again = normalise(JSON.parse(event.raw));
        expect([title, again]).toEqual([title, [event]]);
      }
    }
  });

  test('a part keeps nothing of the other people of its batch', () => {
    const batch = cloudSamples.find(({ title }) => title.startsWith('a batch'));
    const [ana, bia] = normalise(batch?.body);
    expect(ana?.raw).not.toContain('5511922222222');
    expect(ana?.raw).not.toContain('Bia');
    expect(bia?.raw).not.toContain('5511911111111');
    expect(bia?.raw).not.toContain('Ana');
  });

  test('the same thing is the same event, alone or with others, whenever it comes', () => {
    const batch = cloudSamples.find(({ title }) => title.startsWith('a batch'));
    const whole = normalise(batch?.body).flatMap((event) => ('deliveryId' in event ? [event.deliveryId] : []));
    const alone = normalise(JSON.parse(normalise(batch?.body)[4]?.raw ?? '{}'));
    expect(alone).toMatchObject([{ type: 'webhook.other', deliveryId: whole[0] }]);
  });

  test('what is written in escapes arrives as written', () => {
    const raw =
      '{"entry":[{"changes":[{"field":"messages","value":{"messages":[{"from":"5511911111111","id":"w","type":"text","text":{"body":"Ol\\u00e1 \\ud83d\\udc4d \\u0000"}}]}}]}]}';
    expect(cloud.normalise(parsed(raw), cloudInstance)).toMatchObject([
      { message: { content: { kind: 'text', text: 'Olá 👍 \u0000' } } },
    ]);
  });
});

describe('several numbers of one app', () => {
  const second: Instance = {
    ...cloudInstance,
    id: 'i_second',
    settings: { ...cloudInstance.settings, phoneNumberId: '106540352242923' },
  };
  const other: Instance = {
    ...cloudInstance,
    id: 'i_other',
    settings: { phoneNumberId: '106540352242924', businessAccountId: '2' },
  };
  const change = (number: string, id: string) => ({
    field: 'messages',
    value: {
      metadata: { phone_number_id: number },
      messages: [{ from: '5511911111111', id, type: 'text', text: { body: 'Oi' } }],
    },
  });
  const instancesOf = (events: readonly NormalisedEvent[]) => events.map(({ type, instance }) => [type, instance?.id]);

  test('each change goes to the number that it names; a stranger’s to nobody', () => {
    const body = {
      entry: [
        { id: '1', changes: [change('106540352242923', 'a'), change('106540352242922', 'b')] },
        { id: '2', changes: [change('106540352242924', 'c'), change('7', 'd')] },
      ],
    };
    expect(instancesOf(normalise(body, [cloudInstance, second, other]))).toEqual([
      ['message.received', 'i_second'],
      ['message.received', 'i_cloud'],
      ['message.received', 'i_other'],
      ['webhook.other', 'i_cloud'],
    ]);
  });

  test('a ban is of every number of the account', () => {
    const ban = cloudSamples.find(({ title }) => title === 'a ban');
    expect(instancesOf(normalise(ban?.body, [other, cloudInstance, second]))).toEqual([
      ['instance.reported', 'i_cloud'],
      ['instance.reported', 'i_second'],
    ]);
  });

  test('messages that name no number are of nobody when there are several', () => {
    const body = { entry: [{ changes: [{ field: 'messages', value: without(change('', 'a').value, 'metadata') }] }] };
    expect(normalise(body, [cloudInstance, second])).toMatchObject([
      { type: 'webhook.other', event: 'foreign.messages' },
    ]);
    expect(normalise(body)).toMatchObject([{ type: 'message.received' }]);
  });

  test('a number that none of the instances is, is told', () => {
    const body = parsed(JSON.stringify({ entry: [{ changes: [change('106540352242923', 'a')] }] }));
    expect(cloud.knows?.(body, [cloudInstance])).toBe(false);
    expect(cloud.knows?.(body, [cloudInstance, second])).toBe(true);
    // One that does not say which number it is takes what comes to its token.
    expect(cloud.knows?.(body, [{ ...cloudInstance, settings: {} }])).toBe(true);
  });
});

describe('hostile bodies', () => {
  test('names of Object.prototype are names like any other', () => {
    const raw =
      '{"entry":[{"__proto__":{"id":"x"},"changes":[{"field":"constructor","value":{"__proto__":{"messages":[]},"toString":[{}]}}]}]}';
    expect(cloud.normalise(parsed(raw), cloudInstance)).toMatchObject([
      { type: 'webhook.other', event: 'constructor' },
    ]);
    expect(({} as Record<string, unknown>)['messages']).toBeUndefined();
  });

  test('a body of a million nothings is one event', () => {
    const messages = Array.from({ length: 1_000_000 }, () => ({}));
    const body = { entry: [{ changes: [{ field: 'messages', value: { messages } }] }] };
    expect(normalise(body)).toMatchObject([{ type: 'webhook.other', event: 'unknown' }]);
  });

  test('a thousand messages are a thousand events, in order', () => {
    const messages = Array.from({ length: 1_000 }, (_, i) => ({
      from: `55119${10_000_000 + i}`,
      id: `wamid.${i}`,
      timestamp: '1763640000',
      type: 'text',
      text: { body: String(i) },
    }));
    const events = normalise({ entry: [{ changes: [{ field: 'messages', value: { messages } }] }] });
    expect(events.map((event) => (event.type === 'message.received' ? event.message.stableId : ''))).toEqual(
      messages.map(({ id }) => id),
    );
  });
});

describe('signature', () => {
  // The vector of the reference.
  const raw = Buffer.from('test');
  const hex = '0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914';
  const instance: Instance = { ...cloudInstance, credentials: { webhookToken: 't', webhookSecret: 'secret' } };
  const verify = (presented: unknown, body = raw, of = instance) =>
    cloud.verify(body, presented === undefined ? {} : { 'x-hub-signature-256': presented as string }, of);

  test('the vector is right', () => {
    expect(verify(`sha256=${hex}`)).toBe(true);
  });

  test('is over the bytes as sent, escapes and all', () => {
    const body = Buffer.from('{"text":"\\u00e1"}');
    const signed = `sha256=${createHmac('sha256', 'secret').update(body).digest('hex')}`;
    expect(verify(signed, body)).toBe(true);
    expect(verify(signed, Buffer.from(JSON.stringify(JSON.parse(body.toString()))))).toBe(false);
  });

  test('a thousand bodies with one bit flipped, and a thousand signatures, are refused', () => {
    const body = randomBytes(700);
    const signature = createHmac('sha256', 'secret').update(body).digest();
    const signed = (bytes: Buffer) => `sha256=${bytes.toString('hex')}`;
    expect(verify(signed(signature), body)).toBe(true);
    const flipped = (bytes: Buffer, bit: number) => {
      const copy = Buffer.from(bytes);
      copy.writeUInt8(copy.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      return copy;
    };
    const passed = Array.from({ length: 1_000 }, (_, i) => i).filter((i) => {
      const wrongBody = verify(signed(signature), flipped(body, (i * 5) % (body.length * 8)));
      const wrongSignature = verify(signed(flipped(signature, i % 256)), body);
      return wrongBody || wrongSignature;
    });
    expect(passed).toEqual([]);
  });

  test.each([
    ['missing', undefined],
    ['empty', ''],
    ['without its name', hex],
    ['upper case', `sha256=${hex.toUpperCase()}`],
    ['short', `sha256=${hex.slice(0, -1)}`],
    ['long', `sha256=${hex}0`],
    ['followed by a line end', `sha256=${hex}\n`],
    ['not hex', `sha256=g${hex.slice(1)}`],
    ['of another algorithm', `sha1=${hex}`],
    ['given twice', [`sha256=${hex}`, `sha256=${hex}`]],
    ['by another key', `sha256=${createHmac('sha256', 'another').update(raw).digest('hex')}`],
    ['by no key', `sha256=${createHmac('sha256', '').update(raw).digest('hex')}`],
  ])('that is %s is refused', (_, presented) => {
    expect(verify(presented)).toBe(false);
  });

  test('an instance without a secret takes nothing', () => {
    const empty = `sha256=${createHmac('sha256', '').update(raw).digest('hex')}`;
    expect(verify(empty, raw, { ...instance, credentials: { webhookToken: 't' } })).toBe(false);
    expect(verify(empty, raw, { ...instance, credentials: { webhookToken: 't', webhookSecret: '' } })).toBe(false);
  });
});

describe('Meta’s check of the webhook', () => {
  const right = {
    'hub.mode': 'subscribe',
    'hub.challenge': '1158201444',
    'hub.verify_token': cloudInstance.credentials.verifyToken,
  };
  const challenge = (query: unknown, of = cloudInstance) => cloud.challenge?.(query, of);

  test('is answered with the challenge', () => {
    expect(challenge(right)).toBe('1158201444');
  });

  test.each([
    ['another token', { ...right, 'hub.verify_token': 'another' }],
    ['no token', without(right, 'hub.verify_token')],
    ['an empty token', { ...right, 'hub.verify_token': '' }],
    ['two tokens', { ...right, 'hub.verify_token': [right['hub.verify_token'], 'x'] }],
    ['another mode', { ...right, 'hub.mode': 'unsubscribe' }],
    ['no challenge', without(right, 'hub.challenge')],
    ['a challenge that is a page', { ...right, 'hub.challenge': '<script>alert(1)</script>' }],
    ['nothing', {}],
  ])('with %s is refused', (_, query) => {
    expect(challenge(query)).toBeUndefined();
  });

  test('an instance without a verify token answers nobody', () => {
    const none: Instance = { ...cloudInstance, credentials: { webhookToken: 't', verifyToken: '' } };
    expect(challenge({ ...right, 'hub.verify_token': '' }, none)).toBeUndefined();
  });
});
