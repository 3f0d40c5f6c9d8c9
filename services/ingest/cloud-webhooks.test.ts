// The Cloud API over the route: Meta's check, its signature, one app's webhook for several numbers.
import { createHmac } from 'node:crypto';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import type { SealedStatus } from '#schemas/content.ts';

import { cloudInstance, cloudSamples } from './providers/cloud.samples.ts';
import { type IngestWorld, ingestWorld } from './testing/ingest-world.ts';

let world: IngestWorld;

beforeEach(() => {
  world = ingestWorld();
  world.instances.push(cloudInstance);
});
afterEach(async () => {
  await world.close();
});

const path = '/webhooks/cloud/cloud-token';

const post = (body: string, secret = cloudInstance.credentials.webhookSecret ?? '') =>
  world.server.inject({
    method: 'POST',
    url: path,
    payload: body,
    headers: {
      'content-type': 'application/json',
      'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
    },
  });

const check = (query: Record<string, string>, url = path) => world.server.inject({ method: 'GET', url, query });

const right = {
  'hub.mode': 'subscribe',
  'hub.challenge': '1158201444',
  'hub.verify_token': cloudInstance.credentials.verifyToken ?? '',
};

const textTo = (number: string, id: string, from = '5511911111111') => ({
  field: 'messages',
  value: {
    messaging_product: 'whatsapp',
    metadata: { phone_number_id: number },
    messages: [{ from, id, timestamp: '1763640000', type: 'text', text: { body: 'Oi' } }],
  },
});
const bodyOf = (...changes: readonly object[]) => JSON.stringify({ object: 'x', entry: [{ id: '1', changes }] });

describe('Meta’s check', () => {
  test('is answered with the challenge alone', async () => {
    const answer = await check(right);
    expect([answer.statusCode, answer.body]).toEqual([200, '1158201444']);
    expect(answer.headers['content-type']).toMatch(/^text\/plain/);
    expect(answer.headers['x-content-type-options']).toBe('nosniff');
  });

  test('by somebody else is refused, and says nothing', async () => {
    const answer = await check({ ...right, 'hub.verify_token': 'guess' });
    expect([answer.statusCode, answer.json<{ code: string }>().code]).toEqual([403, 'challenge-refused']);
    expect(answer.body).not.toContain('1158201444');
  });

  test.each(['/webhooks/cloud/unknown', '/webhooks/waha/waha-token', '/webhooks/waha/cloud-token', '/webhooks/x/y'])(
    'of %s finds nothing',
    async (url) => {
      expect((await check(right, url)).statusCode).toBe(404);
    },
  );
});

describe('a batch', () => {
  test('of every sample is kept, and comes again as duplicates', async () => {
    for (const { title, body, expected } of cloudSamples) {
      const answer = await post(JSON.stringify(body));
      const { accepted, duplicates, ignored } = answer.json<Record<string, number>>();
      expect([title, answer.statusCode, (accepted ?? 0) + (duplicates ?? 0) + (ignored ?? 0)]).toEqual([
        title,
        200,
        expected.length,
      ]);
      const again = await post(JSON.stringify(body));
      expect([title, again.json()]).toEqual([title, { accepted: 0, duplicates: expected.length, ignored: 0 }]);
    }
  });

  test('that is not signed with the secret of the app is refused, and nothing is written', async () => {
    const answer = await post(bodyOf(textTo('106540352242922', 'a')), 'another secret');
    expect(answer.statusCode).toBe(401);
    expect(world.appended).toEqual([]);
  });

  test('is one conversation per person, by number and by business-scoped id', async () => {
    const known = cloudSamples.filter(({ title }) => title.startsWith('a text'));
    for (const { body } of known) await post(JSON.stringify(body));
    expect(new Set(world.records().map(({ actor }) => actor)).size).toBe(1);
  });

  test('seals of each event its own part alone', async () => {
    await post(
      bodyOf(textTo('106540352242922', 'a', '5511911111111'), textTo('106540352242922', 'b', '5511922222222')),
    );
    const raw = world.records().map((record) => (world.openedOf(record) as { readonly raw: string }).raw);
    expect(raw[0]).toContain('5511911111111');
    expect(raw[0]).not.toContain('5511922222222');
  });

  test('says of a status which delivery it is of, inside the seal', async () => {
    const sent = cloudSamples.find(({ title }) => title.startsWith('sent, priced'));
    await post(JSON.stringify(sent?.body));
    const [record] = world.records();
    expect(record?.type).toBe('message.status');
    if (record === undefined) return;
    expect((world.openedOf(record) as SealedStatus).deliveryId).toBe('d_6XJVRAMSR52FDDHVRT5CY0936C');
    expect(JSON.stringify({ ...record, sealed: null })).not.toContain('wamid');
  });
});

describe('numbers of one app', () => {
  const second: Instance = {
    ...cloudInstance,
    id: 'i_second',
    line: 'l_second',
    settings: { phoneNumberId: '106540352242923' },
  };

  test('get what is theirs, on their own lines', async () => {
    world.instances.push(second);
    const answer = await post(bodyOf(textTo('106540352242922', 'a'), textTo('106540352242923', 'b'), textTo('7', 'c')));
    expect(answer.json()).toEqual({ accepted: 2, duplicates: 0, ignored: 1 });
    expect(world.records()).toMatchObject([
      { type: 'message.received', instance: 'i_cloud' },
      { type: 'message.received', instance: 'i_second' },
      // A stranger's: kept with the token's own instance.
      { type: 'webhook.other', instance: 'i_cloud', actor: 'i_cloud', event: 'foreign.messages' },
    ]);
    const [first, other] = world.records();
    expect(first?.actor).not.toBe(other?.actor);
  });

  test('are found though they were made a moment ago', async () => {
    await post(bodyOf(textTo('106540352242922', 'a')));
    world.instances.push(second);
    await post(bodyOf(textTo('106540352242923', 'b')));
    expect(world.records().at(-1)).toMatchObject({ type: 'message.received', instance: 'i_second' });
  });

  test('may have another secret while it is changed', async () => {
    world.instances.push({ ...second, credentials: { ...second.credentials, webhookSecret: 'the new secret' } });
    expect((await post(bodyOf(textTo('106540352242922', 'a')), 'the new secret')).statusCode).toBe(200);
    expect((await post(bodyOf(textTo('106540352242923', 'b')))).statusCode).toBe(200);
  });
});
