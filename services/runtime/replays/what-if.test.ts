/**
 * Goal: another version is tried on a record without asking anything of the outside world, and where the
 * record has no answer, that is said. Method: records by hand, the echo machine and changed ones.
 */
import { describe, expect, test } from 'vitest';
import { setup } from 'xstate';

import type { ActorEvent } from '#schemas/records.ts';

import { type ToldRecord, orderedQuarantines } from '../actor/apply.ts';
import { type FoldStep, fold } from '../actor/fold.ts';
import type { FindMachine, MachineRelease } from '../actor/machines.ts';
import { echoConfiguration, findEcho, findMended } from '../testing/echo-machine.ts';
import { type AnsweredStep, recordedIn } from './told-steps.ts';
import { verdictsOf, whatIf } from './what-if.ts';

/** Records of one actor, a second apart unless said otherwise. */
class Story {
  readonly records: ToldRecord[] = [];
  #at = 1_000_000;

  says(text: string): this {
    const content = { kind: 'text', text };
    const opened = {
      messageId: text,
      stableId: `${this.records.length}`,
      chat: 'x',
      sender: { address: 'x' },
      content,
    };
    return this.#add({ type: 'message.received', instance: 'i_1', kind: 'text', group: false, sealed: null }, opened);
  }

  passes(ms: number): this {
    this.#at += ms;
    return this;
  }

  /** The newest effect is answered. */
  async answered(output: unknown): Promise<this> {
    const effectId = (await this.#last()).after.pendingEffects.at(-1)?.effectId ?? '';
    return this.#add({ type: 'effect.completed', effectId, outcome: 'done', reason: null, sealed: null }, { output });
  }

  /** The timer that is pending fires, when it is due and `lateMs` later. */
  async fired(lateMs = 0): Promise<this> {
    const [timer] = (await this.#last()).after.timers;
    if (timer === undefined) throw new Error('no timer is pending');
    this.#at = timer.dueAt + lateMs - 1_000;
    return this.#add({ type: 'timer.fired', timerId: timer.timerId, generation: timer.generation });
  }

  tells(fields: Record<string, unknown> & { readonly type: ActorEvent['type'] }): this {
    return this.#add(fields);
  }

  #add(fields: Record<string, unknown> & { readonly type: ActorEvent['type'] }, personal?: unknown): this {
    this.#at += 1_000;
    const offset = this.records.length * 2;
    const header = {
      tenant: 'demo',
      actor: 'c_1',
      eventId: `e${offset}`,
      causationId: null,
      occurredAt: this.#at,
      providerAt: null,
      revision: 'r_1',
    };
    this.records.push({
      offset,
      partition: 0,
      record: { ...header, ...fields } as unknown as ActorEvent,
      opened: personal === undefined ? undefined : { state: 'open', value: personal },
    });
    return this;
  }

  async #last(): Promise<FoldStep> {
    const last = (await stepsOf(this)).at(-1);
    if (last === undefined) throw new Error('nothing was told');
    return last;
  }
}

const portsOf = ({ records }: Story, find: FindMachine = findEcho) => ({
  find,
  configuration: () => Promise.resolve(echoConfiguration),
  quarantines: orderedQuarantines(records),
  parked: new Set<number>(),
  held: ({ held }: FoldStep['after']) =>
    Promise.resolve(held.flatMap(({ offset }) => records.filter((one) => one.offset === offset))),
});

async function stepsOf(story: Story): Promise<readonly FoldStep[]> {
  const steps: FoldStep[] = [];
  for await (const step of fold(story.records, portsOf(story))) steps.push(step);
  return steps;
}

const echo = findEcho('conversation', 'echo');
if (echo === undefined) throw new Error('no echo machine');
const textIn = (event: unknown) => (event as { readonly content?: { readonly text?: string } }).content?.text;

/** The echo machine as version 2, changed. */
const version2 = (change: Parameters<MachineRelease['machine']['provide']>[0]): MachineRelease => ({
  ...echo,
  version: '2',
  machine: echo.machine.provide(change),
});

/** It hears another word in the place of each. */
const hearing = (words: Readonly<Record<string, string>>): MachineRelease =>
  version2({
    guards: {
      says: ({ event }: { readonly event: unknown }, params: unknown) => {
        const said = textIn(event) ?? '';
        return (words[said] ?? said) === (params as { readonly word: string }).word;
      },
    },
  });

/** Steps as the API answers them, through JSON. */
const answered = (steps: readonly FoldStep[]): readonly AnsweredStep[] =>
  JSON.parse(
    JSON.stringify(
      steps.map(({ told: { offset, partition, record, opened }, outcome, to, outputs }) => ({
        ...{ offset, partition, eventId: record.eventId, type: record.type, record, outcome, to },
        ...(opened?.state === 'open' ? { content: opened.value } : {}),
        outputs: outputs.map((one) => ({
          ...{ type: one.record.type, id: one.record.eventId, record: one.record, content: one.personal },
        })),
      })),
    ),
  ) as AnsweredStep[];

const episodeAfter = (steps: readonly FoldStep[]) => {
  const episode = steps.at(-1)?.after.episode;
  return episode?.snapshot.status === 'active' ? episode : null;
};

/** What is seen; the same whether the record is folded here or told by the API. */
const tried = async (story: Story, machine: MachineRelease) => {
  const seen = await whatIf(story.records, portsOf(story), machine);
  const steps = await stepsOf(story);
  const told = recordedIn(answered(steps), episodeAfter(steps));
  expect(plain(await whatIf(story.records, portsOf(story), machine, undefined, told))).toEqual(plain(seen));
  return { ...seen, verdicts: verdictsOf(seen) };
};
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

test('the same machine under another version does the same, with effects, timers and an end', async () => {
  const story = new Story().says('a').says('ask');
  await story.answered('42');
  story.says('b');
  await story.fired(700);
  story.says('bye').says('c');
  expect(await tried(story, version2({}))).toMatchObject({
    verdicts: ['same-replies'],
    records: 7,
    replies: { same: 6, different: 0 },
    unreached: [],
    migration: undefined,
    unknownFrom: undefined,
  });
});

test('other replies stand side by side, and a state that is not come to any more is named', async () => {
  const story = new Story().says('a').says('bye').says('b');
  const seen = await tried(story, hearing({ bye: 'something else' }));
  expect(seen.verdicts).toEqual(['different-replies', 'state-unreachable']);
  expect(seen.replies).toEqual({ same: 1, different: 2 });
  expect(seen.unreached).toEqual(['gone']);
  expect(seen.differences).toMatchObject([
    { offset: 2, recorded: [{ content: { text: 'bye' } }], folded: [{ content: { text: '2:bye' } }] },
    { offset: 4, recorded: [{ content: { text: '1:b' } }], folded: [{ content: { text: '3:b' } }] },
  ]);
});

test('what the record was never asked ends the branch there', async () => {
  const story = new Story().says('a').says('please').says('b');
  const seen = await tried(story, hearing({ please: 'ask' }));
  expect(seen.verdicts).toContain('unknown-from-here');
  expect(seen.unknownFrom).toEqual({ offset: 2, reason: 'effect lookUp' });
  expect(seen.records).toBe(2);
});

test('an answer on record is given to the effect that stands in the place of the recorded one', async () => {
  // The other version asks at another record, before the recorded one is answered.
  const story = new Story().says('a').says('ask').says('never mind').says('ask');
  await story.answered('42');
  const seen = await tried(story, hearing({ 'never mind': 'no matter' }));
  // It still waits for the first effect: the recorded machine gave that one up and never had its answer.
  expect(seen.unknownFrom).toEqual({ offset: 4, reason: 'effect lookUp' });

  const again = new Story().says('ask').says('x');
  await again.answered('42');
  const late = await tried(again, version2({}));
  expect(late.replies).toEqual({ same: 1, different: 0 });
});

test('an answer that came for an effect given up serves a version that still waits', async () => {
  const story = new Story().says('ask');
  const waiting = structuredClone(story.records);
  await story.answered('42');
  const answer = story.records.at(-1);
  story.records.splice(0, Infinity, ...waiting);
  story.says('never mind');
  if (answer === undefined) throw new Error('no answer');
  story.records.push({ ...answer, offset: 10, record: { ...answer.record, occurredAt: 9_000_000, eventId: 'late' } });
  const seen = await tried(story, hearing({ 'never mind': 'no matter' }));
  expect(seen.verdicts).toEqual(['different-replies']);
  expect(seen.differences).toMatchObject([{ offset: 10, recorded: [], folded: [{ content: { text: 'answer:42' } }] }]);
});

test('a timer that has another time is not on record: unknown from the record that came after it', async () => {
  const impatient = version2({ delays: { patience: 5_000 } });
  const story = new Story().says('a').passes(2_000).says('b').passes(30_000).says('c');
  const seen = await tried(story, impatient);
  expect(seen.unknownFrom).toEqual({ offset: 4, reason: expect.stringContaining('timer xstate.after') as unknown });
  expect(seen.replies).toEqual({ same: 2, different: 0 });

  const patient = version2({ delays: { patience: 600_000 } });
  const fired = new Story().says('a');
  await fired.fired();
  const waited = await tried(fired, patient);
  expect(waited.verdicts).toEqual(['different-replies']);
  expect(waited.differences).toMatchObject([{ recorded: [{ content: { text: 'still there?' } }], folded: [] }]);
});

test('a version that throws where the other did not is said to be in quarantine, and the other way round it is not', async () => {
  const throwing = version2({
    guards: {
      loops: ({ event }: { readonly event: unknown }) => {
        if (textIn(event) === 'b') throw new Error('the machine threw');
        return false;
      },
    },
  });
  const seen = await tried(new Story().says('a').says('b').says('c'), throwing);
  expect(seen.verdicts).toEqual(['quarantined', 'different-replies']);
  expect(seen.quarantine).toEqual({ offset: 2, code: 'actor.machine-threw' });

  const mended = findMended('conversation', 'echo');
  if (mended === undefined) throw new Error('no mended machine');
  const story = new Story().says('a').says('boom').says('b').tells({ type: 'conversation.released', requestedBy: 'k' });
  const better = await tried(story, { ...mended, version: '2' });
  expect(better.verdicts).toEqual(['different-replies']);
  expect(better.quarantine).toBeUndefined();
});

describe('a conversation in the middle of an episode', () => {
  const stateless = (): MachineRelease => {
    const machine = setup({}).createMachine({ initial: 'elsewhere', states: { elsewhere: {} } });
    return { ...echo, version: '2', machine };
  };

  test('needs a migration to a version that does not have its state', async () => {
    const seen = await tried(new Story().says('a').says('ask'), stateless());
    expect(seen.migration).toBe('state-missing');
    expect(seen.verdicts).toContain('needs-migration');
  });

  test('needs none to one that has', async () => {
    expect((await tried(new Story().says('a'), version2({}))).migration).toBeUndefined();
  });
});

test('reports of deliveries go to the reply in the same place', async () => {
  const story = new Story().says('a');
  const [step] = await stepsOf(story);
  const reply = step?.outputs.find(({ record }) => record.type === 'reply.requested');
  const report = {
    type: 'delivery.updated',
    instance: 'i_1',
    status: 'sent',
    reason: null,
    attempts: 1,
    sealed: null,
  } as const;
  story.tells({ ...report, deliveryId: reply?.record.eventId }).says('b');
  expect((await tried(story, version2({}))).verdicts).toEqual(['same-replies']);
});

test('a program whose machine was changed in place compares with what ran, not with its own', async () => {
  const story = new Story().says('a').says('ask').says('bye');
  const steps = await stepsOf(story);
  const changed = hearing({ ask: 'b', bye: 'b' });
  const ports = portsOf(story, () => ({ ...changed, version: 'echo' }));
  expect(verdictsOf(await whatIf(story.records, ports, changed))).toEqual(['same-replies']);
  const told = recordedIn(answered(steps), episodeAfter(steps));
  const seen = await whatIf(story.records, ports, changed, undefined, told);
  expect(verdictsOf(seen)).toEqual(['different-replies', 'state-unreachable']);
  expect(seen.unreached).toContain('asking');
});
