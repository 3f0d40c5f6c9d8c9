/**
 * What every state of the conversation is made with: types, effects, actions. The agents
 * (`machines/scheduling/`, …) make their states with `conversation.createStateConfig`; `machine.ts` puts
 * them together.
 */
import { assign, raise, setup } from 'xstate';
import type { ActionParams, ConversationEvent } from '#machines/machine.ts';
import type { InboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';
import { type FileRead, type Means, asks } from './asks.ts';
import { positionPauseMs } from './attendance-context.ts';
import { givesUpHere } from './commands.ts';
import type { Consent, ConversationContext, ConversationInput, ConversationOutput } from './context.ts';
import { type Heard, ask, inboxMax, joined, lexiconIn } from './hearing.ts';
import { isWish, nameIn } from './first-wish.ts';
import type { Lexicon } from './lexicon.ts';
import * as replies from './replies.ts';
import { asksForLanguages, languageAskedIn, optsOut, textOf } from './understanding.ts';

/** What is told to the conversation by itself. */
type OwnEvent = { readonly type: 'session.expired' | 'position.due' };

/** What a reply or an audit is made of. */
export interface Of {
  readonly context: ConversationContext;
}

type Reply = ActionParams['reply'];

/** A text of a turn, in characters; and how many there are without a setting. */
const turnLengthMax = 500;
const turnsMax = 12;

/** Silence of an attendant after which the machine goes on, without a setting. */
const attendedTimeoutMs = 1_800_000;

const meansOf = ({ kind }: InboundContent): Means => {
  if (kind === 'audio') return 'voice';
  return kind === 'image' || kind === 'document' ? kind : 'text';
};

/** Which reader a message needs; undefined if it is read as it is. */
export function readerOf({ settings }: ConversationContext, event: { readonly type: string }): Means | undefined {
  if (event.type !== 'message.received') return undefined;
  const means = meansOf((event as Received).content);
  if (means === 'voice' && settings.media?.speechModel !== undefined) return means;
  return means === 'image' && settings.media?.visionModel !== undefined ? means : undefined;
}

/** What was pressed as it is; of everything else what can be read of it. */
const readable = (content: InboundContent): InboundContent =>
  content.kind === 'button' || content.kind === 'list' ? content : { kind: 'text', text: textOf(content) ?? '' };

type Received = ConversationEvent & { readonly type: 'message.received' };

const heardOf = ({ eventId, at, content }: Received): Heard => ({
  eventId,
  at,
  content: readable(content),
  means: meansOf(content),
  proposal: null,
  asked: false,
});

/** Adds a turn, where there is a model that may be shown it. */
function withTurn(context: ConversationContext, by: 'person' | 'us', text: string, at: number) {
  const { model } = context.settings;
  if (model === undefined || text === '') return context.turns;
  const turn = { by, text: text.slice(0, turnLengthMax), at };
  return [...context.turns, turn].slice(-(model.turnsMax ?? turnsMax));
}

const timeOf = (event: { readonly type: string }): number =>
  'at' in event && typeof event.at === 'number' ? event.at : 0;

interface Asked extends Of {
  readonly event: { readonly type: string };
}

/** Asks something of the message that this event is, if it is one. */
export function told<Answer>(
  { context, event }: Asked,
  question: (content: InboundContent, lexicon: Lexicon) => Answer,
): Answer | undefined {
  if (event.type !== 'message.received') return undefined;
  return question((event as Received).content, lexiconIn(context));
}

/** The name that this message gives. */
export const nameGiven = ({ context, event }: Asked): string | undefined =>
  event.type === 'message.received' ? nameIn(context, heardOf(event as Received), lexiconIn(context)) : undefined;

/** The consent as this event leaves it. */
const consentBy = ({ context, event }: Asked, status: 'given' | 'refused' | 'withdrawn'): Consent => {
  const received = event.type === 'message.received' ? (event as Received) : undefined;
  return {
    status,
    at: timeOf(event),
    noticeVersion: status === 'withdrawn' ? context.consent.noticeVersion : context.settings.noticeVersion,
    eventId: received?.eventId ?? null,
    by: received?.content.kind === 'button' ? 'button' : 'text',
  };
};

/** Declared for the host, which turns them into records; nothing happens here. */
const hostActions = {
  reply: (_: unknown, _params: Reply) => undefined,
  decline: (_: unknown, _params: ActionParams['decline']) => undefined,
  audit: (_: unknown, _params: ActionParams['audit']) => undefined,
  tell: (_: unknown, _params: ActionParams['tell']) => undefined,
};

/** The makings of the conversation. */
export const conversation = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's idiom: the assertion carries the types
  types: {} as {
    context: ConversationContext;
    events: ConversationEvent | OwnEvent;
    input: ConversationInput;
    output: ConversationOutput;
  },
  actors: asks,
  guards: {
    optsOut: (asked) =>
      told(asked, optsOut) === true && told(asked, (content) => givesUpHere(asked.context, content)) !== true,
    choosesLanguage: (asked) => told(asked, languageAskedIn) !== undefined,
    asksForLanguages: (asked) => told(asked, asksForLanguages) === true,
    mayNudge: ({ context: { nudges, nudgedAt, settings }, event }, params: { readonly max: number }) =>
      nudges < params.max || nudgedAt === null || timeOf(event) - nudgedAt >= settings.nudgePauseMs,
  },
  delays: {
    sessionTimeout: ({ context }) => context.settings.sessionTimeoutMs,
    burst: ({ context }) => context.settings.model?.burstMs ?? 0,
    fileTimeout: 60_000,
    attendedTimeout: ({ context }) => context.settings.queue?.attendedTimeoutMs ?? attendedTimeoutMs,
    queueTimeout: 15_000,
    positionPause: ({ context, event }) =>
      Math.max(1, (context.attendance.toldAt ?? 0) + positionPauseMs - timeOf(event)),
  },
  actions: {
    ...hostActions,
    /** The person is there: the silence begins anew. */
    heed: raise({ type: 'session.expired' } as const, { id: 'silence', delay: 'sessionTimeout' }),
    /** The person is told the position later: it was told just now. */
    awaitPosition: raise({ type: 'position.due' } as const, { id: 'position', delay: 'positionPause' }),
    /** Takes the message as what is to be decided about. */
    hear: assign(({ context, event }) => {
      if (event.type !== 'message.received') return {};
      const heard = heardOf(event);
      return { heard, turns: withTurn(context, 'person', textOf(heard.content) ?? '', event.at) };
    }),
    /** Keeps the message until the present one is done with. */
    keepForLater: assign(({ context, event }) =>
      event.type === 'message.received' ? { inbox: [...context.inbox, heardOf(event)].slice(-inboxMax) } : {},
    ),
    /** Keeps what is wanted until there is a consent and a name: the latest of it. */
    keepWish: assign(({ context, event }) => {
      if (event.type !== 'message.received') return {};
      const heard = heardOf(event);
      return isWish(context, heard) ? { inbox: [heard] } : {};
    }),
    /** Takes what was kept, a burst at a time. */
    takeFromInbox: assign(({ context }) => {
      const { heard, rest } = joined(context.inbox);
      if (heard === null) return {};
      return { heard, inbox: rest, turns: withTurn(context, 'person', textOf(heard.content) ?? '', heard.at) };
    }),
    /** More of the same burst. */
    joinHeard: assign(({ context: { heard, ...context }, event }) => {
      if (event.type !== 'message.received' || heard === null) return {};
      const { heard: all } = joined([heard, heardOf(event)]);
      return { heard: all, turns: withTurn({ heard, ...context }, 'person', textOf(event.content) ?? '', event.at) };
    }),
    /** Which message's file is awaited. */
    awaitFile: assign({
      file: ({ context, event }) => {
        const means = readerOf(context, event);
        if (means === undefined || event.type !== 'message.received') return null;
        return { eventId: event.eventId, means, caption: textOf(event.content) ?? null };
      },
    }),
    /** What was read of the file, heard; without a text the message is one that could not be read. */
    hearFile: assign(({ context, event }, { text, costMicros = 0 }: FileRead) => {
      const { file } = context;
      if (file === null) return {};
      const at = timeOf(event);
      const all = [file.caption ?? '', text].filter((part) => part.trim() !== '').join('\n');
      const content = { kind: 'text', text: all } as const;
      const heard: Heard = { eventId: file.eventId, at, content, means: file.means, proposal: null, asked: false };
      const model = { ...context.model, spentMicros: context.model.spentMicros + costMicros };
      return { heard, file: null, model, turns: withTurn(context, 'person', all, at) };
    }),
    /** The message is done with. */
    settle: assign({ heard: null, fresh: false }),
    startAfresh: assign({ nudges: 0, nudgedAt: null }),
    countNudge: assign({ nudges: ({ context }) => context.nudges + 1, nudgedAt: ({ event }) => timeOf(event) }),
    /** Changes what is known. */
    know: assign((_, params: { readonly known: Partial<ConversationContext> }) => params.known),
    /** Which question is open from here on. */
    open: assign({ step: (_, params: { readonly step: string }) => params.step }),
    requestConsent: assign({
      // An answer stays in force until there is another one.
      consent: ({ context: { consent, settings }, event }) =>
        consent.status === 'unknown' || consent.status === 'requested'
          ? {
              ...consent,
              status: 'requested' as const,
              at: timeOf(event),
              noticeVersion: settings.noticeVersion,
              eventId: event.type === 'message.received' ? event.eventId : null,
            }
          : consent,
    }),
    giveConsent: assign({ consent: (asked) => consentBy(asked, 'given') }),
    refuseConsent: assign({ consent: (asked) => consentBy(asked, 'refused'), name: null, inbox: [] }),
    withdrawConsent: assign({ consent: (asked) => consentBy(asked, 'withdrawn'), name: null }),
    takeLanguage: assign({
      locale: (asked) => told(asked, languageAskedIn) ?? ask(asked.context, languageAskedIn) ?? asked.context.locale,
      localeBy: 'person',
    }),
    keepName: assign({ name: (asked) => nameGiven(asked) ?? null }),
    noteReminder: assign({ nudges: 1, nudgedAt: ({ event }) => timeOf(event) }),
    /** Keeps what we said, for a model. */
    remember: assign({
      turns: ({ context, event }, params: { readonly said: Reply }) =>
        withTurn(context, 'us', asText(params.said.content), timeOf(event)),
    }),
  },
});

/** Says something: a reply, remembered. To be spread into `actions`. */
export const say = (compose: (of: Of) => Reply) =>
  [
    { type: 'reply', params: compose },
    { type: 'remember', params: (of: Of) => ({ said: compose(of) }) },
  ] as const;

/** Changes what is known, by what is known. */
export const knows = (change: (context: ConversationContext) => Partial<ConversationContext>) =>
  ({ type: 'know', params: ({ context }: Of) => ({ known: change(context) }) }) as const;

/** The same for one part of it. */
export const sets = <Part extends keyof ConversationContext>(
  part: Part,
  change: (context: ConversationContext) => ConversationContext[Part],
) => knows((context) => ({ [part]: change(context) }));

/** Opens a question: the entry of a state that waits for an answer. */
export const opens = (step: string) => ({ type: 'open', params: { step } }) as const;

/** An audit event without fields of its own. */
export const audits = (type: string) => ({ type: 'audit', params: { type } }) as const;

/** The message is done with; what was asked and not understood before it counts no more. To be spread into a transition's actions. */
export const settled = [{ type: 'startAfresh' }, { type: 'settle' }] as const;

/** The first branch of every state that takes messages: "PARAR" holds at once, whatever is being done. */
export const optingOut = {
  guard: 'optsOut',
  target: '#withdrawn',
  actions: [
    { type: 'reply', params: replies.confirmWithdrawal },
    { type: 'withdrawConsent' },
    { type: 'audit', params: replies.consentAnswered },
  ],
} as const;

/** Which languages there are, in a state outside of the agents', which waits on. */
export const offeringLanguages = <State extends string>(target: State) =>
  ({
    guard: 'asksForLanguages',
    target,
    reenter: true,
    actions: { type: 'reply', params: replies.offerLanguages },
  }) as const;

/** The language that the person asks for, in such a state: what was asked there is asked in it. */
export const takingLanguage = <State extends string, Answer>(target: State, answer: readonly Answer[]) =>
  ({
    guard: 'choosesLanguage',
    target,
    reenter: true,
    actions: ['takeLanguage', ...answer, { type: 'audit', params: replies.languageChosen }],
  }) as const;

/** Messages while something is done that takes a while: kept, and taken when it is. */
export const keepingMessages = {
  'message.received': [optingOut, { actions: ['heed', 'keepForLater'] }],
} as const;
