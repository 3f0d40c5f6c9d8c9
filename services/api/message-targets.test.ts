/** Earlier messages by the ids that the API shows: found in their own conversation, and nowhere else. */
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { messageTarget } from './message-targets.ts';
import { type ApiWorld, openApiWorld, otherTenant } from './testing/api-world.ts';

let api: ApiWorld;
let phones = 5_511_944_440_000;

beforeAll(async () => {
  api = await openApiWorld();
  await api.startServices();
});
afterAll(() => api.close());

interface Item {
  readonly id: string;
  readonly direction: 'in' | 'out';
}

/** A conversation in which the person wrote once and was answered. */
async function conversation(messageId: string) {
  const phone = String(phones++);
  const post = { from: phone, text: 'oi', messageId };
  const { body } = await api.call(api.keys.admin, 'POST', '/v1/simulator/messages', post);
  const id = String(body['conversationId']);
  const seen = await eventually(
    () => api.call(api.keys.admin, 'GET', `/v1/conversations/${id}/messages`),
    ({ text }) => text.includes('"status":"sent"'),
  );
  const items = seen.body['items'] as readonly Item[];
  const of = (direction: Item['direction']) => items.find((item) => item.direction === direction)?.id ?? '';
  return { id, phone, received: of('in'), replied: of('out') };
}

const target = (conversationId: string, id: string, tenant = testTenant) =>
  messageTarget(api.runtime, tenant, conversationId, id);

test('a message of either side is found, as the provider knows it', async () => {
  const { id, received, replied } = await conversation('wamid-1');
  expect(await target(id, received)).toEqual({ target: 'wamid-1', ours: false });
  // The simulated phone shows our messages under the ids of their deliveries.
  expect(await target(id, replied)).toEqual({ target: replied, ours: true });
});

test('a message of another conversation or tenant, and none at all, are the same: not found', async () => {
  const [one, other] = [await conversation('wamid-2'), await conversation('wamid-3')];
  for (const asked of [
    () => target(one.id, other.received),
    () => target(one.id, other.replied),
    () => target(one.id, one.received, otherTenant),
    () => target(one.id, 'm_none'),
  ])
    await expect(asked()).rejects.toMatchObject({ status: 404, code: 'not-found' });
});

test('a message that was asked for and is not sent yet cannot be referred to', async () => {
  const { id, phone } = await conversation('wamid-4');
  const wanted = { instanceId: api.world.instance.id, to: phone };
  // The machine of these tests relays nothing: it stays a request.
  const asked = await api.call(api.keys.operator, 'POST', '/v1/messages', { ...wanted, text: 'Olá' });
  await expect(target(id, String(asked.body['id']))).rejects.toMatchObject({ status: 409, code: 'message-not-sent' });
  const reaction = { messageId: asked.body['id'], emoji: '👍' };
  expect(await api.call(api.keys.operator, 'POST', '/v1/messages', { ...wanted, reaction })).toMatchObject({
    status: 409,
    body: { code: 'message-not-sent' },
  });
});

test('what is wrong with a message is said in words, without what was sent', async () => {
  const wanted = { instanceId: api.world.instance.id, to: '5511944449999' };
  const refused = await api.call(api.keys.operator, 'POST', '/v1/messages', {
    ...wanted,
    media: { kind: 'audio', url: 'https://files.example/segredo', mimetype: 'audio/ogg', caption: 'segredo' },
  });
  expect(refused).toMatchObject({ status: 400, body: { code: 'request-invalid' } });
  expect(refused.body['detail']).toContain('body.media.caption: not with this kind');
  expect(refused.text).not.toContain('segredo');
  const template = { name: 'nenhum', language: 'pt_BR', body: ['segredo'] };
  const unknown = await api.call(api.keys.operator, 'POST', '/v1/messages', { ...wanted, template });
  expect(unknown).toMatchObject({ status: 404, body: { code: 'template-unknown' } });
  const inside = { kind: 'image', url: 'http://127.0.0.1/segredo', mimetype: 'image/png' };
  const media = await api.call(api.keys.operator, 'POST', '/v1/messages', { ...wanted, media: inside });
  expect(media).toMatchObject({ status: 400, body: { code: 'url-refused' } });
  expect(media.text).not.toContain('segredo');
});
