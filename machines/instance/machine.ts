/**
 * One provider instance (a number's session at WAHA, Evolution, …): how it is, what is done to keep it
 * so, and who serves its line. Four regions at once:
 *
 *   connection   unknown · stopped · starting · scanning · working · restricted · failed · recovering · deleted
 *
 *                any report or check leads to the state that it names, from any other but `deleted`
 *                starting    a connection was asked for; a stop is no news while it is under way
 *                restricted  it works, and may not write to new chats; ends by itself
 *                failed ──linked, and not too often──► recovering: backingOff ─► restarting ──too long──► failed
 *                   └──too often: says so, and stays until it is asked or seen to work
 *
 *   task         idle ⇄ connecting · restarting · loggingOut · removing · repairing      what is asked of the provider
 *   health       waiting ──checkEvery──► checking ──► waiting;  resting while there is nothing to check
 *   line         steady ─► verifying ─► moving ─► draining ─► trial ─► confirming ─► settling ─► steady
 *                                └─ split ─► steady                        └─ failed ─► returning ─► steady
 *
 * A region talks to another by raising an event. No final state: late records of a deleted instance
 * change nothing.
 */
import { assign, raise, setup } from 'xstate';
import type { ActionParams, ActorInput, InstanceEvent } from '#machines/machine.ts';
import { type Asks, type Availability, type Check, type RouteChange, type Sighting, asks } from './asks.ts';
import {
  type InstanceContext,
  type InstanceState,
  backoffOf,
  mayRecover,
  newContext,
  recentRecoveries,
  restrictionEnd,
} from './context.ts';
import type { InstanceSettings } from './settings.ts';

/** Rule of versions: see `machines/registry.ts`. Version 1 kept the latest report, and did nothing. */
export const instanceVersion = '2';

type Reported = Extract<InstanceEvent, { readonly type: 'instance.reported' }>;
type Requested = Extract<InstanceEvent, { readonly type: 'instance.requested' }>;

/** What regions tell each other. */
type Raised =
  | { readonly type: 'task.restart' | 'task.failed' | 'check.now'; readonly at: number }
  | { readonly type: 'instance.deaf'; readonly at: number; readonly since: number };

/** Every event has the time of its record, completions and timers too: the host adds it. */
const atOf = (event: unknown): number => (event as { readonly at: number }).at;
const outputOf = <Output>(event: unknown): Output => (event as { readonly output: Output }).output;
const codeOf = (event: unknown): string =>
  (event as { readonly error?: { readonly code?: string } }).error?.code ?? 'unknown';

const isReport = (event: unknown): event is Reported =>
  (event as { readonly type: string }).type === 'instance.reported';

/** The state that a report names; undefined when it says nothing. */
function namedBy(context: InstanceContext, event: unknown): InstanceState | undefined {
  if (!isReport(event) || event.status === 'unknown') return undefined;
  if (event.status !== 'working') return event.status;
  if (event.restriction !== undefined) return event.restriction.active ? 'restricted' : 'working';
  // That nothing is said of a restriction says nothing of it.
  const { restrictedUntil } = context;
  return restrictedUntil !== null && restrictedUntil > event.at ? 'restricted' : 'working';
}

/** Not before anything was told of it, and not once it is not to work. */
const needsCheck = ({ status, changedAt }: InstanceContext): boolean =>
  changedAt !== null && status !== 'stopped' && status !== 'deleted';

const setupInstance = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's idiom: the assertion carries the types
  types: {} as {
    context: InstanceContext;
    events: InstanceEvent | Raised;
    input: ActorInput<InstanceSettings> | undefined;
  },
  actors: asks,
  actions: {
    // Declared for the host, which turns it into a record; nothing happens here.
    audit: (_: unknown, _params: ActionParams['audit']) => undefined,
    /** Takes up a state, and what came with it. */
    become: assign(({ context, event }, { status }: { readonly status: InstanceState }) => {
      const at = atOf(event);
      const works = status === 'working' || status === 'restricted';
      const { restriction, qr } = isReport(event) ? event : {};
      const lostAt = works ? null : (context.lostAt ?? (context.linked ? (context.checkedAt ?? at) : null));
      return {
        status,
        changedAt: at,
        linked: works || (context.linked && status !== 'scanning'),
        lostAt,
        repairFrom: works && context.lostAt !== null ? context.lostAt : context.repairFrom,
        reason: works ? null : context.reason,
        missed: 0,
        qr: status === 'scanning' ? (qr === undefined ? context.qr : { ...qr, at }) : null,
        phoneNumber: works ? null : context.phoneNumber,
        restrictedUntil:
          status === 'restricted' && restriction !== undefined
            ? restrictionEnd(restriction.until, at, context.settings)
            : status === 'working'
              ? null
              : context.restrictedUntil,
      };
    }),
    because: assign((_, { reason }: { readonly reason: string | null }) => ({ reason })),
    keepQr: assign(({ context, event }) =>
      isReport(event) && event.qr !== undefined ? { qr: { ...event.qr, at: event.at } } : { qr: context.qr },
    ),
    forgetWish: assign({ wish: null }),
    /** A check that was answered is a report. */
    tell: raise(({ event }) => ({
      ...outputOf<Sighting>(event),
      type: 'instance.reported',
      at: atOf(event),
      eventId: '',
    })),
    startTask: raise(({ event }) => ({ type: 'task.restart', at: atOf(event) }) as const),
    checkNow: raise(({ event }) => ({ type: 'check.now', at: atOf(event) }) as const),
    countRecovery: assign(({ context, event }) => ({
      recoveries: [...recentRecoveries(context, atOf(event)), atOf(event)],
    })),
  },
  guards: {
    servingChanged: ({ event }) => outputOf<{ readonly servedBy: string | null }>(event).servedBy !== null,
    names: ({ context, event }, { status }: { readonly status: InstanceState }) =>
      namedBy(context, event) === status && context.status !== status,
    namesFailure: ({ context, event }) => {
      const named = namedBy(context, event);
      // A session that stopped by itself has failed, if it ever worked.
      return context.status !== 'failed' && (named === 'failed' || (named === 'stopped' && context.linked));
    },
    bringsQr: ({ context, event }) =>
      context.status === 'scanning' && isReport(event) && event.qr !== undefined && event.qr.code !== context.qr?.code,
    asks: ({ event }, { operation }: { readonly operation: Requested['operation'] }) =>
      event.type === 'instance.requested' && event.operation === operation,
    asksRoute: ({ event }) =>
      event.type === 'instance.requested' &&
      (event.operation === 'switch' || event.operation === 'split') &&
      event.route !== undefined,
    mayRecover: ({ context, event }) => mayRecover(context, atOf(event)),
    wasLinked: ({ context }) => context.linked,
    hasGap: ({ context }) => context.repairFrom !== null,
    isOver: ({ context }) => context.missed + 1 >= context.settings.missedMax,
    isSplit: ({ context }) => context.wish?.mode === 'split',
    needsNoCheck: ({ context }) => !needsCheck(context),
    needsCheck: ({ context }) => needsCheck(context),
    isDeaf: ({ context, event }) => {
      const { silentSince } = outputOf<Check>(event);
      const { deafAfterMs } = context.settings;
      const works = context.status === 'working' || context.status === 'restricted';
      return works && deafAfterMs > 0 && silentSince !== null && atOf(event) - silentSince > deafAfterMs;
    },
  },
  delays: {
    checkEvery: ({ context: { status, settings } }) =>
      status === 'scanning' ? settings.scanEveryMs : settings.checkEveryMs,
    backoff: ({ context }) => backoffOf(context),
    recoverWithin: ({ context }) => context.settings.recoverWithinMs,
    restrictionEnds: ({ context }) => Math.max(1_000, (context.restrictedUntil ?? 0) - (context.changedAt ?? 0)),
    trial: ({ context }) => context.settings.trialMs,
  },
});

const audit = (type: string, outcome?: string) => ({
  type: 'audit' as const,
  params: { type, ...(outcome === undefined ? {} : { outcome }) },
});

interface Told {
  readonly context: InstanceContext;
  readonly event: unknown;
}

const auditError = (type: string) => ({
  type: 'audit' as const,
  params: ({ event }: Told): ActionParams['audit'] => ({ type, outcome: codeOf(event) }),
});
const auditWish = (type: string) => ({
  type: 'audit' as const,
  params: ({ context: { wish } }: Told): ActionParams['audit'] => ({
    type,
    subject: wish?.to ?? '',
    outcome: wish?.mode ?? 'switch',
  }),
});
const auditServing = {
  type: 'audit',
  params: ({ context, event }: Told): ActionParams['audit'] => {
    const { servedBy } = outputOf<{ readonly servedBy: string | null }>(event);
    return { type: servedBy === context.instance ? 'line.returned' : 'line.fell-back', subject: servedBy ?? '' };
  },
} as const;
const auditRepair = {
  type: 'audit',
  params: ({ event }: Told): ActionParams['audit'] => {
    const { found, recovered, complete } = outputOf<Asks['instance.repair'][1]>(event);
    const counts = `${recovered.toString()} of ${found.toString()}`;
    return { type: 'instance.repaired', outcome: complete ? counts : `${counts}, cut` };
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
const asking = (operation: Requested['operation']) => ({ type: 'asks' as const, params: { operation } });
const inputOf = ({ context }: { readonly context: InstanceContext }) => ({ instance: context.instance });

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

const refused = {
  target: 'steady',
  actions: [auditError('line.refused'), 'forgetWish'],
} as const;

const verifyInput = ({ instance, wish }: InstanceContext) => {
  const { mode, ...route } = wish ?? { mode: 'switch' as const, to: '', fallbacks: [] };
  return { instance, wish: route, mode };
};

const routeInput = (context: InstanceContext, event: unknown, step: RouteChange['step']) => ({
  instance: context.instance,
  change: { ...verifyInput(context).wish, step },
  at: atOf(event),
});

/** The machine; pure, see `machines/README.md`. */
export const instanceMachine = setupInstance.createMachine({
  id: 'instance',
  version: instanceVersion,
  context: ({ input }) => newContext(input),
  type: 'parallel',
  states: {
    connection: {
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
    },

    task: {
      initial: 'idle',
      on: {
        'instance.requested': [
          {
            guard: asking('connect'),
            target: '.connecting',
            actions: assign({ phoneNumber: ({ event }) => event.phoneNumber ?? null }),
          },
          { guard: asking('logout'), target: '.loggingOut' },
          { guard: asking('delete'), target: '.removing' },
        ],
        'task.restart': { target: '.restarting' },
      },
      states: {
        idle: { always: { guard: 'hasGap', target: 'repairing' } },
        connecting: {
          invoke: {
            id: 'connect',
            src: 'instance.connect',
            input: ({ context }) => ({ instance: context.instance, phoneNumber: context.phoneNumber }),
            onDone: { target: 'idle', actions: 'tell' },
            onError: {
              target: 'idle',
              actions: [
                auditError('instance.connect-failed'),
                raise(({ event }) => ({ type: 'task.failed', at: atOf(event) }) as const),
              ],
            },
          },
        },
        restarting: {
          invoke: {
            id: 'restart',
            src: 'instance.restart',
            input: inputOf,
            onDone: { target: 'idle', actions: 'tell' },
            onError: {
              target: 'idle',
              actions: [
                auditError('instance.restart-failed'),
                raise(({ event }) => ({ type: 'task.failed', at: atOf(event) }) as const),
              ],
            },
          },
        },
        loggingOut: {
          invoke: {
            id: 'logout',
            src: 'instance.logout',
            input: inputOf,
            onDone: { target: 'idle' },
            onError: { target: 'idle', actions: auditError('instance.logout-failed') },
          },
        },
        removing: {
          // Nothing interrupts it: there is no way back.
          on: { 'instance.requested': {}, 'task.restart': {} },
          invoke: {
            id: 'remove',
            src: 'instance.remove',
            input: inputOf,
            onDone: { target: 'idle', actions: audit('instance.removed') },
            onError: { target: 'idle', actions: auditError('instance.remove-failed') },
          },
        },
        repairing: {
          invoke: {
            id: 'repair',
            src: 'instance.repair',
            input: ({ context, event }) => ({
              instance: context.instance,
              from: context.repairFrom ?? atOf(event),
              to: atOf(event),
            }),
            onDone: { target: 'idle', actions: [assign({ repairFrom: null }), auditRepair] },
            onError: {
              target: 'idle',
              actions: [assign({ repairFrom: null }), auditError('instance.repair-failed')],
            },
          },
        },
      },
    },

    health: {
      initial: 'resting',
      states: {
        waiting: {
          always: { guard: 'needsNoCheck', target: 'resting' },
          after: { checkEvery: 'checking' },
          on: { 'check.now': 'checking' },
        },
        resting: { always: { guard: 'needsCheck', target: 'waiting' } },
        checking: {
          always: { guard: 'needsNoCheck', target: 'resting' },
          invoke: {
            id: 'check',
            src: 'instance.check',
            input: ({ context }) => ({ instance: context.instance, status: context.status }),
            onDone: [
              {
                guard: 'isDeaf',
                target: 'waiting',
                actions: raise(
                  ({ event }) =>
                    ({
                      type: 'instance.deaf',
                      at: atOf(event),
                      since: outputOf<Check>(event).silentSince ?? atOf(event),
                    }) as const,
                ),
              },
              {
                target: 'waiting',
                actions: [assign({ missed: 0, checkedAt: ({ event }) => atOf(event) }), 'tell'],
              },
            ],
            onError: [
              {
                guard: 'isOver',
                target: 'waiting',
                actions: [
                  assign({ missed: 0 }),
                  raise(({ event }) => ({ type: 'instance.reported', status: 'failed', at: atOf(event), eventId: '' })),
                ],
              },
              { target: 'waiting', actions: assign({ missed: ({ context }) => context.missed + 1 }) },
            ],
          },
        },
      },
    },

    line: {
      initial: 'steady',
      on: {
        'instance.requested': [
          { guard: asking('delete'), target: '.steady', actions: 'forgetWish' },
          { guard: 'asksRoute', actions: audit('line.refused', 'line.busy') },
        ],
      },
      states: {
        steady: {
          on: {
            'instance.requested': {
              guard: 'asksRoute',
              target: 'verifying',
              actions: [
                assign({
                  wish: ({ event }) => ({
                    fallbacks: [],
                    to: '',
                    ...event.route,
                    mode: event.operation === 'split' ? 'split' : 'switch',
                  }),
                }),
                auditWish('line.change-requested'),
              ],
            },
          },
        },
        verifying: {
          invoke: {
            id: 'verify',
            src: 'line.verify',
            input: ({ context }) => verifyInput(context),
            onDone: { target: 'moving', actions: auditWish('line.verified') },
            onError: refused,
          },
        },
        moving: {
          invoke: {
            id: 'move',
            src: 'line.route',
            input: ({ context, event }) =>
              routeInput(context, event, context.wish?.mode === 'split' ? 'split' : 'trial'),
            onDone: [
              {
                guard: 'isSplit',
                target: 'steady',
                actions: [auditWish('line.split'), 'forgetWish'],
              },
              { target: 'draining', actions: auditWish('line.moved') },
            ],
            onError: refused,
          },
        },
        draining: {
          invoke: {
            id: 'drain',
            src: 'line.drain',
            input: ({ context }) => ({ instance: context.instance, withinMs: context.settings.drainWithinMs }),
            onDone: { target: 'trial', actions: auditWish('line.drained') },
            // What is left on its way ends where it is: the move stands.
            onError: { target: 'trial', actions: auditError('line.drain-failed') },
          },
        },
        trial: { after: { trial: 'confirming' } },
        confirming: {
          invoke: {
            id: 'confirm',
            src: 'line.verify',
            input: ({ context }) => verifyInput(context),
            onDone: 'settling',
            onError: {
              target: 'returning',
              actions: auditError('line.change-failed'),
            },
          },
        },
        settling: {
          invoke: {
            id: 'settle',
            src: 'line.route',
            input: ({ context, event }) => routeInput(context, event, 'settle'),
            onDone: {
              target: 'steady',
              actions: [auditWish('line.settled'), 'forgetWish'],
            },
            onError: refused,
          },
        },
        returning: {
          invoke: {
            id: 'return',
            src: 'line.route',
            input: ({ context, event }) => routeInput(context, event, 'return'),
            onDone: {
              target: 'steady',
              actions: [auditWish('line.change-undone'), 'forgetWish'],
            },
            onError: refused,
          },
        },
      },
    },
  },
});
