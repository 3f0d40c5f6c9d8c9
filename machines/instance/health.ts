/** Looks at the provider every so often: whether it answers, and whether anything arrives. */
import { assign, raise } from 'xstate';
import type { Check } from './asks.ts';
import { atOf, instanceSetup, outputOf } from './setup.ts';

/** The region. */
export const health = instanceSetup.createStateConfig({
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
});
