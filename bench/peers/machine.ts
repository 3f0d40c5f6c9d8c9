/** The conversation of the peers as the XState machine that Prosa's host runs. Same as `conversation.ts`. */
import { assign, setup } from 'xstate';

import type { ActionParams, ConversationEvent } from '#machines/machine.ts';
import { bounded } from '#machines/registry.ts';
import type { FindMachine, MachineRelease } from '#runtime/actor/machines.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';

import { patienceMs, replyText, wordOf } from './conversation.ts';

interface Context {
  readonly name: string;
  readonly count: number;
}

const said = (event: ConversationEvent): string =>
  event.type === 'message.received' && event.content.kind === 'text' ? wordOf(event.content.text) : '';

const content = (text: string): ActionParams['reply'] => ({ content: { kind: 'text', text } });

const confirm = {
  type: 'reply' as const,
  params: ({ context, event }: { readonly context: Context; readonly event: ConversationEvent }) =>
    content(replyText(context.count, 'choosing', `${context.name}, you chose ${said(event)}.`)),
};

const machine = setup({
  types: { context: {} as Context, events: {} as ConversationEvent },
  actions: {
    count: assign({ count: ({ context }) => context.count + 1 }),
    name: assign({ name: ({ event }) => said(event) }),
    reply: (_, _params: ActionParams['reply']) => undefined,
  },
  guards: { asksToBeReminded: ({ event }) => said(event) === '3' },
  delays: { patience: patienceMs },
}).createMachine({
  id: 'peers',
  context: { name: '', count: 0 },
  initial: 'greeting',
  states: {
    greeting: {
      on: {
        'message.received': {
          target: 'naming',
          actions: [
            'count',
            {
              type: 'reply',
              params: ({ context }) => content(replyText(context.count, 'naming', 'Hello, what is your name?')),
            },
          ],
        },
      },
    },
    naming: {
      after: { patience: { actions: { type: 'reply', params: content('Are you there?') } } },
      on: {
        'message.received': {
          target: 'choosing',
          actions: [
            'count',
            'name',
            {
              type: 'reply',
              params: ({ context }) =>
                content(replyText(context.count, 'choosing', `Welcome, ${context.name}. Choose 1, 2 or 3.`)),
            },
          ],
        },
      },
    },
    choosing: {
      after: { patience: { actions: { type: 'reply', params: content('You asked to be reminded.') } } },
      on: {
        'message.received': [
          { guard: 'asksToBeReminded', target: 'choosing', reenter: true, actions: ['count', confirm] },
          { actions: ['count', confirm] },
        ],
      },
    },
  },
});

/** The machine under the name that conversations run. */
const release: MachineRelease = {
  name: 'conversation',
  version: 'peers',
  machine: bounded(machine),
  settingsDefaults: {},
  problemsOf: () => [],
};

/** A registry with this machine alone. */
export const findPeersMachine: FindMachine = (name, version) =>
  name === release.name && version === release.version ? release : undefined;

/** A configuration under which conversations run it. */
export const peersConfiguration: Configuration = {
  machines: { [release.name]: { version: release.version, settings: {} } },
  answerGroups: false,
};
