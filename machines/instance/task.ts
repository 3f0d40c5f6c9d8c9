/** What is asked of the provider, one thing at a time. */
import { assign, raise } from 'xstate';
import type { ActionParams } from '#machines/machine.ts';
import type { Asks } from './asks.ts';
import type { InstanceContext } from './context.ts';
import { type Told, asking, atOf, audit, auditError, instanceSetup, outputOf } from './setup.ts';

const auditRepair = {
  type: 'audit',
  params: ({ event }: Told): ActionParams['audit'] => {
    const { found, recovered, complete } = outputOf<Asks['instance.repair'][1]>(event);
    const counts = `${recovered.toString()} of ${found.toString()}`;
    return { type: 'instance.repaired', outcome: complete ? counts : `${counts}, cut` };
  },
} as const;

const inputOf = ({ context }: { readonly context: InstanceContext }) => ({ instance: context.instance });

/** The region. */
export const task = instanceSetup.createStateConfig({
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
});
