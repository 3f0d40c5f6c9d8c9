/**
 * Version 1 of the conversation with one person: consent first, then the name, then a menu.
 *
 *                       ┌──────┐
 *                       │ idle │  nothing is sent until the person writes
 *                       └──┬───┘
 *      nothing agreed yet  │  consent in force: name unknown ─► name, known ─► menu
 *                          ▼
 *                    ┌─────────┐  "saber mais", unclear: asks again, seldom
 *                    │ consent │◄─┐
 *                    └─┬─────┬─┘──┘
 *                  sim │     │ não       ┌──────────┐  one reminder, then silence
 *                      │     └──────────►│ declined │◄─┐
 *                      ▼                 └─┬──────┬─┘──┘
 *                   ┌──────┐   clear "sim" │
 *                   │ name │◄──────────────┘
 *                   └─┬──┬─┘
 *   a name, or "pular"│  │ "atendente"
 *                     ▼  └──────────────┐
 *                  ┌──────┐  3, "pessoa" ▼
 *             ┌───►│ menu │───────►┌──────────────────┐
 *      1, 2   └────│      │◄───────│ waitingForPerson │
 *                  └──────┘ "menu" └──────────────────┘
 *
 *   every state    ── "PARAR" (whole message) ──────────► withdrawn (final)
 *   every state    ── "English" (whole message) ────────► the same, its question in that language
 *                     (in idle: what would have been next), for this episode and all later ones
 *   every state    ── "idioma" (whole message) ─────────► the same, the languages are offered
 *   all but idle   ── silence for sessionTimeoutMs ─────► expired   (final, says nothing)
 *
 * Long, because it is one declaration that the visualiser reads.
 *
 * Every message of the person enters its state anew, which starts the silence again. Requested
 * messages, echoes and delivery reports leave state and silence alone. After a final state the
 * person's next message begins an episode, which is given `output` of this one as `carried`.
 */
import { assign, setup } from 'xstate';
import type { ActionParams, ConversationEvent } from '#machines/machine.ts';
import {
  type Consent,
  type ConversationInput,
  type ConversationOutput,
  type PersonContext as ConversationContext,
  consentInForce,
  personContextOf as contextOf,
} from '../context.ts';
import * as replies from '../replies.ts';
import type { Choice, Lexicon } from '../lexicon.ts';
import { languageOf } from '../texts/catalogue.ts';
import {
  acceptsClearly,
  answerOf,
  asksForLanguages,
  asksWhy,
  choiceOf,
  greets,
  languageAskedIn,
  nameOf,
  optsOut,
  skipsName,
  wordedChoiceOf,
} from '../understanding.ts';
import type { InboundContent } from '#schemas/content.ts';

/** Rule of versions: see `machines/registry.ts`. */
export const conversationVersion = '1';

interface Asked {
  readonly context: ConversationContext;
  readonly event: ConversationEvent;
}

/** Asks something of the message, if it is one. */
function heard<Answer>(
  { context, event }: Asked,
  question: (content: InboundContent, lexicon: Lexicon) => Answer,
): Answer | undefined {
  if (event.type !== 'message.received') return undefined;
  return question(event.content, languageOf(context.locale).lexicon);
}

/** The consent as this event leaves it. */
const consentBy = ({ context, event }: Asked, status: 'given' | 'refused' | 'withdrawn'): Consent => ({
  status,
  at: event.at,
  noticeVersion: status === 'withdrawn' ? context.consent.noticeVersion : context.settings.noticeVersion,
  eventId: event.eventId,
  by: event.type === 'message.received' && event.content.kind === 'button' ? 'button' : 'text',
});

/** Declared for the host, which turns them into records; nothing happens here. */
const hostActions = {
  reply: (_: unknown, _params: ActionParams['reply']) => undefined,
  decline: (_: unknown, _params: ActionParams['decline']) => undefined,
  audit: (_: unknown, _params: ActionParams['audit']) => undefined,
};

/** The machine; pure, see `machines/README.md`. */
export const conversationMachine = setup({
  // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-assertion -- XState's idiom: the assertion carries the types
  types: {} as {
    context: ConversationContext;
    events: ConversationEvent;
    input: ConversationInput;
    output: ConversationOutput;
  },
  delays: {
    sessionTimeout: ({ context }) => context.settings.sessionTimeoutMs,
  },
  actions: {
    ...hostActions,
    requestConsent: assign({
      // An answer stays in force until there is another one.
      consent: ({ context: { consent, settings }, event }) =>
        consent.status === 'unknown' || consent.status === 'requested'
          ? {
              ...consent,
              status: 'requested' as const,
              at: event.at,
              noticeVersion: settings.noticeVersion,
              eventId: event.eventId,
            }
          : consent,
    }),
    giveConsent: assign({ consent: (asked) => consentBy(asked, 'given') }),
    refuseConsent: assign({ consent: (asked) => consentBy(asked, 'refused'), name: null }),
    withdrawConsent: assign({ consent: (asked) => consentBy(asked, 'withdrawn'), name: null }),
    takeLanguage: assign({
      locale: (asked) => heard(asked, languageAskedIn) ?? asked.context.locale,
      localeBy: 'person',
    }),
    keepName: assign({ name: (asked) => heard(asked, nameOf) ?? null }),
    startAfresh: assign({ nudges: 0, nudgedAt: null }),
    noteReminder: assign({ nudges: 1, nudgedAt: ({ event }) => event.at }),
    countNudge: assign({ nudges: ({ context }) => context.nudges + 1, nudgedAt: ({ event }) => event.at }),
  },
  guards: {
    optsOut: (asked) => heard(asked, optsOut) === true,
    choosesLanguage: (asked) => heard(asked, languageAskedIn) !== undefined,
    choosesLanguageAndIsKnown: (asked) =>
      heard(asked, languageAskedIn) !== undefined && consentInForce(asked.context) && asked.context.name !== null,
    choosesLanguageAndHasConsent: (asked) =>
      heard(asked, languageAskedIn) !== undefined && consentInForce(asked.context),
    asksForLanguages: (asked) => heard(asked, asksForLanguages) === true,
    isKnown: ({ context }) => consentInForce(context) && context.name !== null,
    hasConsent: ({ context }) => consentInForce(context),
    acceptsAndIsNamed: (asked) => heard(asked, answerOf) === 'yes' && asked.context.name !== null,
    accepts: (asked) => heard(asked, answerOf) === 'yes',
    acceptsClearly: (asked) => heard(asked, acceptsClearly) === true,
    refuses: (asked) => heard(asked, answerOf) === 'no',
    asksWhy: (asked) => heard(asked, asksWhy) === true,
    givesName: (asked) => heard(asked, nameOf) !== undefined,
    skipsName: (asked) => heard(asked, skipsName) === true,
    asksForPerson: (asked) => heard(asked, wordedChoiceOf) === 'person',
    chooses: (asked, params: { readonly choice: Choice }) => heard(asked, choiceOf) === params.choice,
    mayNudge: ({ context: { nudges, nudgedAt, settings }, event }, params: { readonly max: number }) =>
      nudges < params.max || nudgedAt === null || event.at - nudgedAt >= settings.nudgePauseMs,
    greetsAndMayNudge: (asked) => heard(asked, greets) === true && asked.context.nudges < replies.nudgesMax.menu,
    notReminded: ({ context }) => context.nudges === 0,
    objects: ({ context }) => context.consent.status === 'refused' || context.consent.status === 'withdrawn',
    wroteOnPhone: ({ event }) => event.type === 'message.echoed' && event.source === 'app',
  },
}).createMachine({
  id: 'conversation',
  version: conversationVersion,
  context: ({ input }) => contextOf(input),
  output: ({ context: { consent, name, locale, localeBy } }) => ({ consent, name, locale, localeBy }),
  initial: 'idle',
  on: {
    'message.requested': [
      { guard: 'objects', actions: { type: 'decline', params: replies.refusal } },
      { actions: { type: 'reply', params: replies.relay } },
    ],
    'message.echoed': {
      guard: 'wroteOnPhone',
      actions: { type: 'audit', params: { type: 'attendant.wrote' } },
    },
  },
  states: {
    idle: {
      on: {
        'message.received': [
          {
            guard: 'optsOut',
            target: 'withdrawn',
            actions: [
              { type: 'reply', params: replies.confirmWithdrawal },
              'withdrawConsent',
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'choosesLanguageAndIsKnown',
            target: 'menu',
            actions: [
              'takeLanguage',
              { type: 'reply', params: replies.welcomeBack },
              { type: 'audit', params: replies.languageChosen },
              { type: 'audit', params: { type: 'session.resumed' } },
            ],
          },
          {
            guard: 'choosesLanguageAndHasConsent',
            target: 'name',
            actions: [
              'takeLanguage',
              { type: 'reply', params: replies.askNameOnReturn },
              { type: 'audit', params: replies.languageChosen },
              { type: 'audit', params: { type: 'session.resumed' } },
            ],
          },
          {
            guard: 'choosesLanguage',
            target: 'consent',
            actions: [
              'takeLanguage',
              { type: 'reply', params: replies.askConsent },
              'requestConsent',
              { type: 'audit', params: replies.languageChosen },
              { type: 'audit', params: replies.consentRequested },
            ],
          },
          {
            guard: 'asksForLanguages',
            target: 'idle',
            reenter: true,
            actions: { type: 'reply', params: replies.offerLanguages },
          },
          {
            guard: 'isKnown',
            target: 'menu',
            actions: [
              { type: 'reply', params: replies.welcomeBack },
              { type: 'audit', params: { type: 'session.resumed' } },
            ],
          },
          {
            guard: 'hasConsent',
            target: 'name',
            actions: [
              { type: 'reply', params: replies.askNameOnReturn },
              { type: 'audit', params: { type: 'session.resumed' } },
            ],
          },
          {
            target: 'consent',
            actions: [
              { type: 'reply', params: replies.askConsent },
              'requestConsent',
              { type: 'audit', params: replies.consentRequested },
            ],
          },
        ],
      },
    },
    consent: {
      after: {
        sessionTimeout: { target: 'expired', actions: { type: 'audit', params: { type: 'session.expired' } } },
      },
      on: {
        'message.received': [
          {
            guard: 'optsOut',
            target: 'withdrawn',
            actions: [
              { type: 'reply', params: replies.confirmWithdrawal },
              'withdrawConsent',
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'choosesLanguage',
            target: 'consent',
            reenter: true,
            // What is agreed to has to have been read: the whole question, not the short one.
            actions: [
              'takeLanguage',
              'startAfresh',
              { type: 'reply', params: replies.askConsent },
              'requestConsent',
              { type: 'audit', params: replies.languageChosen },
              { type: 'audit', params: replies.consentRequested },
            ],
          },
          {
            guard: 'asksForLanguages',
            target: 'consent',
            reenter: true,
            actions: { type: 'reply', params: replies.offerLanguages },
          },
          {
            guard: 'acceptsAndIsNamed',
            target: 'menu',
            actions: [
              'giveConsent',
              'startAfresh',
              { type: 'reply', params: replies.thankAndShowMenu },
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'accepts',
            target: 'name',
            actions: [
              'giveConsent',
              'startAfresh',
              { type: 'reply', params: replies.askName },
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'refuses',
            target: 'declined',
            actions: [
              'refuseConsent',
              'startAfresh',
              { type: 'reply', params: replies.acceptRefusal },
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'asksWhy',
            target: 'consent',
            reenter: true,
            actions: [
              { type: 'reply', params: replies.explainConsent },
              { type: 'audit', params: { type: 'consent.explained' } },
            ],
          },
          {
            guard: { type: 'mayNudge', params: { max: replies.nudgesMax.consent } },
            target: 'consent',
            reenter: true,
            actions: ['countNudge', { type: 'reply', params: replies.askConsentAgain }],
          },
          {
            target: 'consent',
            reenter: true,
          },
        ],
      },
    },
    name: {
      after: {
        sessionTimeout: { target: 'expired', actions: { type: 'audit', params: { type: 'session.expired' } } },
      },
      on: {
        'message.received': [
          {
            guard: 'optsOut',
            target: 'withdrawn',
            actions: [
              { type: 'reply', params: replies.confirmWithdrawal },
              'withdrawConsent',
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'choosesLanguage',
            target: 'name',
            reenter: true,
            actions: [
              'takeLanguage',
              'startAfresh',
              { type: 'reply', params: replies.askNameInLanguage },
              { type: 'audit', params: replies.languageChosen },
            ],
          },
          {
            guard: 'asksForLanguages',
            target: 'name',
            reenter: true,
            actions: { type: 'reply', params: replies.offerLanguages },
          },
          {
            guard: 'asksForPerson',
            target: 'waitingForPerson',
            actions: [
              'startAfresh',
              { type: 'reply', params: replies.promisePerson },
              { type: 'audit', params: { type: 'person.requested' } },
            ],
          },
          {
            guard: 'skipsName',
            target: 'menu',
            actions: [
              'startAfresh',
              { type: 'reply', params: replies.welcome },
              { type: 'audit', params: { type: 'name.skipped' } },
            ],
          },
          {
            guard: 'givesName',
            target: 'menu',
            actions: [
              'keepName',
              'startAfresh',
              { type: 'reply', params: replies.welcome },
              { type: 'audit', params: { type: 'name.given' } },
            ],
          },
          {
            guard: { type: 'mayNudge', params: { max: replies.nudgesMax.name } },
            target: 'name',
            reenter: true,
            actions: ['countNudge', { type: 'reply', params: replies.askNameAgain }],
          },
          {
            target: 'name',
            reenter: true,
          },
        ],
      },
    },
    menu: {
      after: {
        sessionTimeout: { target: 'expired', actions: { type: 'audit', params: { type: 'session.expired' } } },
      },
      on: {
        'message.received': [
          {
            guard: 'optsOut',
            target: 'withdrawn',
            actions: [
              { type: 'reply', params: replies.confirmWithdrawal },
              'withdrawConsent',
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'choosesLanguage',
            target: 'menu',
            reenter: true,
            actions: [
              'takeLanguage',
              'startAfresh',
              { type: 'reply', params: replies.showMenuInLanguage },
              { type: 'audit', params: replies.languageChosen },
            ],
          },
          {
            guard: 'asksForLanguages',
            target: 'menu',
            reenter: true,
            actions: { type: 'reply', params: replies.offerLanguages },
          },
          {
            guard: { type: 'chooses', params: { choice: 'information' } },
            target: 'menu',
            reenter: true,
            actions: [
              'startAfresh',
              { type: 'reply', params: replies.inform },
              { type: 'audit', params: { type: 'information.shown' } },
            ],
          },
          {
            guard: { type: 'chooses', params: { choice: 'myData' } },
            target: 'menu',
            reenter: true,
            actions: [
              'startAfresh',
              { type: 'reply', params: replies.showMyData },
              { type: 'audit', params: { type: 'data.shown' } },
            ],
          },
          {
            guard: { type: 'chooses', params: { choice: 'person' } },
            target: 'waitingForPerson',
            actions: [
              'startAfresh',
              { type: 'reply', params: replies.promisePerson },
              { type: 'audit', params: { type: 'person.requested' } },
            ],
          },
          {
            guard: { type: 'chooses', params: { choice: 'menu' } },
            target: 'menu',
            reenter: true,
            actions: ['startAfresh', { type: 'reply', params: replies.showMenu }],
          },
          {
            guard: 'greetsAndMayNudge',
            target: 'menu',
            reenter: true,
            actions: ['countNudge', { type: 'reply', params: replies.showMenu }],
          },
          {
            guard: { type: 'mayNudge', params: { max: replies.nudgesMax.menu } },
            target: 'menu',
            reenter: true,
            actions: ['countNudge', { type: 'reply', params: replies.showMenuAgain }],
          },
          {
            target: 'menu',
            reenter: true,
          },
        ],
      },
    },
    waitingForPerson: {
      after: {
        sessionTimeout: { target: 'expired', actions: { type: 'audit', params: { type: 'session.expired' } } },
      },
      on: {
        'message.received': [
          {
            guard: 'optsOut',
            target: 'withdrawn',
            actions: [
              { type: 'reply', params: replies.confirmWithdrawal },
              'withdrawConsent',
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'choosesLanguage',
            target: 'waitingForPerson',
            reenter: true,
            actions: [
              'takeLanguage',
              'startAfresh',
              { type: 'reply', params: replies.promisePerson },
              { type: 'audit', params: replies.languageChosen },
            ],
          },
          {
            guard: 'asksForLanguages',
            target: 'waitingForPerson',
            reenter: true,
            actions: { type: 'reply', params: replies.offerLanguages },
          },
          {
            guard: { type: 'chooses', params: { choice: 'menu' } },
            target: 'menu',
            actions: [
              'startAfresh',
              { type: 'reply', params: replies.showMenu },
              { type: 'audit', params: { type: 'person.cancelled' } },
            ],
          },
          {
            guard: { type: 'mayNudge', params: { max: replies.nudgesMax.waitingForPerson } },
            target: 'waitingForPerson',
            reenter: true,
            actions: ['countNudge', { type: 'reply', params: replies.promisePersonAgain }],
          },
          {
            target: 'waitingForPerson',
            reenter: true,
          },
        ],
      },
    },
    declined: {
      after: {
        sessionTimeout: { target: 'expired', actions: { type: 'audit', params: { type: 'session.expired' } } },
      },
      on: {
        'message.received': [
          {
            guard: 'optsOut',
            target: 'withdrawn',
            actions: [
              { type: 'reply', params: replies.confirmWithdrawal },
              'withdrawConsent',
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'choosesLanguage',
            target: 'declined',
            reenter: true,
            actions: [
              'takeLanguage',
              'noteReminder',
              { type: 'reply', params: replies.remindOfRefusalInLanguage },
              { type: 'audit', params: replies.languageChosen },
            ],
          },
          {
            guard: 'asksForLanguages',
            target: 'declined',
            reenter: true,
            actions: { type: 'reply', params: replies.offerLanguages },
          },
          {
            guard: 'acceptsClearly',
            target: 'name',
            actions: [
              'giveConsent',
              'startAfresh',
              { type: 'reply', params: replies.askName },
              { type: 'audit', params: replies.consentAnswered },
            ],
          },
          {
            guard: 'notReminded',
            target: 'declined',
            reenter: true,
            actions: ['countNudge', { type: 'reply', params: replies.remindOfRefusal }],
          },
          {
            target: 'declined',
            reenter: true,
          },
        ],
      },
    },
    withdrawn: { type: 'final' },
    expired: { type: 'final' },
  },
});
