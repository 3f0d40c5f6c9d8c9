/**
 * People who attend: waiting for one, in the tenant's queue where there is one, and being attended.
 *
 *   waitingForPerson
 *   ┌─ waiting ────────────────────────────────────────────────────┐
 *   │ deciding ─► unqueued      without a queue: whoever has time   │   taken over, or somebody
 *   │     └─────► joining ─► queued ⇄ granting                      │   writes on the phone      ┌──────────┐
 *   │              the queue tells the position   an attendant asks │──────────────────────────►│ attended │
 *   └──────────────────────────────────────────────────────────────┘   (from anywhere else too) └────┬─────┘
 *                                              menu ◄── handed back, or silence of the attendant ─────┘
 *
 * While attended the machine says nothing; "PARAR" holds. Whatever leads out of here leaves the queue. A person
 * waits at most for the session's timeout; the queue is waited for only so long, then it goes on without it.
 */
import { cancel, enqueueActions } from 'xstate';
import type { ActionParams, ConversationEvent } from '#machines/machine.ts';
import { attendanceStart, positionPauseMs } from './attendance-context.ts';
import { attendanceTextsIn } from './attendance-texts.ts';
import { type ConversationContext, consentInForce } from './context.ts';
import { fold, tokensOf } from './lexicon.ts';
import { menuBelow, showMenu } from './menu.ts';
import * as replies from './replies.ts';
import { type Of, audits, conversation, knows, optingOut, say, told } from './setup.ts';
import { textOf, wordedChoiceOf } from './understanding.ts';
import type { InboundContent } from '#schemas/content.ts';

/** Id of the button that leaves the queue. */
const leaveButton = 'queue.leave';

/** Who attends by writing on the tenant's phone. */
const phone = 'phone';

interface Told extends Of {
  readonly event: { readonly type: string };
}

type Name = ConversationEvent['type'];
type Event<Type extends Name> = ConversationEvent & { readonly type: Type };

/** The event, if it is of that type. */
const as = <Type extends Name>(event: { readonly type: string }, type: Type): Event<Type> | undefined =>
  event.type === type ? (event as Event<Type>) : undefined;

const atOf = (event: unknown): number => (event as { readonly at: number }).at;
const eventIdOf = (event: unknown): string => (event as { readonly eventId: string }).eventId;

const queueName = ({ settings }: ConversationContext): string => settings.queue?.name ?? '';
const refusesAll = ({ consent }: ConversationContext): boolean =>
  consent.status === 'refused' || consent.status === 'withdrawn';

/** Whether the queue speaks of the place that the person has now. */
const isOurs = ({ context, event }: Told): boolean =>
  context.attendance.ticket !== null && (event as { readonly ticket?: string }).ticket === context.attendance.ticket;

const attending =
  (change: (of: Told) => Partial<ConversationContext['attendance']>) =>
  (of: Told): { readonly known: Partial<ConversationContext> } => ({
    known: { attendance: { ...of.context.attendance, ...change(of) } },
  });

/** Changes what is known of the attendance. */
const notes = (change: (of: Told) => Partial<ConversationContext['attendance']>) =>
  ({ type: 'know', params: attending(change) }) as const;

// The queue

const join = [
  notes(({ event }) => ({ ticket: eventIdOf(event) })),
  {
    type: 'tell',
    params: ({ context }: Of): ActionParams['tell'] => {
      const { capacity = 1, waitingMax = 1, minutesEach = 1 } = context.settings.queue ?? {};
      const { ticket, settingsAt } = context.attendance;
      const details = {
        ticket: ticket ?? '',
        queue: queueName(context),
        capacity,
        waitingMax,
        minutesEach,
        settingsAt,
      };
      return { to: { queue: queueName(context) }, name: 'queue.joined', details };
    },
  },
] as const;

const notePosition = notes(({ context, event }) => {
  const told = as(event, 'queue.position');
  return told === undefined
    ? context.attendance
    : { position: Number(told.position), estimateMinutes: Number(told.minutes) };
});

const sayPosition = ({ context }: Of): ActionParams['reply'] => {
  const { position, estimateMinutes, toldPosition } = context.attendance;
  const texts = attendanceTextsIn(context);
  const place = { position: position ?? 1, minutes: estimateMinutes ?? 0 };
  const text = toldPosition === null ? texts.joined(place) : texts.moved(place);
  return {
    content: { kind: 'buttons', optionsInText: true, text, buttons: [{ id: leaveButton, title: texts.leave }] },
  };
};

const tellPosition = [
  ...say(sayPosition),
  notes(({ context, event }) => ({ toldPosition: context.attendance.position, toldAt: atOf(event) })),
] as const;

const mayTell = ({ context: { attendance }, event }: Told): boolean =>
  attendance.toldAt === null || atOf(event) - attendance.toldAt >= positionPauseMs;
const hasMoved = ({ context: { attendance } }: Of): boolean => attendance.position !== attendance.toldPosition;

/** Told of another place than ours: one that was given up, or lost in a merge. It is given back. */
const giveBack = {
  guard: (of: Told) => !isOurs(of),
  actions: {
    type: 'tell',
    params: ({ event }: Told): ActionParams['tell'] => {
      const { from, ticket } = event as Event<'queue.position'>;
      return { to: from, name: 'queue.left', details: { ticket } };
    },
  },
} as const;

const leaves = (of: Told): boolean =>
  told(of, wordedChoiceOf) === 'menu' ||
  told(of, (content) => (content.kind === 'button' || content.kind === 'list') && content.id === leaveButton) ===
    true ||
  told(of, (content) => isIn(content, attendanceTextsIn(of.context).leaveWords)) === true;

const isIn = (content: InboundContent, phrases: ReadonlySet<string>): boolean =>
  phrases.has(tokensOf(fold(textOf(content) ?? '')).join(' '));

/** Words above the menu. */
const aboveMenu =
  (words: (texts: ReturnType<typeof attendanceTextsIn>) => string) =>
  ({ context }: Of): ActionParams['reply'] =>
    menuBelow(words(attendanceTextsIn(context)), context);

const showMenuOnLeaving = ({ context }: Of): ActionParams['reply'] =>
  context.settings.queue === undefined ? showMenu({ context }) : aboveMenu(({ left }) => left)({ context });

// Being attended

const attendantIn = (event: { readonly type: string }): string | undefined =>
  as(event, 'attendance.requested')?.attendant ?? as(event, 'queue.granted')?.attendant;
const attendantOf = ({ context, event }: Told): string =>
  event.type === 'message.echoed' ? phone : (attendantIn(event) ?? context.attendance.attendant ?? phone);

/** Whether the person waits for a word when somebody begins to attend. */
function isUnanswered({ context, event }: Told): boolean {
  if (event.type === 'message.echoed') return false;
  return event.type !== 'attendance.requested' || context.heard !== null || context.inbox.length > 0;
}

/** What was not decided about yet, the attendant reads. */
const handOver = {
  type: 'know',
  params: ({ context, event }: Told) => ({
    known: {
      heard: null,
      inbox: [],
      file: null,
      attendance: {
        ...context.attendance,
        attendant: attendantOf({ context, event }),
        unanswered: isUnanswered({ context, event }),
      },
    } satisfies Partial<ConversationContext>,
  }),
} as const;

const began = {
  type: 'audit',
  params: ({ context }: Of): ActionParams['audit'] => ({
    type: 'attendance.began',
    subject: context.attendance.attendant ?? phone,
  }),
} as const;

/** To one who waits in the queue. */
const attend = [
  handOver,
  ...say(({ context }) => ({ content: { kind: 'text', text: attendanceTextsIn(context).attended } })),
  began,
] as const;

const askForGrant = ({ context: { settings, attendance } }: Of): ActionParams['tell'] => ({
  to: { queue: settings.queue?.name ?? '' },
  name: 'queue.takeover',
  details: { ticket: attendance.ticket ?? '', attendant: attendance.attendant ?? '' },
});

const ended = (outcome: string) =>
  ({
    type: 'audit',
    params: ({ context }: Of): ActionParams['audit'] => ({
      type: 'attendance.ended',
      subject: context.attendance.attendant ?? phone,
      outcome,
    }),
  }) as const;

const refused = (outcome: string) => ({ type: 'audit', params: { type: 'attendance.refused', outcome } }) as const;

const isPhone = ({ event }: Told): boolean => as(event, 'message.echoed')?.source === 'app';
const asksTakeover = ({ event }: Told): boolean => as(event, 'attendance.requested')?.operation === 'takeover';
const asksHandback = ({ event }: Told): boolean => as(event, 'attendance.requested')?.operation === 'handback';

/** What holds wherever the conversation is: somebody takes it over, or writes on the phone. */
export const attendanceAnywhere = {
  'attendance.requested': [
    { guard: (of: Told) => asksTakeover(of) && refusesAll(of.context), actions: refused('consent') },
    { guard: asksTakeover, target: '#attended', actions: [handOver, began] },
  ],
  'message.echoed': [
    // Before there is consent nothing is said that could disturb.
    {
      guard: (of: Told) => isPhone(of) && consentInForce(of.context),
      target: '#attended',
      actions: [audits('attendant.wrote'), handOver, began],
    },
    { guard: isPhone, actions: audits('attendant.wrote') },
  ],
  'queue.position': giveBack,
  'queue.granted': giveBack,
} as const;

/** The person is there. */
const wrote = notes(() => ({ unanswered: true }));
/** The attendant is there. */
const answered = notes(() => ({ unanswered: false }));

const toMenu = { target: '#menu', actions: ['startAfresh', 'settle'] } as const;

/** The state. */
export const attendance = conversation.createStateConfig({
  id: 'waitingForPerson',
  entry: 'heed',
  exit: [
    cancel('position'),
    enqueueActions(({ context, enqueue }) => {
      const { ticket, settingsAt } = context.attendance;
      const to = { queue: queueName(context) };
      if (ticket !== null) enqueue({ type: 'tell', params: { to, name: 'queue.left', details: { ticket } } });
      enqueue({ type: 'know', params: { known: { attendance: attendanceStart(settingsAt) } } });
    }),
  ],
  initial: 'waiting',
  states: {
    waiting: {
      initial: 'deciding',
      on: {
        'message.received': [
          optingOut,
          {
            guard: 'choosesLanguage',
            actions: [
              'heed',
              'takeLanguage',
              'startAfresh',
              { type: 'reply', params: replies.promisePerson },
              { type: 'audit', params: replies.languageChosen },
            ],
          },
          { guard: 'asksForLanguages', actions: ['heed', { type: 'reply', params: replies.offerLanguages }] },
          {
            guard: leaves,
            target: '#menu',
            actions: ['startAfresh', ...say(showMenuOnLeaving), audits('person.cancelled')],
          },
          {
            guard: { type: 'mayNudge', params: { max: replies.nudgesMax.waitingForPerson } },
            actions: ['heed', 'countNudge', { type: 'reply', params: replies.promisePersonAgain }],
          },
          { actions: 'heed' },
        ],
        'queue.position': [
          giveBack,
          { guard: mayTell, target: '.queued', actions: [notePosition, ...tellPosition] },
          { actions: [notePosition, 'awaitPosition'] },
        ],
        'position.due': { guard: hasMoved, actions: tellPosition },
        'queue.full': {
          guard: isOurs,
          target: '#menu',
          actions: [...say(aboveMenu(({ full }) => full)), 'startAfresh'],
        },
        // It waits all the same, for whoever has time.
        'queue.forgot': {
          guard: isOurs,
          target: '.unqueued',
          actions: notes(() => ({ ticket: null, position: null })),
        },
        'queue.granted': [giveBack, { target: 'attended', actions: attend }],
      },
      states: {
        deciding: {
          always: [
            { guard: ({ context }) => context.settings.queue !== undefined, target: 'joining', actions: join },
            { target: 'unqueued', actions: say(replies.promisePerson) },
          ],
        },
        unqueued: {},
        joining: {
          // A queue that does not answer keeps nobody waiting for a word.
          after: {
            queueTimeout: { target: 'unqueued', actions: [...say(replies.promisePerson), audits('queue.silent')] },
          },
        },
        queued: {
          on: {
            'attendance.requested': {
              guard: asksTakeover,
              target: 'granting',
              actions: [notes((of) => ({ attendant: attendantOf(of) })), { type: 'tell', params: askForGrant }],
            },
          },
        },
        granting: {
          on: {
            'queue.position': [giveBack, { actions: [notePosition, 'awaitPosition'] }],
            'attendance.requested': {},
            'queue.refused': [
              {
                guard: (of) => isOurs(of) && of.event.reason === 'capacity',
                target: 'queued',
                actions: [notes(() => ({ attendant: null })), refused('capacity')],
              },
              { guard: isOurs, target: '#attended', actions: attend },
            ],
          },
          // Nor does it keep an attendant away.
          after: { queueTimeout: { target: '#attended', actions: [...attend, audits('queue.silent')] } },
        },
      },
    },
    attended: {
      id: 'attended',
      on: {
        'message.received': [optingOut, { actions: ['heed', wrote] }],
        'message.requested': {
          guard: ({ context, event }) => event.origin === 'operator' && !refusesAll(context),
          target: 'attended',
          reenter: true,
          actions: [{ type: 'reply', params: replies.relay }, answered],
        },
        'message.echoed': {
          guard: isPhone,
          target: 'attended',
          reenter: true,
          actions: [answered, audits('attendant.wrote')],
        },
        'attendance.requested': [
          {
            guard: (of) => asksHandback(of) && consentInForce(of.context),
            ...toMenu,
            actions: [...say(aboveMenu(({ handedBack }) => handedBack)), ...toMenu.actions, ended('handed-back')],
          },
          { guard: asksHandback, target: '#conversation.idle', actions: ended('handed-back') },
          {
            guard: asksTakeover,
            target: 'attended',
            reenter: true,
            actions: [notes((of) => ({ attendant: attendantOf(of) })), began],
          },
        ],
      },
      after: {
        attendedTimeout: [
          { guard: ({ context }) => !consentInForce(context), target: '#conversation.idle', actions: ended('silent') },
          {
            guard: ({ context }) => context.attendance.unanswered,
            ...toMenu,
            actions: [...say(aboveMenu(({ unanswered }) => unanswered)), ...toMenu.actions, ended('silent')],
          },
          {
            ...toMenu,
            // The machine is there when the person writes again, and says nothing before.
            actions: ['startAfresh', ended('silent'), knows(() => ({ fresh: true }))],
          },
        ],
      },
    },
  },
});
