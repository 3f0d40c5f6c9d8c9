/** How an instance is, as reports and checks tell it: see `machine.ts`. */
import { assign } from 'xstate';
import type { ActionParams } from '#machines/machine.ts';
import type { Availability } from './asks.ts';
import type { InstanceState } from './context.ts';
import { type Told, asking, atOf, audit, instanceSetup, outputOf } from './setup.ts';

const auditServing = {
  type: 'audit',
  params: ({ context, event }: Told): ActionParams['audit'] => {
    const { servedBy } = outputOf<{ readonly servedBy: string | null }>(event);
    return { type: servedBy === context.instance ? 'line.returned' : 'line.fell-back', subject: servedBy ?? '' };
  },
} as const;

/** What is done on the way into a state. */
const into = (status: InstanceState) =>
  [{ type: 'become' as const, params: { status } }, audit('instance.changed', status)] as const;

/** Tells the senders; left alone when the state goes on to another, which tells its own. */
const announce = (availability: Availability) =>
  ({
    src: 'instance.announce',
    input: ({ context, event }: Told) => ({
      instance: context.instance,
      availability,
      at: atOf(event),
    }),
    onDone: [{ guard: 'servingChanged', actions: auditServing }, {}],
    // The runner tried for long; the next change tells again.
    onError: {},
  }) as const;

const named = (status: InstanceState) => ({ type: 'names' as const, params: { status } });

/** The ways into states that a report opens, whatever the present one. */
const good = [
  { guard: named('restricted'), target: '#instance.connection.restricted', actions: into('restricted') },
  { guard: named('working'), target: '#instance.connection.working', actions: into('working') },
] as const;
const toScan = [
  {
    guard: named('scanning'),
    target: '#instance.connection.scanning',
    actions: [{ type: 'because', params: { reason: 'session.not-linked' } }, ...into('scanning')],
  },
] as const;
const toFailed = {
  target: '#instance.connection.failed',
  actions: [{ type: 'because', params: { reason: 'session.failed' } }, ...into('failed')],
} as const;

/** The region. */
export const connection = instanceSetup.createStateConfig({
  initial: 'unknown',
  on: {
    'instance.reported': [
      ...good,
      ...toScan,
      { guard: named('starting'), target: '.starting', actions: into('starting') },
      { guard: 'namesFailure', ...toFailed },
      { guard: named('stopped'), target: '.stopped', actions: into('stopped') },
      { guard: 'bringsQr', actions: 'keepQr' },
    ],
    'instance.requested': [
      { guard: asking('create'), actions: [assign({ changedAt: ({ event }) => event.at }), 'checkNow'] },
      { guard: asking('delete'), target: '.deleted', actions: into('deleted') },
      {
        guard: asking('logout'),
        target: '.stopped',
        actions: [assign({ linked: false, lostAt: null, repairFrom: null, reason: null }), ...into('stopped')],
      },
      { guard: asking('connect'), target: '.starting', actions: into('starting') },
      {
        guard: asking('recover'),
        target: '.recovering.restarting',
        actions: [assign({ recoveries: [] }), ...into('recovering')],
      },
      { guard: asking('restart'), target: '.recovering.restarting', actions: into('recovering') },
    ],
    'instance.deaf': {
      target: '.failed',
      actions: [
        assign({ lostAt: ({ event }) => event.since, reason: 'session.deaf' }),
        audit('instance.deaf'),
        ...into('failed'),
      ],
    },
  },
  states: {
    unknown: {},
    stopped: { invoke: announce('down') },
    starting: {
      // The old session may still say that it stops.
      on: {
        'instance.reported': [
          ...good,
          ...toScan,
          { guard: named('failed'), ...toFailed },
          { guard: named('starting') },
        ],
        'task.failed': toFailed,
      },
      after: { recoverWithin: toFailed },
    },
    scanning: { entry: 'checkNow', invoke: announce('down') },
    working: { invoke: announce('available') },
    restricted: {
      invoke: announce('restricted'),
      after: { restrictionEnds: { target: 'working', actions: into('working') } },
    },
    failed: {
      invoke: announce('down'),
      initial: 'deciding',
      states: {
        deciding: {
          always: [
            {
              guard: 'mayRecover',
              target: '#instance.connection.recovering.backingOff',
              actions: into('recovering'),
            },
            { guard: 'wasLinked', target: 'resting', actions: audit('instance.recovery-stopped') },
            { target: 'resting' },
          ],
        },
        resting: {},
      },
    },
    recovering: {
      invoke: announce('down'),
      // Until it works or a person is needed, what it reports on the way is no news.
      on: {
        'instance.reported': [
          ...good,
          ...toScan,
          { guard: { type: 'names', params: { status: 'failed' } } },
          { guard: { type: 'names', params: { status: 'stopped' } } },
          { guard: { type: 'names', params: { status: 'starting' } } },
        ],
        'task.failed': toFailed,
      },
      states: {
        backingOff: { entry: 'countRecovery', after: { backoff: 'restarting' } },
        restarting: { entry: 'startTask', after: { recoverWithin: toFailed } },
      },
      initial: 'backingOff',
    },
    deleted: {
      invoke: announce('down'),
      on: { 'instance.reported': {}, 'instance.requested': {}, 'instance.deaf': {} },
    },
  },
});
