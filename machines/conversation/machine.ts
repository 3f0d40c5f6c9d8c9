/**
 * The conversation with one person: consent, the name, and then whatever the tenant's agents do for people.
 *
 *   ┌──────┐   ┌─────────┐   ┌──────┐   ┌─ assisting ──────────────────────────────────────────────┐
 *   │ idle │──►│ consent │──►│ name │──►│ talking: a question is open, a message is awaited         │
 *   └──────┘   └────┬────┘   └──────┘   │   menu · scheduling · appointments · registration ·       │
 *                   ▼           ▲       │   information                                              │
 *              ┌──────────┐     │       │      │ ▲                                                   │
 *              │ declined │─────┘       │      ▼ │ what came of it is heard in the question          │
 *              └──────────┘             │ working: an effect is awaited; messages are kept          │
 *                                       │   gathering → thinking (model) · receiving → transcribing,│
 *                                       │   readingImage · the agents' own                          │
 *                                       └──────────────┬──────────────────────────────▲─────────────┘
 *                                                      ▼                              │
 *                                                   waitingForPerson (attendance.ts) ─┘
 *
 *   every state ── "PARAR" ────────────────────────► withdrawn (final)
 *   every state ── silence for sessionTimeoutMs ───► expired   (final, says nothing)
 *
 * How a message is understood. It is heard (`hearing.ts`) in the question that is open: the leaf's own `always`
 * look at it first, by words, numbers and buttons; then the commands that hold everywhere (`commands.ts`); then
 * a model, if the tenant has one, which may only propose one of the tools of that question (`tools.ts`), heard
 * by the same leaf; then the question is asked again, and a person is offered. So a model is one more way to
 * be understood: without it, or when it is down, everything can still be done by menus.
 *
 * A message that comes while something is done is kept and taken afterwards; none is lost. After a final state
 * the next message begins an episode, which is given `output` of this one as `carried`.
 */
import { appointmentsTalking, appointmentsWorking, beginAppointments } from '#machines/appointments/states.ts';
import * as consent from '#machines/consent/states.ts';
import {
  beginInformation,
  beginInformationList,
  informationTalking,
  informationWorking,
} from '#machines/information/states.ts';
import { beginRegistration, registrationTalking, registrationWorking } from '#machines/registration/states.ts';
import { namesService } from '#machines/scheduling/request.ts';
import { beginScheduling, schedulingTalking, schedulingWorking } from '#machines/scheduling/states.ts';
import { type AssistingTexts, type MenuItem, assistingTextsIn } from './assisting-texts.ts';
import { commandWordsIn } from './command-words.ts';
import { attendance, attendanceAnywhere } from './attendance.ts';
import { type Command, commandIn } from './commands.ts';
import { type ConversationContext, contextOf } from './context.ts';
import { courtesies, greetsIn, nudgesMax, stops } from './courtesies.ts';
import { needsModel, proposedIn, saidIn, wordsOf } from './hearing.ts';
import { fold } from './lexicon.ts';
import { mediaWorking } from './media.ts';
import * as menu from './menu.ts';
import { aboveQuestion } from './questions.ts';
import * as replies from './replies.ts';
import {
  type Of,
  audits,
  conversation,
  keepingMessages,
  nameGiven,
  offeringLanguages,
  opens,
  optingOut,
  readerOf,
  say,
  settled,
  takingLanguage,
  told,
} from './setup.ts';
import { thinkingWorking } from './thinking.ts';
import { languageOf } from './texts/catalogue.ts';
import { answerOf, skipsName, wordedChoiceOf } from './understanding.ts';

/** Rule of versions: see `machines/registry.ts`. */
export const conversationVersion = '2';

/** A message that has not been decided about yet. */
const isHeard = ({ heard }: ConversationContext): boolean => heard !== null;
const asksFor =
  (command: Command) =>
  ({ context }: Of): boolean =>
    isHeard(context) && commandIn(context) === command;
const chooses =
  (item: MenuItem) =>
  ({ context }: Of): boolean =>
    isHeard(context) && menu.chosenIn(context) === item;

const unclearly = ({ context }: Of): string => {
  const texts = assistingTextsIn(context);
  if (wordsOf(context) !== '') return texts.unclear;
  const means = context.heard?.means ?? 'text';
  return means === 'text' ? texts.typePlease : texts.fileUnread[means];
};

const offTopic = ({ context }: Of): string => {
  const texts = assistingTextsIn(context);
  const reason = proposedIn(context, 'unclear')?.reason;
  if (reason === 'abuse') return texts.abuse;
  return reason === 'off-topic' ? texts.offTopic : texts.unclear;
};

/** A person is offered; what was asked stands below it, so that a yes is one to that. */
const offerPerson = aboveQuestion(({ context }) => assistingTextsIn(context).offerPerson);

const inMenu = ({ step }: ConversationContext): boolean => step === 'menu';

/** What a choice of the menu leads to; the same by its words, from anywhere. */
const leads = {
  scheduling: { target: '#scheduling', actions: beginScheduling },
  appointments: { target: '#appointments', actions: beginAppointments.see },
  registration: { target: '#registration', actions: beginRegistration },
  information: { target: '#information', actions: beginInformation },
  told: { target: '#menu', actions: [...say(replies.inform), ...settled, audits('information.shown')] },
  myData: { target: '#menu', actions: [...say(replies.showMyData), ...settled, audits('data.shown')] },
  person: {
    target: '#waitingForPerson',
    actions: [...settled, audits('person.requested')],
  },
} as const;

/** What nobody but a person does. */
const toPerson = (words: (texts: AssistingTexts) => string) =>
  ({
    target: '#waitingForPerson',
    actions: [
      ...say(({ context }) => ({ content: { kind: 'text', text: words(assistingTextsIn(context)) } })),
      ...leads.person.actions,
    ],
  }) as const;

/** An inscription that was left half way is gone on with. */
const resumes = (context: ConversationContext): boolean =>
  Object.keys(context.registration.fields).length > 0 &&
  commandWordsIn(context).resume.has(fold(saidIn(context) ?? ''));

/** Information is an agent's where the tenant has an event to tell of, else one text. */
const inInformation = ({ context }: Of): boolean => context.step === 'information.choosing';
const itemsOffer = (context: ConversationContext, item: MenuItem): boolean => menu.itemsOf(context).includes(item);
const hasEvent = ({ context }: Of): boolean => context.settings.event !== undefined;

/** The machine; pure, see `machines/README.md`. */
export const conversationMachine = conversation.createMachine({
  id: 'conversation',
  version: conversationVersion,
  context: ({ input }) => contextOf(input),
  output: ({ context: { consent, name, locale, localeBy } }) => ({ consent, name, locale, localeBy }),
  initial: 'idle',
  on: {
    'session.expired': { target: '#expired', actions: audits('session.expired') },
    'message.requested': [
      {
        guard: ({ context }) => context.consent.status === 'refused' || context.consent.status === 'withdrawn',
        actions: { type: 'decline', params: replies.refusal },
      },
      { actions: { type: 'reply', params: replies.relay } },
    ],
    ...attendanceAnywhere,
  },
  states: {
    idle: consent.idle,
    consent: consent.consent,
    declined: consent.declined,
    name: {
      entry: 'heed',
      on: {
        'message.received': [
          optingOut,
          takingLanguage('name', ['startAfresh', { type: 'reply', params: replies.askNameInLanguage }]),
          offeringLanguages('name'),
          {
            guard: (asked) => told(asked, wordedChoiceOf) === 'person',
            target: 'waitingForPerson',
            actions: leads.person.actions,
          },
          {
            guard: (asked) => told(asked, skipsName) === true || told(asked, answerOf) === 'no',
            target: 'assisting',
            actions: [...settled, ...say(menu.welcome), audits('name.skipped')],
          },
          {
            guard: (asked) => nameGiven(asked) !== undefined,
            target: 'assisting',
            actions: ['keepWish', 'keepName', ...settled, ...say(menu.welcome), audits('name.given')],
          },
          {
            guard: { type: 'mayNudge', params: { max: replies.nudgesMax.name } },
            target: 'name',
            reenter: true,
            actions: ['keepWish', 'countNudge', { type: 'reply', params: replies.askNameAgain }],
          },
          { target: 'name', reenter: true },
        ],
      },
    },
    assisting: {
      entry: 'heed',
      initial: 'talking',
      on: {
        'message.received': [
          optingOut,
          {
            guard: ({ context, event }) => readerOf(context, event) !== undefined,
            target: '#receiving',
            actions: ['heed', 'awaitFile'],
          },
          { actions: ['heed', 'hear'] },
        ],
      },
      states: {
        talking: {
          id: 'talking',
          initial: 'menu',
          // In this order; the leaf's own go before all of them. Each settles what was heard, or leaves.
          always: [
            { guard: ({ context }) => !isHeard(context) && context.inbox.length > 0, actions: 'takeFromInbox' },
            {
              // Its sections are there in that language, too.
              guard: (of) => asksFor('language')(of) && inInformation(of),
              target: '#information',
              actions: ['takeLanguage', { type: 'audit', params: replies.languageChosen }, ...settled],
            },
            {
              guard: asksFor('language'),
              actions: [
                'takeLanguage',
                ...say(aboveQuestion(({ context }) => languageOf(context.locale).texts.languageSet)),
                { type: 'audit', params: replies.languageChosen },
                ...settled,
              ],
            },
            { guard: asksFor('languages'), actions: [...say(replies.offerLanguages), 'settle'] },
            { guard: asksFor('menu'), target: '#menu', actions: [...say(menu.showMenu), ...settled] },
            ...stops,
            { guard: asksFor('person'), ...leads.person },
            { guard: asksFor('unregister'), ...toPerson(({ unregister }) => unregister) },
            { guard: asksFor('rights'), ...toPerson(({ rights }) => rights) },
            { guard: asksFor('minor'), ...toPerson(({ minor }) => minor) },
            { guard: asksFor('myData'), ...leads.myData },
            { guard: asksFor('cancel'), target: '#appointments', actions: beginAppointments.cancel },
            { guard: asksFor('move'), target: '#appointments', actions: beginAppointments.move },
            { guard: asksFor('appointments'), ...leads.appointments },
            { guard: asksFor('scheduling'), ...leads.scheduling },
            { guard: asksFor('registration'), ...leads.registration },
            { guard: (of) => asksFor('information')(of) && hasEvent(of), ...leads.information },
            { guard: (of) => asksFor('information')(of) && !hasEvent(of), ...leads.told },
            {
              guard: ({ context }) => proposedIn(context, 'unclear') !== undefined,
              actions: [...say(aboveQuestion(offTopic)), 'countNudge', 'settle'],
            },
            {
              guard: ({ context }) => isHeard(context) && inMenu(context) && context.fresh && greetsIn(context),
              actions: [...say(menu.welcomeBack), 'settle'],
            },
            ...courtesies,
            {
              guard: ({ context }) => needsModel(context) && (context.settings.model?.burstMs ?? 0) > 0,
              target: '#gathering',
            },
            { guard: ({ context }) => needsModel(context), target: '#thinking' },
            {
              guard: ({ context }) => isHeard(context) && inMenu(context) && context.fresh,
              actions: [...say(menu.welcomeBack), 'settle'],
            },
            {
              guard: ({ context }) => isHeard(context) && inMenu(context) && context.nudges < nudgesMax.offer,
              actions: [...say(menu.showMenuAgain), 'countNudge', 'settle'],
            },
            {
              guard: ({ context }) => isHeard(context) && context.nudges < nudgesMax.offer,
              actions: [...say(aboveQuestion(unclearly)), 'countNudge', 'settle'],
            },
            {
              guard: ({ context }) => isHeard(context) && mayOfferPerson(context),
              actions: [...say(offerPerson), 'countNudge', 'settle'],
            },
            { guard: ({ context }) => isHeard(context), actions: 'settle' },
          ],
          states: {
            menu: {
              id: 'menu',
              entry: opens('menu'),
              always: [
                { guard: chooses('scheduling'), ...leads.scheduling },
                { guard: chooses('appointments'), ...leads.appointments },
                { guard: chooses('registration'), ...leads.registration },
                {
                  guard: (of) => chooses('information')(of) && hasEvent(of),
                  target: '#information',
                  actions: beginInformationList,
                },
                { guard: chooses('information'), ...leads.told },
                { guard: chooses('myData'), ...leads.myData },
                { guard: chooses('person'), ...leads.person },
                { guard: ({ context }) => isHeard(context) && resumes(context), ...leads.registration },
                {
                  guard: ({ context }) =>
                    itemsOffer(context, 'scheduling') && commandIn(context) === undefined && namesService(context),
                  ...leads.scheduling,
                },
              ],
            },
            scheduling: schedulingTalking,
            appointments: appointmentsTalking,
            registration: registrationTalking,
            information: informationTalking,
            earlier: { id: 'earlier', type: 'history', history: 'deep' },
          },
        },
        working: {
          on: keepingMessages,
          initial: 'thinking',
          states: {
            ...thinkingWorking,
            ...mediaWorking,
            ...schedulingWorking,
            ...appointmentsWorking,
            ...registrationWorking,
            ...informationWorking,
          },
        },
      },
    },
    waitingForPerson: attendance,
    withdrawn: { id: 'withdrawn', type: 'final' },
    expired: { id: 'expired', type: 'final' },
  },
});

const mayOfferPerson = ({ nudges, nudgedAt, settings, heard }: ConversationContext): boolean =>
  nudges < nudgesMax.pause || nudgedAt === null || (heard?.at ?? 0) - nudgedAt >= settings.nudgePauseMs;
