import { describe, expect, test } from 'vitest';

import { chatIdOf } from './waha.ts';
import { historyOf, idsOf, refusalOf, stableIdOf } from './waha-answers.ts';

const json = (value: unknown): string => JSON.stringify(value);

describe('an answer that is not a success', () => {
  test.each([
    [400, {}, 'refused', 'provider.refused'],
    [401, { message: 'Unauthorized' }, 'refused', 'provider.unauthorized'],
    [404, { message: 'Session "x" does not exist' }, 'refused', 'provider.session-unknown'],
    [404, { message: 'Message not found' }, 'refused', 'provider.not-found'],
    [422, { status: 'SCAN_QR_CODE', expected: ['WORKING'] }, 'retry', 'provider.session-not-working'],
    [422, { message: ['text must be a string'] }, 'refused', 'provider.refused'],
    [429, {}, 'retry', 'provider.rate-limited'],
    [500, { exception: { message: 'server returned error 463' } }, 'refused', 'provider.restricted'],
    [500, { exception: { message: 'failed', code: 463 } }, 'refused', 'provider.restricted'],
    [500, { exception: { message: 'Error: No LID for user' } }, 'refused', 'provider.chat-unknown'],
    // A number that happens to hold the digits is not a restriction.
    [500, { exception: { message: 'chat 5511946312345@c.us' } }, 'unknown', 'provider.failed'],
    [500, { exception: { message: 'Evaluation failed' } }, 'unknown', 'provider.failed'],
    [502, {}, 'retry', 'provider.unavailable'],
    [503, {}, 'retry', 'provider.unavailable'],
    [504, {}, 'unknown', 'provider.failed'],
    [302, {}, 'refused', 'provider.refused'],
    [199, {}, 'unknown', 'provider.answer-unexpected'],
  ])('%i %j is %s (%s)', (status, body, outcome, code) => {
    expect(refusalOf(status, json(body))).toMatchObject({ outcome, code, httpStatus: status });
  });

  test.each([
    [500, { exception: { message: 'server returned error 463' } }, 'cold-chats'],
    [500, { exception: { message: 'No LID for user' } }, 'chat'],
    [401, { message: 'Unauthorized' }, 'instance'],
    [403, {}, 'instance'],
    [404, { message: 'Session "x" does not exist' }, 'instance'],
    [422, { status: 'SCAN_QR_CODE', expected: ['WORKING'] }, 'instance'],
    [429, {}, 'instance'],
    [400, {}, undefined],
    [422, { message: ['text must be a string'] }, undefined],
    [500, { exception: { message: 'Evaluation failed' } }, undefined],
  ])('%i %j would meet others of scope %3$s', (status, body, scope) => {
    expect((refusalOf(status, json(body)) as { readonly scope?: string }).scope).toBe(scope);
  });

  test.each(['', '<html>', 'null', '[]', '"x"', '{"message":{"deep":1}}'])('may say anything: %s', (body) => {
    expect(refusalOf(503, body)).toMatchObject({ outcome: 'retry' });
  });

  test('may say how long to wait', () => {
    expect(refusalOf(429, '', '7')).toMatchObject({ afterMs: 7_000 });
    expect(refusalOf(429, '', 'tomorrow')).not.toHaveProperty('afterMs');
  });

  test('is kept in a bounded number of words', () => {
    const { detail } = refusalOf(500, json({ exception: { message: 'x'.repeat(10_000) } })) as { detail: string };
    expect(detail).toHaveLength(500);
  });
});

test.each([
  ['true_5511@c.us_3EB0A', '3EB0A'],
  ['false_120363@g.us_ABC_5511@c.us', 'ABC'],
  ['true_123@lid_3EB0B', '3EB0B'],
  ['3EB0C', '3EB0C'],
])('the stable part of %s is %s', (id, stable) => {
  expect(stableIdOf(id)).toBe(stable);
});

test.each([
  ['WAHA', { id: 'true_5511@c.us_3EB0A' }],
  ['whatsapp-web.js', { id: { fromMe: true, id: '3EB0A', _serialized: 'true_5511@c.us_3EB0A' } }],
  ['its raw message', { _data: { id: { _serialized: 'true_5511@c.us_3EB0A' } } }],
  ['Baileys', { key: { id: '3EB0A', remoteJid: '5511@s.whatsapp.net' } }],
  ['whatsmeow', { _data: { Info: { ID: '3EB0A' } } }],
])('ids are found in the form of %s', (_, answer) => {
  expect(idsOf(json(answer)).stableId).toBe('3EB0A');
});

test.each(['', '{}', 'null', '[]', '{"id":7}', '{"id":'])('no ids are found in %s', (body) => {
  expect(idsOf(body)).toEqual({});
});

test('a history is a list; what is not a message in it is passed over', () => {
  expect(historyOf('{"error":"no store"}')).toBeUndefined();
  expect(historyOf('')).toBeUndefined();
  const list = json([7, { id: 'true_5511@c.us_3EB0A', fromMe: true, body: 'oi', timestamp: 1_700_000_000 }]);
  expect(historyOf(list)).toEqual([
    {
      messageId: 'true_5511@c.us_3EB0A',
      stableId: '3EB0A',
      fromMe: true,
      text: 'oi',
      at: 1_700_000_000_000,
      byHand: false,
      hasMedia: false,
      cards: [],
    },
  ]);
});

test.each([
  ['5511912345678@c.us', '5511912345678@c.us'],
  ['5511912345678@s.whatsapp.net', '5511912345678@c.us'],
  ['5511912345678:12@s.whatsapp.net', '5511912345678@c.us'],
  ['+55 11 91234-5678', '5511912345678@c.us'],
  ['123456789012345@lid', '123456789012345@lid'],
  ['120363000000000000@g.us', '120363000000000000@g.us'],
  ['55119-1593526912@g.us', '55119-1593526912@g.us'],
])('the chat of %s is %s', (address, chat) => {
  expect(chatIdOf(address)).toBe(chat);
});
