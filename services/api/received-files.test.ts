// Goal: the file of a message is seen in the history and had by its id, and one that could not be had says why. Method: all
// services in one process, the simulated phone.
import { afterAll, beforeAll, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';

import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
beforeAll(async () => {
  api = await openApiWorld();
  await api.startServices();
});
afterAll(() => api.close());

interface Message {
  readonly kind: string;
  readonly file: {
    readonly id: string | null;
    readonly mimetype: string | null;
    readonly bytes: number | null;
    readonly reason: string | null;
  } | null;
}

/** What becomes of the file of a message that the phone sends. */
async function received(from: string, media: object): Promise<Message> {
  const { operator } = api.keys;
  const sent = await api.call(operator, 'POST', '/v1/simulator/messages', { from, media });
  const path = `/v1/conversations/${String(sent.body['conversationId'])}/messages`;
  const history = async () => (await api.call(operator, 'GET', path)).body['items'] as readonly Message[];
  const messages = await eventually(history, (all) => all.some(({ file }) => file !== null));
  const [message] = messages.filter(({ kind }) => kind === 'image');
  if (message === undefined) throw new Error('no image');
  return message;
}

test('a photo is kept and had by its id', async () => {
  const photo = Buffer.from('\x89PNG\r\n\x1a\n a small photo', 'latin1');
  const url = `data:image/png;base64,${photo.toString('base64')}`;
  const { file } = await received('5511999990101', { kind: 'image', url, mimetype: 'image/jpeg' });
  expect(file).toEqual({ id: file?.id, mimetype: 'image/png', bytes: photo.length, reason: null });
  const answer = await api.server.inject({
    url: `/v1/files/${file?.id ?? ''}`,
    headers: { authorization: `Bearer ${api.keys.operator}` },
  });
  expect([answer.statusCode, answer.rawPayload.equals(photo)]).toEqual([200, true]);
  expect((await api.call(api.keys.analyst, 'GET', `/v1/files/${file?.id ?? ''}`)).status).toBe(403);
  expect((await api.call(api.otherKey, 'GET', `/v1/files/${file?.id ?? ''}`)).status).toBe(404);
});

test('one that lies inside of our own network is not', async () => {
  const { file } = await received('5511999990102', { kind: 'image', url: 'http://169.254.169.254/photo.png' });
  expect(file).toEqual({ id: null, mimetype: null, bytes: null, reason: 'address.not-public' });
});
