/**
 * Booking: service → when → one of the free times → held → confirmed → booked → by e-mail, if wanted.
 *
 *   deciding ──► choosingService ─┐
 *      │  ▲────────────────────────┘
 *      ├──► choosingReading, choosingWhen ◄─────────── nothing free, closed
 *      └──► findingTimes ──► choosingTime ──► holding ──► confirming ──► booking ──► offeringMail ──► mailing
 *                                ▲── taken ─────┴──────────────────────────┘
 *
 * A time is held before the yes is asked for, so that a yes is kept; the hold expires by itself. The yes is
 * bound to the hold: the button of an earlier summary does nothing.
 */
import { agreementIn } from '#machines/conversation/agreement.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import type { Question } from '#machines/conversation/question.ts';
import { type Of, conversation, opens, say, sets, settled } from '#machines/conversation/setup.ts';
import { sayShortly } from '#machines/understanding/say-when.ts';
import { calendarWork } from './calendar-work.ts';
import type { SchedulingContext } from './context.ts';
import { mailing, offeringMail } from './mail.ts';
import * as replies from './replies.ts';
import * as request from './request.ts';

const hourMs = 3_600_000;

const heard = ({ context }: Of): boolean => request.isAnswer(context);

/** What is wanted is looked for; what was held before is given up with it. */
const takeWhen = [sets('scheduling', request.withWhen), ...settled] as const;

/** Somebody thinks of another service: it is looked for, at the time that was said. */
const otherService = {
  guard: (of: Of) => heard(of) && request.otherServiceIn(of.context) !== undefined,
  target: '#scheduling.deciding',
  actions: [sets('scheduling', request.withOtherService), ...settled],
} as const;

/** What is begun with: what the message says of an appointment already. To be spread into a transition's actions. */
export const beginScheduling = [sets('scheduling', (context) => request.requestIn(context, null)), ...settled] as const;

/** The same for an appointment that is moved. */
export const beginMoving = [
  sets('scheduling', (context) => request.requestIn(context, context.appointments.chosen)),
  ...settled,
] as const;

const handles = ({ scheduling, settings, locale }: ConversationContext) =>
  scheduling.shown.map(({ start }, index) => ({
    handle: `s${(index + 1).toString()}`,
    label: sayShortly(start, { timeZone: settings.timeZone, locale }),
  }));

/** What it asks. */
export const schedulingQuestions: Readonly<Record<string, Question>> = {
  'scheduling.choosingService': {
    ask: replies.askService,
    tools: ['schedule'],
    facts: (context) => ({
      services: request
        .servicesOf(context)
        .map(({ id }) => request.nameOfService(context, id))
        .join('; '),
    }),
  },
  'scheduling.choosingWhen': { ask: replies.askWhen, tools: ['schedule', 'other_times'] },
  'scheduling.choosingReading': { ask: replies.askReading, tools: ['other_times'] },
  'scheduling.choosingTime': { ask: replies.offerTimes, tools: ['choose_time', 'other_times'], handles },
  'scheduling.confirming': { ask: replies.askToConfirm, tools: ['other_times'] },
  'scheduling.offeringMail': { ask: replies.askEmail, tools: [] },
};

/** Where it waits for the person. */
export const schedulingTalking = conversation.createStateConfig({
  id: 'scheduling',
  initial: 'deciding',
  states: {
    deciding: {
      id: 'scheduling.deciding',
      always: [
        {
          guard: ({ context }) => context.scheduling.service === null,
          target: 'choosingService',
          actions: say(replies.askService),
        },
        {
          guard: ({ context }) => context.scheduling.readings.length > 0,
          target: 'choosingReading',
          actions: say(replies.askReading),
        },
        {
          guard: ({ context }) => context.scheduling.wanted === null,
          target: 'choosingWhen',
          actions: say(replies.askWhen),
        },
        { target: '#findingTimes' },
      ],
    },
    choosingService: {
      entry: opens('scheduling.choosingService'),
      always: [
        {
          guard: (of) => heard(of) && request.serviceIn(of.context) !== undefined,
          target: 'deciding',
          actions: [
            sets('scheduling', (context) => {
              const service = request.serviceIn(context) ?? null;
              const { scheduling } = context;
              const known = { ...context, scheduling: { ...scheduling, service } };
              return scheduling.wanted === null && scheduling.readings.length === 0
                ? request.withWhen(known)
                : known.scheduling;
            }),
            'startAfresh',
            'settle',
          ],
        },
        {
          // The time is known then; what it is for is still to be said.
          guard: (of) => heard(of) && request.tellsWhen(of.context),
          actions: [sets('scheduling', request.withWhen), ...say(replies.askService), 'startAfresh', 'settle'],
        },
      ],
    },
    choosingWhen: {
      id: 'scheduling.choosingWhen',
      entry: opens('scheduling.choosingWhen'),
      always: [
        otherService,
        { guard: (of) => heard(of) && request.saysWhen(of.context), target: 'deciding', actions: takeWhen },
      ],
    },
    choosingReading: {
      entry: opens('scheduling.choosingReading'),
      always: [
        {
          guard: (of) => heard(of) && request.readingIn(of.context) !== null,
          target: 'deciding',
          actions: [
            sets('scheduling', (context) => ({
              ...context.scheduling,
              wanted: request.readingIn(context),
              exact: isShort(request.readingIn(context)),
              readings: [],
            })),
            'startAfresh',
            'settle',
          ],
        },
        { guard: (of) => heard(of) && request.saysWhen(of.context), target: 'deciding', actions: takeWhen },
      ],
    },
    choosingTime: {
      id: 'scheduling.choosingTime',
      entry: opens('scheduling.choosingTime'),
      always: [
        otherService,
        {
          guard: (of) => heard(of) && request.timeIn(of.context) !== undefined,
          target: '#holding',
          actions: [
            sets('scheduling', (context) => ({ ...context.scheduling, chosen: request.timeIn(context) ?? null })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => heard(of) && request.wantsOthers(of.context),
          target: 'choosingWhen',
          actions: [
            sets('scheduling', ({ scheduling }) => ({ ...scheduling, wanted: null })),
            ...say(replies.askWhen),
            'startAfresh',
            'settle',
          ],
        },
        { guard: (of) => heard(of) && request.saysWhen(of.context), target: 'deciding', actions: takeWhen },
      ],
    },
    confirming: {
      id: 'scheduling.confirming',
      entry: opens('scheduling.confirming'),
      always: [
        otherService,
        {
          guard: (of) => heard(of) && agreementIn(of.context, 'book', replies.confirmation(of.context)) === 'yes',
          target: '#booking',
          actions: [
            sets('scheduling', (context) => ({ ...context.scheduling, confirmedBy: context.heard?.eventId ?? null })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => heard(of) && agreementIn(of.context, 'book', replies.confirmation(of.context)) === 'no',
          target: '#releasing',
          actions: [...say(replies.sayDeclined), 'startAfresh', 'settle'],
        },
        { guard: (of) => heard(of) && request.saysWhen(of.context), target: 'deciding', actions: takeWhen },
      ],
    },
    offeringMail,
  },
});

const isShort = (interval: SchedulingContext['wanted']): boolean =>
  interval !== null && interval.to - interval.from <= hourMs;

/** Where it waits for the calendar and the mail. */
export const schedulingWorking = { ...calendarWork, mailing };
