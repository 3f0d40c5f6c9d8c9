// Goal: what an actor tells another is a record, the same in every fold, and nothing else can be told that way.
// Method: a machine that tells what it is told to, without log or database.
import { setup } from 'xstate';
import { describe, expect, test } from 'vitest';

import type { ActionParams } from '#machines/machine.ts';
import type { ActorEvent } from '#schemas/records.ts';

import type { Configuration } from '../tenants/tenants.ts';
import { queueActorOf } from './actor-ids.ts';
import { type Surroundings, applyNext } from './apply.ts';
import type { MachineRelease } from './machines.ts';

type Wanted = ActionParams['tell'];

/** Tells whatever a test wants. */
function telling(wanted: Wanted): Surroundings {
  const machine = setup({
    types: {},
    actions: {
      tell: (_, _params: Wanted) => undefined,
      audit: (_, _params: ActionParams['audit']) => undefined,
    },
  }).createMachine({
    on: {
      'message.echoed': { actions: { type: 'tell', params: wanted } },
      'bell.rung': {
        actions: { type: 'audit', params: ({ event }) => ({ type: 'heard', subject: JSON.stringify(event) }) },
      },
    },
  });
  const release: MachineRelease = { name: 'any', version: '1', machine, settingsDefaults: {}, problemsOf: () => [] };
  const chosen = { version: '1', settings: {} };
  const configuration: Configuration = {
    machines: { conversation: chosen, 'service-queue': chosen },
    answerGroups: false,
  };
  return { find: () => release, configuration: () => configuration };
}

const header = { tenant: 'demo', causationId: null, occurredAt: 1_000, providerAt: null, revision: 'r_1' };
const takeover = { type: 'attendance.requested', operation: 'takeover', requestedBy: 'k_1' } as const;
const echoed = {
  type: 'message.echoed',
  instance: 'i_1',
  kind: 'text',
  source: 'app',
  group: false,
  sealed: null,
} as const;

/** What records come to, one after the other. */
function told(around: Surroundings, actor: string, ...records: readonly object[]) {
  let envelope: Parameters<typeof applyNext>[0];
  return records.map((fields, offset) => {
    const record = { ...header, actor, eventId: `e${offset.toString()}`, ...fields } as ActorEvent;
    const opened = { state: 'open', value: { stableId: `m${offset.toString()}` } } as const;
    const applied = applyNext(
      envelope,
      { record, offset, partition: 0, opened },
      { ...around, held: [], ordered: false },
    );
    ({ envelope } = applied);
    return applied;
  });
}

const tellsOf = (wanted: Wanted) =>
  told(telling(wanted), 'c_1', takeover, echoed)[1]?.outputs.flatMap(({ record }) =>
    record.type === 'actor.told' ? [record] : [],
  );

describe('what an actor tells another', () => {
  test('is a record for the other, with an id of its own that is always the same', () => {
    const wanted = { to: 'c_2', name: 'bell.rung', details: { ticket: 't', times: 3 } };
    const [record] = tellsOf(wanted) ?? [];
    expect(record).toMatchObject({
      actor: 'c_2',
      causationId: 'e1',
      revision: 'r_1',
      type: 'actor.told',
      from: 'c_1',
      name: 'bell.rung',
      details: { ticket: 't', times: '3' },
    });
    expect(tellsOf(wanted)).toEqual([record]);
    expect(tellsOf({ ...wanted, to: { queue: 'recepcao' } })?.[0]?.actor).toBe(queueActorOf('demo', 'recepcao'));
    expect(queueActorOf('other', 'recepcao')).not.toBe(queueActorOf('demo', 'recepcao'));
  });

  test('is an event of that name to the other, which cannot be made to look like another', () => {
    const details = { ticket: 't', type: 'message.received', at: '0', from: 'x' };
    const tell = { type: 'actor.told', from: 'c_1', name: 'bell.rung', details };
    const [, heard] = told(telling({ to: '', name: '', details: {} }), 'c_2', takeover, tell);
    const audit = heard?.outputs.flatMap(({ record }) => ('subject' in record ? [record.subject] : []));
    expect(JSON.parse(audit?.find((text) => text?.startsWith('{')) ?? '{}')).toEqual({
      ticket: 't',
      type: 'bell.rung',
      from: 'c_1',
      at: 1_000,
      eventId: 'e1',
    });
  });

  test.each([
    ['what the host feeds', { to: 'c_2', name: 'message.received', details: {} }],
    ['what XState feeds', { to: 'c_2', name: 'xstate.done.actor.model', details: {} }],
    ['something large', { to: 'c_2', name: 'bell.rung', details: { text: 'x'.repeat(3_000) } }],
  ])('is never %s', (_, wanted) => {
    const [, applied] = told(telling(wanted), 'c_1', takeover, echoed);
    expect(applied).toMatchObject({ outcome: 'quarantined' });
    expect(applied?.envelope.quarantine).toMatchObject({ code: 'actor.effect-unsupported' });
  });

  test('begins a queue, is audited where nobody hears it, and is forwarded from a merged conversation', () => {
    const around = telling({ to: '', name: '', details: {} });
    const tell = { type: 'actor.told', from: 'c_1', name: 'bell.rung', details: {} };
    expect(told(around, 'q_1', tell)[0]?.envelope.episode).toMatchObject({ number: 1, machine: 'service-queue' });
    const [unheard] = told(around, 'c_2', tell);
    expect(unheard?.outputs).toMatchObject([{ record: { action: 'told.unheard', subject: 'c_1' } }]);
    const without = { ...around, configuration: () => ({ machines: {}, answerGroups: false }) };
    expect(told(without, 'q_1', tell)[0]?.outputs).toMatchObject([{ record: { action: 'told.unheard' } }]);
    const merge = { type: 'merge.requested', into: 'c_0', requestedBy: 'test' };
    const [, , forwarded] = told(around, 'c_1', takeover, merge, tell);
    expect(forwarded).toMatchObject({ outcome: 'forwarded' });
    expect(forwarded?.outputs).toMatchObject([{ record: { ...tell, actor: 'c_0' } }]);
  });
});
