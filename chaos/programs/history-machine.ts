/**
 * The machine of the chaos runs: answers every message with its count and the hash of its history,
 * whatever else it is doing; waits with a timer, asks effects, ends episodes and throws on request.
 * In two versions that say the same and keep their context differently.
 */
import { assign, fromPromise, setup } from 'xstate';

import type { ActionParams, ActorInput, ConversationEvent } from '#machines/machine.ts';
import type { FindMachine, MachineRelease } from '#runtime/actor/machines.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';

import { nextHash, nothingSaid, prompts, replyText } from '../model.ts';

interface History {
  readonly count: number;
  readonly hash: number;
}

interface Context {
  readonly history: History;
  /** Differs between versions. */
  readonly kept: string;
}

/** Milliseconds without a message after which the machine says so, once. */
const patienceMs = 1_500;

const textOf = (event: { readonly type: string }): string => {
  const told = event as ConversationEvent;
  return told.type === 'message.received' && told.content.kind === 'text' ? told.content.text : '';
};

const setupHistory = setup({
  types: {
    context: {} as Context,
    events: {} as ConversationEvent,
    input: {} as ActorInput | undefined,
  },
  actors: {
    lookUp: fromPromise<string, { readonly question: string }>(() =>
      Promise.reject(new Error('effects run elsewhere')),
    ),
  },
  actions: {
    reply: (_, _params: ActionParams['reply']) => undefined,
    remember: assign(({ context: { history }, event }) => ({
      history: { count: history.count + 1, hash: nextHash(history.hash, textOf(event)) },
    })),
  },
  guards: {
    begins: ({ event }, { word }: { readonly word: string }) => textOf(event).startsWith(word),
    explodes: ({ event }) => {
      if (textOf(event).startsWith(prompts.boom)) throw new Error('the machine threw');
      return false;
    },
  },
  delays: { patience: patienceMs },
});

const answer = [
  'remember' as const,
  {
    type: 'reply' as const,
    params: ({ context: { history }, event }: { readonly context: Context; readonly event: ConversationEvent }) => ({
      content: { kind: 'text' as const, text: replyText(history.count, history.hash, textOf(event)) },
    }),
  },
];

const says = (text: string) => ({ type: 'reply' as const, params: { content: { kind: 'text' as const, text } } });
const begins = (word: string) => ({ type: 'begins' as const, params: { word } });

const machineOf = (kept: string) => {
  const machine = setupHistory.createMachine({
    id: 'history',
    context: ({ input }) => ({
      history: (input?.carried as History | undefined) ?? { count: 0, hash: nothingSaid },
      kept,
    }),
    output: ({ context }) => context.history,
    initial: 'listening',
    on: {
      'message.received': [
        { guard: 'explodes' },
        { guard: begins(prompts.loop), target: '.looping' },
        { guard: begins(prompts.bye), target: '.gone', actions: answer },
        { guard: begins(prompts.ask), target: '.asking', reenter: true, actions: answer },
        { target: '.listening', reenter: true, actions: answer },
      ],
    },
    states: {
      listening: { after: { patience: { target: 'quiet', actions: says('still there?') } } },
      quiet: {},
      asking: {
        invoke: {
          id: 'question',
          src: 'lookUp',
          input: { question: 'what?' },
          onDone: {
            target: 'listening',
            actions: {
              type: 'reply',
              params: ({ event }) => ({ content: { kind: 'text' as const, text: `answer ${event.output}` } }),
            },
          },
          onError: { target: 'listening', actions: says('no answer') },
        },
      },
      looping: { always: { target: 'loopingBack' } },
      loopingBack: { always: { target: 'looping' } },
      gone: { type: 'final' },
    },
  });
  machine.options.maxIterations = 100;
  return machine;
};

const releaseOf = (version: string): MachineRelease => ({
  name: 'conversation',
  version,
  machine: machineOf(version),
  settingsDefaults: {},
  problemsOf: () => [],
});

const releases = new Map(['history-1', 'history-2'].map((version) => [version, releaseOf(version)]));

/** Versions that there are. */
export const historyVersions: readonly string[] = [...releases.keys()];

/** A registry of some versions; a process that was not upgraded yet has the first alone. */
export const findHistory =
  (versions: readonly string[] = historyVersions): FindMachine =>
  (name, version) =>
    name === 'conversation' && versions.includes(version) ? releases.get(version) : undefined;

/** A configuration that puts a version in force. */
export const historyConfiguration = (version: string): Configuration => ({
  machines: { conversation: { version, settings: {} } },
  answerGroups: false,
});
