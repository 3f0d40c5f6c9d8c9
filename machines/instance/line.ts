/** Who serves the line: a change is tried, and undone when it does not hold. */
import { assign } from 'xstate';
import type { ActionParams } from '#machines/machine.ts';
import type { RouteChange } from './asks.ts';
import type { InstanceContext } from './context.ts';
import { type Told, asking, atOf, audit, auditError, instanceSetup } from './setup.ts';

const auditWish = (type: string) => ({
  type: 'audit' as const,
  params: ({ context: { wish } }: Told): ActionParams['audit'] => ({
    type,
    subject: wish?.to ?? '',
    outcome: wish?.mode ?? 'switch',
  }),
});

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

/** The region. */
export const line = instanceSetup.createStateConfig({
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
        input: ({ context, event }) => routeInput(context, event, context.wish?.mode === 'split' ? 'split' : 'trial'),
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
});
