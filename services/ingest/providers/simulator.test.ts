/** Everything that a simulated phone can do, as records know it. */
import { describe, expect, test } from 'vitest';

import { Problem } from '#runtime/http.ts';
import { simulatedKinds } from '#runtime/simulator/simulated-message.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import { simulator } from './simulator.ts';

const instance = {} as Instance;
const from = '5511922222222';
const eventOf = (body: object) => {
  const json = { from, ...body };
  return simulator.normalise({ json, raw: JSON.stringify(json), requestId: 'r1' }, instance)[0];
};

describe('what a person writes', () => {
  test.each([
    [{ text: 'oi' }, { kind: 'text', text: 'oi' }],
    [{ button: { id: 'y' } }, { kind: 'button', id: 'y', title: 'y' }],
    [{ list: { id: '9', title: '9h' } }, { kind: 'list', id: '9', title: '9h' }],
    [
      { media: { kind: 'audio', url: 'https://a.example/b.ogg', voice: true } },
      { kind: 'audio', media: { url: 'https://a.example/b.ogg', voice: true } },
    ],
    [
      { location: { latitude: -23.5, longitude: -46.6, name: 'Casa' } },
      { kind: 'location', latitude: -23.5, longitude: -46.6, name: 'Casa' },
    ],
    [
      { contacts: [{ name: 'Ana', phone: '+5511988887777' }] },
      {
        kind: 'contacts',
        contacts: [{ name: 'Ana', vcard: expect.stringContaining('waid=5511988887777') as string }],
      },
    ],
    [{ poll: { name: 'Dia?', options: ['a', 'b'] } }, { kind: 'poll', name: 'Dia?', options: ['a', 'b'] }],
  ])('%j', (body, content) => {
    expect(eventOf({ ...body, messageId: 'm1', name: 'Ana', replyTo: 'd_1' })).toMatchObject({
      type: 'message.received',
      chat: { addresses: [from], group: false },
      message: { messageId: 'm1', stableId: 'm1', sender: { address: from, name: 'Ana' }, content, replyTo: 'd_1' },
    });
  });
});

describe('what a person does to a message', () => {
  test.each([
    [{ reaction: { messageId: 'd_1', emoji: '👍' } }, 'reacted', { reaction: '👍' }],
    [{ reaction: { messageId: 'd_1', emoji: '' } }, 'unreacted', {}],
    [{ vote: { messageId: 'd_1', options: ['a'] } }, 'voted', { options: ['a'] }],
    [{ vote: { messageId: 'd_1', options: [] } }, 'voted', { options: [] }],
    [{ edit: { messageId: 'd_1', text: 'novo' } }, 'edited', { text: 'novo' }],
    [{ revoke: { messageId: 'd_1' } }, 'revoked', {}],
  ])('%j', (body, change, details) => {
    expect(eventOf(body)).toMatchObject({
      type: 'message.changed',
      change,
      details: { messageId: 'SIM-r1', target: 'd_1', chat: from, ...details },
    });
  });
});

test.each([
  {},
  { text: 'a', button: { id: 'b' } },
  { text: 'a', revoke: { messageId: 'd_1' } },
  { from: 'ana', text: 'a' },
  { location: { latitude: 91, longitude: 0 } },
  { contacts: [] },
  { edit: { messageId: 'd_1', text: '' } },
])('%j is refused, and what is taken is named', (body) => {
  const refused = () => eventOf(body);
  expect(refused).toThrow(Problem);
  for (const kind of simulatedKinds) expect(refused).toThrow(kind);
});
