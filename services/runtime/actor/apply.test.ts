// Goal: what a record does to an actor, without log or database. Method: the echo machine of
// testing/, records with their sealed parts given open.
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';

import type { ActionParams } from '#machines/machine.ts';
import type { SealedMessage } from '#schemas/content.ts';
import type { ActorEvent } from '#schemas/records.ts';

import { echoConfiguration, findEcho } from '../testing/echo-machine.ts';
import {
  type Applied,
  type Protection,
  type Surroundings,
  type ToldRecord,
  applyNext,
  heldMax,
  orderedQuarantines,
} from './apply.ts';
import { type Envelope, envelopeOf, plainOf, statusOf } from './envelope.ts';

const startAt = Date.UTC(2026, 0, 5, 12);
const around: Surroundings = { find: findEcho, configuration: () => echoConfiguration };

/** A conversation being told things; offsets have gaps, as on a log with transactions. */
class Conversation {
  envelope: Envelope | undefined;
  readonly records: ToldRecord[] = [];
  readonly without: Protection | undefined;
  #offset = 0;
  #at = startAt;

  readonly find: Surroundings['find'];

  constructor(without?: Protection, find: Surroundings['find'] = findEcho) {
    this.without = without;
    this.find = find;
  }

  says(text: string, id = `m${this.#offset}`): Applied {
    const message: SealedMessage = {
      messageId: `false_x_${id}`,
      stableId: id,
      chat: 'x',
      sender: { address: 'x' },
      content: { kind: 'text', text },
    };
    return this.tell({ type: 'message.received', instance: 'i_1', kind: 'text', group: false, sealed: null }, message);
  }

  tell(fields: Record<string, unknown> & { readonly type: ActorEvent['type'] }, opened?: unknown): Applied {
    this.#offset += 2;
    this.#at += 1_000;
    const record = {
      tenant: 'demo',
      actor: 'c_1',
      eventId: `e${this.#offset}`,
      causationId: null,
      occurredAt: this.#at,
      providerAt: null,
      revision: 'r_1',
      ...fields,
    } as ActorEvent;
    const told: ToldRecord = {
      record,
      offset: this.#offset,
      partition: 3,
      opened: opened === undefined ? undefined : { state: 'open', value: opened },
    };
    this.records.push(told);
    return this.apply(told);
  }

  apply(told: ToldRecord): Applied {
    const held = (this.envelope?.held ?? []).flatMap(({ offset }) =>
      this.records.filter((record) => record.offset === offset),
    );
    const ordered = orderedQuarantines(this.records).has(told.offset);
    const applied = applyNext(this.envelope, told, {
      ...around,
      find: this.find,
      without: this.without,
      held,
      ordered,
    });
    this.envelope = applied.envelope;
    return applied;
  }

  elapse(ms: number): void {
    this.#at += ms;
  }
}

describe('what a person said of marketing to WhatsApp', () => {
  const providerAt = startAt - 60_000;
  const other = (event: string) =>
    ({ type: 'webhook.other', instance: 'i_1', event, providerAt, sealed: null }) as const;
  const refused = { instance: 'i_1', status: 'failed', reason: 'provider.marketing-opted-out', providerAt } as const;

  test.each([
    [other('user_preferences.marketing_messages.stop'), 'marketing.stopped'],
    [other('user_preferences.marketing_messages.resume'), 'marketing.resumed'],
    [{ ...refused, type: 'message.status' }, 'marketing.stopped'],
    [{ ...refused, type: 'delivery.updated', deliveryId: 'd_1', attempts: 1 }, 'marketing.stopped'],
  ] as const)('is an audit event: %o', (record, action) => {
    for (const isTalking of [false, true]) {
      const conversation = new Conversation();
      if (isTalking) conversation.says('hello');
      const { outputs } = conversation.tell(record, {});
      const audits = outputs.flatMap((output) => (output.record.type === 'audit.recorded' ? [output.record] : []));
      const causationId = conversation.records.at(-1)?.record.eventId;
      expect(audits.filter((one) => one.action === action)).toMatchObject([{ actor: 'c_1', causationId, providerAt }]);
      expect(conversation.records.flatMap((told) => conversation.apply(told).outputs)).toEqual([]);
    }
  });

  test('is nothing else that is told', () => {
    const conversation = new Conversation();
    for (const record of [
      other('user_preferences.utility.stop'),
      { ...refused, type: 'message.status', reason: 'provider.refused' },
    ])
      expect(conversation.tell(record as ReturnType<typeof other>, {}).outputs).toEqual([]);
  });
});

test('that a message was read reaches a machine that asks for it, and passes by one that does not', () => {
  const read = { type: 'message.status', instance: 'i_1', status: 'read', reason: null } as const;
  const plain = new Conversation();
  plain.says('hello');
  expect(plain.tell(read, {})).toMatchObject({ outcome: 'recorded', outputs: [] });

  const echo = findEcho('conversation', 'echo');
  if (echo === undefined) throw new Error('there is no echo machine');
  const curious = setup({
    types: {},
    actions: { audit: (_, _params: ActionParams['audit']) => undefined },
  }).createMachine({
    initial: 'waiting',
    states: {
      waiting: { on: { 'message.status': 'read' } },
      read: { entry: { type: 'audit', params: { type: 'seen' } } },
    },
  });
  const find: Surroundings['find'] = () => ({ ...echo, machine: curious });
  const asking = new Conversation(undefined, find);
  asking.says('hello');
  const { outputs } = asking.tell(read, { deliveryId: 'd_1' });
  expect(outputs.map(({ record }) => (record.type === 'audit.recorded' ? record.action : record.type))).toContain(
    'seen',
  );
});

test('that the file of a message is kept, or cannot be had, reaches the machine, which need not know of it', () => {
  const conversation = new Conversation();
  conversation.says('Oi');
  const before = conversation.envelope;
  const about = { instance: 'i_1', messageEventId: 'e2', kind: 'image' };
  const stored = conversation.tell({
    type: 'media.stored',
    ...about,
    fileId: 'f_1',
    bytes: 7,
    mimetype: 'image/png',
    sealed: null,
  });
  const failed = conversation.tell({ type: 'media.failed', ...about, reason: 'file.gone' });
  expect([stored, failed].map(({ outcome, outputs }) => [outcome, outputs])).toEqual([
    ['applied', []],
    ['applied', []],
  ]);
  expect(conversation.envelope?.episode).toEqual(before?.episode);
});

const replies = (applied: Applied): unknown[] =>
  applied.outputs
    .filter(({ record }) => record.type === 'reply.requested')
    .map(({ personal }) => (personal as { content: { text: string } }).content.text);
const types = (applied: Applied): string[] => applied.outputs.map(({ record }) => record.type);
const idsOf = (applied: Applied): string[] => applied.outputs.map(({ record }) => record.eventId);

describe('a message', () => {
  test('gives one reply, one audit record of the transition, and a timer', () => {
    const first = new Conversation().says('hi');
    expect(types(first)).toEqual(['audit.recorded', 'reply.requested', 'timer.set']);
    expect(replies(first)).toEqual(['1:hi']);
    expect(first.outcome).toBe('applied');
    expect(first.envelope).toMatchObject({ nextOffset: 3, instance: 'i_1', timers: [{ dueAt: startAt + 61_000 }] });
  });

  test('repeated with the same id has no second effect, and without the protection it would', () => {
    const guarded = new Conversation();
    guarded.says('hi', 'same');
    const again = guarded.says('hi', 'same');
    expect(again).toMatchObject({ outcome: 'duplicate', outputs: [] });
    expect(again.envelope.nextOffset).toBe(5);

    const open = new Conversation('seen');
    open.says('hi', 'same');
    expect(replies(open.says('hi', 'same'))).toEqual(['2:hi']);
  });

  test('eight days later its id is forgotten', () => {
    const conversation = new Conversation();
    conversation.says('hi', 'same');
    conversation.elapse(8 * 24 * 3_600_000);
    conversation.says('still', 'other');
    expect(conversation.says('hi', 'same').outcome).toBe('applied');
  });

  test('dated by a clock far ahead keeps no later one from being heard, however many came since', () => {
    const conversation = new Conversation();
    const outcome = (id: number, providerAt: number) =>
      conversation.tell(
        { type: 'message.received', instance: 'i_1', kind: 'text', group: false, sealed: null, providerAt },
        {
          messageId: `${id}`,
          stableId: `${id}`,
          chat: 'x',
          sender: { address: 'x' },
          content: { kind: 'text', text: '' },
        },
      ).outcome;
    outcome(0, Date.UTC(2099, 0));
    const many = 1_001;
    for (let id = 1; id <= many; id++) outcome(id, startAt + id * 1_000);
    expect(outcome(many + 1, startAt + (many + 1) * 1_000)).toBe('applied');
    // What is older than all that is known is still not taken for new.
    expect(outcome(many + 2, startAt)).toBe('duplicate');
  });

  test('of a group chat is recorded and not answered', () => {
    const conversation = new Conversation();
    const message: SealedMessage = {
      messageId: 'g',
      stableId: 'g',
      chat: 'g',
      sender: { address: 'x' },
      content: { kind: 'text', text: 'hi' },
    };
    expect(
      conversation.tell(
        { type: 'message.received', instance: 'i_1', kind: 'text', group: true, sealed: null },
        message,
      ),
    ).toMatchObject({
      outcome: 'recorded',
      outputs: [],
    });
  });

  test('of a group chat is answered when the tenant wants that', () => {
    const conversation = new Conversation();
    const message: SealedMessage = {
      messageId: 'g',
      stableId: 'g',
      chat: 'g',
      sender: { address: 'x' },
      content: { kind: 'text', text: 'hi' },
    };
    const told: ToldRecord = {
      record: {
        tenant: 'demo',
        actor: 'c_1',
        eventId: 'e',
        causationId: null,
        occurredAt: startAt,
        providerAt: null,
        revision: 'r_1',
        type: 'message.received',
        instance: 'i_1',
        kind: 'text',
        group: true,
        sealed: null,
      },
      offset: 1,
      partition: 3,
      opened: { state: 'open', value: message },
    };
    const answering = { ...around, configuration: () => ({ ...echoConfiguration, answerGroups: true }) };
    expect(replies(applyNext(conversation.envelope, told, { ...answering, held: [], ordered: false }))).toEqual([
      '1:hi',
    ]);
  });

  test('whose content was erased is recorded without effect', () => {
    const conversation = new Conversation();
    conversation.says('hi');
    const [first] = conversation.records;
    if (first === undefined) throw new Error('nothing was told');
    const erased = conversation.apply({ ...first, offset: 99, opened: { state: 'erased' } });
    expect(erased).toMatchObject({ outcome: 'recorded', outputs: [] });
  });
});

describe('outputs', () => {
  test('have ids that are the same in every replay and differ from each other', () => {
    const run = () => {
      const conversation = new Conversation();
      return ['hi', 'ask', 'never mind', 'bye'].flatMap((text) => idsOf(conversation.says(text)));
    };
    expect(run()).toEqual(run());
    expect(new Set(run()).size).toBe(run().length);
  });
});

describe('an episode', () => {
  test('that ended is followed by a new one at the next message, which is given the output', () => {
    const conversation = new Conversation();
    conversation.says('hi');
    const bye = conversation.says('bye');
    expect(statusOf(bye.envelope)).toBe('done');
    expect(bye.envelope.timers).toEqual([]);
    const next = conversation.says('hello again');
    expect(replies(next)).toEqual(['1:hello again']);
    expect(next.envelope.episode).toMatchObject({ number: 2, snapshot: { context: { carried: { count: 1 } } } });
  });

  test('is not begun by what is only reported', () => {
    const conversation = new Conversation();
    const applied = conversation.tell({ type: 'timer.fired', timerId: 'x', generation: 'g' });
    expect(applied).toMatchObject({ outcome: 'recorded', envelope: { episode: null }, outputs: [] });
  });
});

describe('a timer', () => {
  const fire = (conversation: Conversation, generation: string) => {
    const timerId = conversation.envelope?.timers[0]?.timerId ?? 'none';
    return conversation.tell({ type: 'timer.fired', timerId, generation });
  };

  test('acts once, in the generation that is pending', () => {
    const conversation = new Conversation();
    conversation.says('hi');
    const generation = conversation.envelope?.timers[0]?.generation ?? '';
    expect(replies(fire(conversation, generation))).toEqual(['still there?']);
    expect(fire(conversation, generation)).toMatchObject({ outputs: [] });
  });

  test('of a generation that was superseded does nothing, and without the protection it would', () => {
    const late = (without?: Protection) => {
      const conversation = new Conversation(without);
      conversation.says('hi');
      const generation = conversation.envelope?.timers[0]?.generation ?? '';
      conversation.says('again');
      return replies(fire(conversation, generation));
    };
    expect(late()).toEqual([]);
    expect(late('timer-generation')).toEqual(['still there?']);
  });
});

describe('an effect', () => {
  const complete = (conversation: Conversation, effectId: string, output = '42') =>
    conversation.tell({ type: 'effect.completed', effectId, outcome: 'done', reason: null, sealed: null }, { output });

  test('is requested by an invoke and answered by a record', () => {
    const conversation = new Conversation();
    const asked = conversation.says('ask');
    expect(asked.outputs.find(({ record }) => record.type === 'effect.requested')).toMatchObject({
      record: { source: 'lookUp' },
      personal: { input: { question: 'what?' } },
    });
    const effectId = conversation.envelope?.pendingEffects[0]?.effectId ?? '';
    expect(replies(complete(conversation, effectId))).toEqual(['answer:42']);
    expect(conversation.envelope?.pendingEffects).toEqual([]);
  });

  test('that failed takes the machine’s onError', () => {
    const conversation = new Conversation();
    conversation.says('ask');
    const effectId = conversation.envelope?.pendingEffects[0]?.effectId ?? '';
    const failed = conversation.tell(
      { type: 'effect.completed', effectId, outcome: 'error', reason: 'down', sealed: null },
      { error: { code: 'down', message: 'down' } },
    );
    expect(replies(failed)).toEqual(['no answer']);
  });

  test('that was left is cancelled', () => {
    const conversation = new Conversation();
    conversation.says('ask');
    expect(types(conversation.says('never mind'))).toContain('effect.cancelled');
    expect(conversation.envelope?.pendingEffects).toEqual([]);
  });

  test('answered too late is audited as orphaned, and without the protection it would answer another', () => {
    const late = (without?: Protection) => {
      const conversation = new Conversation(without);
      conversation.says('ask');
      const effectId = conversation.envelope?.pendingEffects[0]?.effectId ?? '';
      conversation.says('never mind');
      conversation.says('ask');
      return complete(conversation, effectId, 'stale');
    };
    expect(late().outputs).toMatchObject([{ record: { type: 'audit.recorded', action: 'effect.orphaned' } }]);
    expect(replies(late('effect-id'))).toEqual(['answer:stale']);
  });

  test('survives the envelope being stored and read', () => {
    const conversation = new Conversation();
    conversation.says('ask');
    const envelope = conversation.envelope;
    if (envelope === undefined) throw new Error('no actor');
    conversation.envelope = envelopeOf(
      JSON.parse(JSON.stringify(plainOf(envelope, findEcho))) as ReturnType<typeof plainOf>,
      findEcho,
    );
    expect(types(conversation.says('never mind'))).toContain('effect.cancelled');
  });
});

describe('a machine that misbehaves', () => {
  test.each([
    ['throws', 'boom', 'actor.machine-threw'],
    ['does not come to rest', 'loop', 'actor.endless-loop'],
  ])('that %s is put in quarantine and its records are held in order', (_, text, code) => {
    const conversation = new Conversation();
    conversation.says('hi');
    expect(conversation.says(text)).toMatchObject({ outcome: 'quarantined', envelope: { quarantine: { code } } });
    expect(conversation.says('one').outcome).toBe('held');
    expect(conversation.says('two').outcome).toBe('held');
    expect(conversation.envelope?.held).toHaveLength(3);
  });

  test('at its very first record is put in quarantine as well', () => {
    expect(new Conversation().says('boom').envelope).toMatchObject({
      episode: null,
      quarantine: { code: 'actor.machine-threw' },
    });
  });

  test('once mended and released, answers all that was held, in order, with the ids it would have had', () => {
    const broken = new Conversation();
    broken.says('hi');
    broken.says('boom', 'a');
    broken.says('one', 'b');
    broken.says('two', 'c');
    // Mended: what exploded is now said differently, as if a new build had another guard.
    for (const told of broken.records) {
      const message =
        told.opened?.state === 'open' ? (told.opened.value as { content?: { text: string } }).content : undefined;
      if (message?.text === 'boom') Object.assign(message, { text: 'calm' });
    }
    const released = broken.tell({ type: 'conversation.released', requestedBy: 'k_1' });
    expect(replies(released)).toEqual(['2:calm', '3:one', '4:two']);
    expect(released.envelope).toMatchObject({ quarantine: null, held: [] });
    expect(new Set(idsOf(released)).size).toBe(idsOf(released).length);
  });

  test('and released while still broken is held again, with all after it', () => {
    const conversation = new Conversation();
    conversation.says('boom');
    conversation.says('one');
    expect(replies(conversation.tell({ type: 'conversation.released', requestedBy: 'k_1' }))).toEqual([]);
    expect(conversation.envelope?.held).toHaveLength(2);
  });

  test('holds a bounded number of records and parks the rest', () => {
    const conversation = new Conversation();
    conversation.says('boom');
    for (let i = 0; i < heldMax; i++) conversation.says('more');
    const [output] = conversation.says('too many').outputs;
    expect(conversation.envelope?.held).toHaveLength(heldMax);
    expect(output?.record).toMatchObject({ type: 'record.parked', reason: 'actor.held-too-many' });
  });
});

describe('a release', () => {
  test('at which a record is held again tells so under an id of its own', () => {
    const conversation = new Conversation();
    const release = () => conversation.tell({ type: 'conversation.released', requestedBy: 'k_1' });
    const ids = [conversation.says('boom'), release(), release()].flatMap(idsOf);
    expect(ids).toHaveLength(5);
    expect(new Set(ids).size).toBe(5);
  });

  test('that is on the log twice acts once', () => {
    const conversation = new Conversation();
    conversation.says('boom');
    const release = { type: 'conversation.released', requestedBy: 'k_1', eventId: 'release' } as const;
    expect(conversation.tell(release).outcome).toBe('released');
    expect(conversation.tell(release)).toMatchObject({ outcome: 'duplicate', outputs: [] });
  });
});

describe('what cannot be written', () => {
  test.each(['unwritable context', 'unwritable reply', 'huge reply'])('an %s puts its actor in quarantine', (text) => {
    const conversation = new Conversation();
    conversation.says('hi');
    expect(conversation.says(text)).toMatchObject({ outcome: 'quarantined' });
    expect(conversation.says('more').outcome).toBe('held');
  });
});

describe('a quarantine that the host ordered', () => {
  test('at a release leaves the actor in quarantine with what it holds', () => {
    const told = new Conversation();
    told.says('boom');
    told.says('one');
    const order = {
      tenant: 'demo',
      actor: 'c_1',
      eventId: 'q',
      causationId: null,
      occurredAt: 0,
      providerAt: null,
      revision: null,
    };
    told.records.push({
      record: { ...order, type: 'conversation.quarantined', code: 'actor.killed-process', recordOffset: 6 },
      offset: 99,
      partition: 3,
      opened: undefined,
    });
    const released = told.tell({ type: 'conversation.released', requestedBy: 'k_1' });
    expect(released).toMatchObject({ outcome: 'quarantined', outputs: [], envelope: { nextOffset: 7 } });
    expect(released.envelope.held).toHaveLength(2);
  });

  test('is obeyed by a fold that finds the order behind the record', () => {
    const told = new Conversation();
    told.says('hi');
    told.says('killer');
    told.tell({ type: 'conversation.quarantined', code: 'actor.killed-process', recordOffset: 4 });
    const again = new Conversation();
    again.records.push(...told.records);
    const outcomes = told.records.map((record) => again.apply(record).outcome);
    expect(outcomes).toEqual(['applied', 'quarantined', 'recorded']);
  });
});
