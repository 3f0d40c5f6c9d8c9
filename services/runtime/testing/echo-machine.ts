/**
 * A machine for tests of the host, small enough to predict: it counts, asks an effect, sets timers,
 * and misbehaves on request. What it does is decided by the text it is told.
 */
import { assign, fromPromise, setup } from 'xstate';

import type { ActionParams, ActorInput, ConversationEvent } from '#machines/machine.ts';
import type { MachineRelease } from '#runtime/actor/machines.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';

interface EchoContext {
  readonly count: number;
  readonly answer: unknown;
  readonly carried: unknown;
}

const textOf = (event: ConversationEvent): string =>
  event.type === 'message.received' && event.content.kind === 'text' ? event.content.text : '';

const setupEcho = setup({
  types: {
    context: {} as EchoContext,
    events: {} as ConversationEvent | { readonly type: 'nudge' },
    input: {} as ActorInput | undefined,
  },
  actors: {
    lookUp: fromPromise<string, { readonly question: string }>(() =>
      Promise.reject(new Error('effects run elsewhere')),
    ),
  },
  actions: {
    reply: (_, _params: ActionParams['reply']) => undefined,
    audit: (_, _params: ActionParams['audit']) => undefined,
  },
  guards: {
    says: ({ event }, { word }: { readonly word: string }) => textOf(event as ConversationEvent) === word,
    loops: ({ event }) => textOf(event as ConversationEvent) === 'loop',
    explodes: ({ event }) => {
      if (textOf(event as ConversationEvent).startsWith('boom')) throw new Error('the machine threw');
      return false;
    },
  },
  delays: { patience: 60_000 },
});

const reply = (text: string) => ({ type: 'reply' as const, params: { content: { kind: 'text' as const, text } } });

const echoMachine = setupEcho.createMachine({
  id: 'echo',
  context: ({ input }) => ({ count: 0, answer: null, carried: input?.carried ?? null }),
  initial: 'listening',
  output: ({ context }) => ({ count: context.count }),
  states: {
    listening: {
      after: { patience: { target: 'listening', reenter: true, actions: reply('still there?') } },
      on: {
        'message.received': [
          { guard: 'explodes' },
          { guard: 'loops', target: 'looping' },
          { guard: { type: 'says', params: { word: 'ask' } }, target: 'asking' },
          {
            guard: { type: 'says', params: { word: 'unwritable context' } },
            actions: assign({ answer: () => 1n }),
          },
          {
            guard: { type: 'says', params: { word: 'unwritable reply' } },
            actions: { type: 'reply', params: { content: { kind: 'text', text: 1n as unknown as string } } },
          },
          { guard: { type: 'says', params: { word: 'huge reply' } }, actions: reply('x'.repeat(300_000)) },
          { guard: { type: 'says', params: { word: 'bye' } }, target: 'gone', actions: reply('bye') },
          {
            target: 'listening',
            reenter: true,
            actions: [
              assign({ count: ({ context }) => context.count + 1 }),
              {
                type: 'reply',
                params: ({ context, event }) => ({
                  content: { kind: 'text' as const, text: `${context.count}:${textOf(event)}` },
                }),
              },
            ],
          },
        ],
      },
    },
    asking: {
      invoke: {
        id: 'question',
        src: 'lookUp',
        input: { question: 'what?' },
        onDone: {
          target: 'listening',
          actions: [
            assign({ answer: ({ event }) => event.output }),
            {
              type: 'reply',
              params: ({ event }) => ({ content: { kind: 'text' as const, text: `answer:${event.output}` } }),
            },
          ],
        },
        onError: { target: 'listening', actions: reply('no answer') },
      },
      on: { 'message.received': { guard: { type: 'says', params: { word: 'never mind' } }, target: 'listening' } },
    },
    looping: { always: { target: 'looping2' } },
    looping2: { always: { target: 'looping' } },
    gone: { type: 'final' },
  },
});
echoMachine.options.maxIterations = 100;

/** The same, mended: to it the texts that broke the other are ordinary ones. */
const mendedMachine = echoMachine.provide({ guards: { loops: () => false, explodes: () => false } });

/** The machine under the name that conversations run. */
const echoRelease: MachineRelease = {
  name: 'conversation',
  version: 'echo',
  machine: echoMachine,
  settingsDefaults: {},
  problemsOf: () => [],
};

/** A registry with the echo machine alone. */
export const findEcho = (name: string, version: string): MachineRelease | undefined =>
  name === echoRelease.name && version === echoRelease.version ? echoRelease : undefined;

/** A registry with the mended machine under the same name and version, as after a repair. */
export const findMended = (name: string, version: string): MachineRelease | undefined => {
  const release = findEcho(name, version);
  return release === undefined ? undefined : { ...release, machine: mendedMachine };
};

/** A configuration under which conversations run it. */
export const echoConfiguration: Configuration = {
  machines: { conversation: { version: echoRelease.version, settings: {} } },
  answerGroups: false,
};
