/** Each anomaly in a made-up history is found by its name and by no other; a clean history has none. */
import { describe, expect, test } from 'vitest';

import { type AnomalyName, type Expected, anomalyNames, check, countAnomalies } from './checker.ts';
import { type History, type SeenRecord, emptyHistory } from './history.ts';

const actor = 'c_1';

/** The machine of these histories: says its count and what it was told. */
const counting: Expected = (_, texts) => texts.map((text, index) => `${index + 1} ${text}`);

const record = (
  given: Partial<SeenRecord> & Pick<SeenRecord, 'topic' | 'offset' | 'type' | 'eventId'>,
): SeenRecord => ({
  partition: 0,
  actor,
  causationId: null,
  transactional: given.topic !== 'events',
  ...given,
});

const message = (offset: number, name: string): SeenRecord =>
  record({ topic: 'events', offset, type: 'message.received', eventId: `e${offset}`, message: name, text: name });

const reply = (offset: number, cause: string, text: string): SeenRecord =>
  record({ topic: 'replies', offset, type: 'reply.requested', eventId: `d${offset}`, causationId: cause, text });

const timerSet = (offset: number, cause: string): SeenRecord =>
  record({
    topic: 'timers',
    offset,
    type: 'timer.set',
    eventId: `t${offset}`,
    causationId: cause,
    timerId: 'patience',
  });

const timerCancelled = (offset: number, cause: string, generation: string): SeenRecord =>
  record({ ...timerSet(offset, cause), type: 'timer.cancelled', eventId: `x${offset}`, generation });

const fired = (offset: number, generation: string): SeenRecord =>
  record({ topic: 'events', offset, type: 'timer.fired', eventId: `e${offset}`, timerId: 'patience', generation });

const effect = (offset: number, cause: string, type = 'effect.requested', effectId = 'f0'): SeenRecord =>
  record({ topic: 'effects', offset, type, eventId: `f${offset}`, causationId: cause, effectId });

const completed = (offset: number, effectId: string): SeenRecord =>
  record({ topic: 'events', offset, type: 'effect.completed', eventId: `e${offset}`, effectId });

const audit = (offset: number, cause: string, action: string): SeenRecord =>
  record({ topic: 'audit', offset, type: 'audit.recorded', eventId: `a${offset}`, causationId: cause, action });

const delivery = (id: string) => ({ id, status: 'sent', clientMessageId: `m-${id}`, flagged: false });

const again = { ...message(1, 'a'), eventId: 'again' };

/** Two messages, one of them twice on the log, with a timer that is replaced and one that fires, and an effect. */
const sound = {
  ...emptyHistory,
  inputs: [
    { message: 'a', acknowledged: true },
    { message: 'b', acknowledged: true },
    { message: 'never', acknowledged: false },
  ],
  log: [
    message(0, 'a'),
    again,
    message(3, 'b'),
    fired(4, 't1'),
    fired(5, 't0'),
    completed(6, 'f0'),
    completed(7, 'f0'),
    reply(0, 'e0', '1 a'),
    reply(2, 'e3', '2 b'),
    reply(4, 'e4', 'still there?'),
    timerSet(0, 'e0'),
    timerSet(1, 'e3'),
    effect(0, 'e3'),
    audit(0, 'e6', 'actor.transitioned'),
    audit(1, 'e7', 'effect.orphaned'),
  ],
  readings: [{ reader: 'late', records: [again, message(3, 'b')] }],
  positions: [{ group: 'conversation', topic: 'events', partition: 0, committed: 8, end: 8 }],
  stored: [
    { era: 0, of: actor, nextOffset: 1 },
    { era: 0, of: actor, nextOffset: 4 },
    { era: 1, of: actor, nextOffset: 1 },
  ],
  states: [{ actor, stored: '{}', folded: '{}' }],
  deliveries: [delivery('d0'), delivery('d2'), { ...delivery('d4'), status: 'unknown', flagged: true }],
  arrivals: [
    { clientMessageId: 'm-d0', calls: 2 },
    { clientMessageId: 'm-d2', calls: 1 },
  ],
  repeatsAllowed: 1,
} satisfies History;

const without = (...ids: readonly string[]): readonly SeenRecord[] =>
  sound.log.filter(({ eventId }) => !ids.includes(eventId));
const reading = (...records: readonly SeenRecord[]): Partial<History> => ({ readings: [{ reader: 'r', records }] });

const once = <T extends { readonly calls: number }>(arrival: T): T => ({ ...arrival, calls: 1 });

const planted: readonly (readonly [AnomalyName, string, Partial<History>])[] = [
  ['lost', 'an acknowledged message', { inputs: [{ message: 'c', acknowledged: true }] }],
  [
    'lost',
    'a reply',
    {
      log: without('d2'),
      deliveries: sound.deliveries.filter(({ id }) => id !== 'd2'),
      arrivals: sound.arrivals.slice(0, 1),
    },
  ],
  ['lost', 'a delivery', { deliveries: sound.deliveries.filter(({ id }) => id !== 'd4') }],
  ['lost', 'a send', { arrivals: [{ clientMessageId: 'm-d0', calls: 1 }] }],
  ['duplicate', 'one output at two offsets', { log: [...sound.log, { ...timerSet(9, 'e0'), eventId: 't0' }] }],
  ['lost', 'a delivery that is not known without a kill', { repeatsAllowed: 0, arrivals: sound.arrivals.map(once) }],
  [
    'duplicate',
    'a second call that no kill excuses',
    { repeatsAllowed: 0, deliveries: sound.deliveries.slice(0, 2), log: without('d4') },
  ],
  ['duplicate', 'an answer taken twice', { log: [...sound.log, audit(9, 'e7', 'actor.transitioned')] }],
  ['aborted-read', 'a reader', reading(message(2, 'gone'))],
  ['inconsistent-offset', 'a reader', reading({ ...message(3, 'b'), eventId: 'other' })],
  ['poll-skip', 'a reader', reading(message(0, 'a'), message(3, 'b'))],
  ['non-monotonic', 'a reader', reading(message(3, 'b'), message(0, 'a'))],
  ['non-monotonic', 'replies of a conversation', { log: [...without('d0'), { ...reply(0, 'e0', '1 a'), offset: 3 }] }],
  ['unseen', 'a group', { positions: [{ group: 'sender', topic: 'replies', partition: 0, committed: null, end: 3 }] }],
  ['state-divergence', 'stored state', { states: [{ actor, stored: '{}', folded: '{"count":1}' }] }],
  ['state-divergence', 'words of a reply', { log: [...without('d2'), reply(2, 'e3', '1 b')] }],
  ['effect-without-cause', 'an output of nothing', { log: [...sound.log, audit(9, 'e99', 'actor.transitioned')] }],
  [
    'effect-without-cause',
    'an answer to what was cancelled',
    { log: [...sound.log, effect(1, 'e4', 'effect.cancelled')] },
  ],
  [
    'effect-without-cause',
    'a message that nobody asked for',
    { arrivals: [...sound.arrivals, { clientMessageId: 'm-x', calls: 1 }] },
  ],
  [
    'stale-snapshot',
    'a snapshot',
    {
      stored: [
        ...sound.stored,
        { era: 1, of: 'partition 0', nextOffset: 9 },
        { era: 1, of: 'partition 0', nextOffset: 8 },
      ],
    },
  ],
  ['timer-ghost', 'one that was replaced', { log: [...sound.log, audit(9, 'e5', 'actor.transitioned')] }],
  ['timer-ghost', 'one that was cancelled', { log: [...sound.log, timerCancelled(9, 'e3', 't1')] }],
];

const elder = 'c_0';
const forwarded = (offset: number, name: string): SeenRecord => ({
  ...message(offset, name),
  actor: elder,
  partition: 1,
  eventId: `copy of ${name}`,
  forwarded: true,
});
const photo = { ...message(1, 'photo'), hasFile: true as const, occurredAt: 0 };
const stored = record({
  topic: 'events',
  offset: 4,
  type: 'media.stored',
  eventId: 'e4',
  messageEventId: 'e1',
  file: 'as it was sent',
});

/** A message before a merge, and after it one with a photo, which the elder answers; the tenant is told of both. */
const outside = {
  ...emptyHistory,
  log: [
    message(0, 'before'),
    record({ topic: 'events', offset: 2, type: 'merge.requested', eventId: 'e2', into: elder }),
    photo,
    stored,
    forwarded(0, 'photo'),
    reply(0, 'e0', 'an answer'),
    { ...reply(1, 'copy of photo', 'another'), actor: elder, partition: 1 },
  ],
  posts: ['e0', 'e1', 'e4'].map((eventId) => ({ id: `w ${eventId}`, type: 'message.received', eventId })),
} satisfies Partial<History>;

const withoutRecord = (eventId: string) => outside.log.filter((one) => one.eventId !== eventId);
const told = (id: string, eventId: string) => ({
  posts: [...outside.posts, { id, type: 'message.received', eventId }],
});

/** The file was given up so long after its message. */
const expiredAfter = (ms: number) => ({
  log: outside.log.map((one) =>
    one.eventId === 'e4' ? { ...one, type: 'media.failed', reason: 'file.expired', occurredAt: ms } : one,
  ),
  posts: outside.posts.slice(0, 2),
});

const plantedOutside: readonly (readonly [AnomalyName, string, Partial<History>])[] = [
  ['lost', 'an answer after a merge', { log: withoutRecord('d1') }],
  ['duplicate', 'an answer of both', { log: [...outside.log, reply(3, 'e1', 'mine too')] }],
  ['lost', 'a file that was given up too soon', expiredAfter(3_600_000)],
  ['lost', 'a file', { log: withoutRecord('e4'), posts: outside.posts.slice(0, 2) }],
  ['lost', 'a file that cannot be read', { log: [...withoutRecord('e4'), { ...stored, file: 'not there' as const }] }],
  ['state-divergence', 'a file', { log: [...withoutRecord('e4'), { ...stored, file: 'other bytes' as const }] }],
  [
    'duplicate',
    'a file fetched twice',
    {
      log: [...outside.log, { ...stored, offset: 5, eventId: 'e5' }],
      posts: [...outside.posts, { id: 'w e5', type: 'media.stored', eventId: 'e5' }],
    },
  ],
  ['lost', 'a webhook', { posts: outside.posts.slice(1) }],
  ['duplicate', 'a webhook under two ids', told('another', 'e0')],
  ['duplicate', 'a webhook of what was forwarded', told('w', 'copy of photo')],
  ['aborted-read', 'a webhook of nothing', told('w', 'gone')],
];

describe('the checker', () => {
  test('finds nothing in a clean history of merges, files and webhooks', () => {
    expect(check(outside, counting)).toEqual([]);
    expect(check({ ...outside, posts: [...outside.posts, ...outside.posts] }, counting)).toEqual([]);
  });

  test('does not call a file lost whose provider would not have it any more', () => {
    expect(check({ ...outside, ...expiredAfter(24 * 3_600_000) }, counting)).toEqual([]);
  });

  test.each(plantedOutside)('finds %s outside: %s', (name, _what, change) => {
    const names = check({ ...outside, ...change }, counting).map((anomaly) => anomaly.name);
    expect(new Set(names)).toEqual(new Set([name]));
  });

  test('finds nothing in a clean history', () => {
    expect(check(sound, counting)).toEqual([]);
    expect(check(emptyHistory, counting)).toEqual([]);
  });

  test.each(planted)('finds %s: %s', (name, _what, change) => {
    const names = check({ ...sound, ...change }, counting).map((anomaly) => anomaly.name);
    expect(new Set(names)).toEqual(new Set([name]));
  });

  test('knows how to find every anomaly it has a name for', () => {
    expect(new Set(planted.map(([name]) => name))).toEqual(new Set(Object.keys(anomalyNames)));
  });

  test('predicts nothing of a conversation that nobody can predict', () => {
    expect(check({ ...sound, log: [...without('d2'), reply(2, 'e3', 'words')] }, () => undefined)).toEqual([]);
  });

  test('does not call lost what was never come to', () => {
    const positions = [{ group: 'conversation', topic: 'events' as const, partition: 0, committed: 3, end: 8 }];
    const { lost, unseen } = countAnomalies(check({ ...sound, positions, log: without('d2') }, counting));
    expect({ lost, unseen }).toEqual({ lost: 0, unseen: 1 });
  });
});
