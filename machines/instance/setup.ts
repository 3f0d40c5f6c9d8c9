/** What every region of an instance is made with: its events, what is asked of the outside, and the words of its audit. */
import { assign, raise, setup } from 'xstate';
import type { ActionParams, ActorInput, InstanceEvent } from '#machines/machine.ts';
import { type Check, type Sighting, asks } from './asks.ts';
import {
  type InstanceContext,
  type InstanceState,
  backoffOf,
  mayRecover,
  recentRecoveries,
  restrictionEnd,
} from './context.ts';
import type { InstanceSettings } from './settings.ts';

type Reported = Extract<InstanceEvent, { readonly type: 'instance.reported' }>;
type Requested = Extract<InstanceEvent, { readonly type: 'instance.requested' }>;

/** What regions tell each other. */
type Raised =
  | { readonly type: 'task.restart' | 'task.failed' | 'check.now'; readonly at: number }
  | { readonly type: 'instance.deaf'; readonly at: number; readonly since: number };

/** When it was: every event has the time of its record, completions and timers too, which the host adds. */
export const atOf = (event: unknown): number => (event as { readonly at: number }).at;
/** What an effect answered. */
export const outputOf = <Output>(event: unknown): Output => (event as { readonly output: Output }).output;
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

/** Makes the machine and its regions. */
export const instanceSetup = setup({
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

/** An audit event of the machine. */
export const audit = (type: string, outcome?: string) => ({
  type: 'audit' as const,
  params: { type, ...(outcome === undefined ? {} : { outcome }) },
});

/** What an action is made of. */
export interface Told {
  readonly context: InstanceContext;
  readonly event: unknown;
}

/** The same, with what an effect failed for. */
export const auditError = (type: string) => ({
  type: 'audit' as const,
  params: ({ event }: Told): ActionParams['audit'] => ({ type, outcome: codeOf(event) }),
});
/** Whether that is asked of the instance. */
export const asking = (operation: Requested['operation']) => ({ type: 'asks' as const, params: { operation } });
