/**
 * Booking (R17): service → when → one of the free times → held → confirmed → booked → by e-mail, if wanted.
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
import type { SchedulingContext } from '#machines/scheduling/context.ts';
import type { Slot } from '#machines/conversation/asks.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { answerIn, commandIn } from '#machines/conversation/commands.ts';
import { ask, pressedIn } from '#machines/conversation/hearing.ts';
import { failAndShowMenu } from '#machines/conversation/menu.ts';
import type { Question } from '#machines/conversation/question.ts';
import { type Of, audits, conversation, knows, opens, say } from '#machines/conversation/setup.ts';
import { answerOf } from '#machines/conversation/understanding.ts';
import { readEmail } from '#machines/understanding/email.ts';
import { sayShortly } from '#machines/understanding/say-when.ts';
import * as replies from './replies.ts';
import * as request from './request.ts';

const shownMax = 5;
/** Times among which the nearest are looked for. */
const lookedAtMax = 60;
const dayMs = 86_400_000;
/** How far beyond what was wanted is looked for other times. */
const widerMs = 7 * dayMs;

const set = (change: (context: ConversationContext) => SchedulingContext) =>
  knows((context) => ({ scheduling: change(context) }));
const heard = ({ context }: Of): boolean => context.heard !== null && commandless(context);
/** What is a command is not an answer. */
const commandless = (context: ConversationContext): boolean => {
  const command = commandIn(context);
  return command === undefined || command === 'scheduling';
};

/** A yes or a no to what was shown last. Buttons of anything else are neither. */
function confirmationIn(context: ConversationContext): 'yes' | 'no' | undefined {
  const pressed = pressedIn(context);
  if (pressed === replies.confirmButton(context)) return 'yes';
  if (pressed === replies.declineButton(context)) return 'no';
  return agreementIn(context, 'book');
}

/** What is wanted is looked for; what was held before is given up with it. */
const takeWhen = [set(request.withWhen), { type: 'startAfresh' }, { type: 'settle' }] as const;

/** Somebody thinks of another service: it is looked for, at the time that was said. */
const otherService = {
  guard: (of: Of) => heard(of) && request.otherServiceIn(of.context) !== undefined,
  target: '#scheduling.deciding',
  actions: [set(request.withOtherService), { type: 'startAfresh' }, { type: 'settle' }],
} as const;

/** What is begun with: what the message says of an appointment already. To be spread into a transition's actions. */
export const beginScheduling = [
  set((context) => request.requestIn(context, null)),
  { type: 'startAfresh' },
  { type: 'settle' },
] as const;

/** The same for an appointment that is moved. */
export const beginMoving = [
  set((context) => request.requestIn(context, context.appointments.chosen)),
  { type: 'startAfresh' },
  { type: 'settle' },
] as const;

const failed = {
  target: '#menu',
  actions: [...say(failAndShowMenu), audits('scheduling.failed')],
} as const;

/** What was wanted is no longer: the next words about when begin anew. */
const forget = [
  set(({ scheduling }) => ({ ...scheduling, wanted: null, hold: null, shown: [], chosen: null })),
] as const;
const forgetEmail = [set(({ scheduling }) => ({ ...scheduling, emailHint: null })), { type: 'settle' }] as const;

/** Beyond what was wanted: the rest of that day and a week more. */
const widen = set(({ scheduling: { wanted, exact, ...scheduling } }) => ({
  ...scheduling,
  widened: true,
  exact: false,
  near: exact ? (wanted?.from ?? null) : null,
  wanted: wanted === null ? null : { from: wanted.from - dayMs / 2, to: wanted.to + widerMs },
}));

/** As many as are shown: those nearest to the time that was said, if one was, else the earliest. */
function nearest({ near }: SchedulingContext, slots: readonly Slot[]): readonly Slot[] {
  if (near === null) return slots.slice(0, shownMax);
  return slots
    .toSorted((a, b) => Math.abs(a.start - near) - Math.abs(b.start - near))
    .slice(0, shownMax)
    .toSorted((a, b) => a.start - b.start);
}

/** Instead of a time that somebody else has taken. */
const insteadOf = (scheduling: SchedulingContext, { alternatives }: { readonly alternatives: readonly Slot[] }) => ({
  scheduling: { ...scheduling, shown: alternatives, chosen: null, hold: null },
});

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
      always: {
        guard: (of) => heard(of) && request.serviceIn(of.context) !== undefined,
        target: 'deciding',
        actions: [
          set((context) => {
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
            set((context) => ({
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
            set((context) => ({ ...context.scheduling, chosen: request.timeIn(context) ?? null })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => heard(of) && request.wantsOthers(of.context),
          target: 'choosingWhen',
          actions: [set(({ scheduling }) => ({ ...scheduling, wanted: null })), ...say(replies.askWhen), 'settle'],
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
          guard: (of) => heard(of) && confirmationIn(of.context) === 'yes',
          target: '#booking',
          actions: [
            set((context) => ({ ...context.scheduling, confirmedBy: context.heard?.eventId ?? null })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => heard(of) && confirmationIn(of.context) === 'no',
          target: '#releasing',
          actions: [...say(replies.sayDeclined), 'startAfresh', 'settle'],
        },
        { guard: (of) => heard(of) && request.saysWhen(of.context), target: 'deciding', actions: takeWhen },
      ],
    },
    offeringMail: {
      id: 'scheduling.offeringMail',
      entry: opens('scheduling.offeringMail'),
      always: [
        {
          guard: (of) => heard(of) && emailIn(of.context) !== undefined,
          target: '#mailing',
          actions: [set(withEmail), 'startAfresh', 'settle'],
        },
        {
          guard: (of) => heard(of) && hintIn(of.context) !== undefined,
          actions: [
            set((context) => ({ ...context.scheduling, emailHint: hintIn(context) ?? null })),
            ...say(replies.sayEmailHint),
            'settle',
          ],
        },
        {
          guard: (of) => heard(of) && invalidEmail(of.context),
          actions: [...say(replies.sayEmailInvalid), 'settle'],
        },
        {
          guard: (of) => heard(of) && ask(of.context, answerOf) === 'no',
          target: '#menu',
          actions: [...say(replies.sayClosing), 'startAfresh', 'settle'],
        },
      ],
    },
  },
});

const isShort = (interval: SchedulingContext['wanted']): boolean =>
  interval !== null && interval.to - interval.from <= dayMs / 24;

/** An address that is plain, or was written again, or agreed to after the hint. */
function emailIn(context: ConversationContext): string | undefined {
  const { emailHint } = context.scheduling;
  if (emailHint !== null && ask(context, answerOf) === 'yes') return emailHint;
  const read = readEmail(answerIn(context) ?? '');
  return read.kind === 'ok' && (read.hint === undefined || emailHint !== null) ? read.email : undefined;
}

function hintIn(context: ConversationContext): string | undefined {
  const read = readEmail(answerIn(context) ?? '');
  return read.kind === 'none' ? undefined : read.hint;
}

const invalidEmail = (context: ConversationContext): boolean => readEmail(answerIn(context) ?? '').kind === 'invalid';

/** The address goes into the effect, and is forgotten with it. */
function withEmail(context: ConversationContext): SchedulingContext {
  return { ...context.scheduling, emailHint: emailIn(context) ?? null };
}

/** Where it waits for the calendar. */
export const schedulingWorking = {
  findingTimes: conversation.createStateConfig({
    id: 'findingTimes',
    invoke: {
      id: 'calendar',
      src: 'calendar.find',
      input: ({ context: { scheduling } }) => ({
        service: scheduling.service ?? '',
        from: scheduling.wanted?.from ?? 0,
        to: scheduling.wanted?.to ?? 0,
        max: scheduling.near === null ? shownMax : lookedAtMax,
        moving: scheduling.moving,
      }),
      onDone: [
        {
          // The very time that was said.
          guard: ({ context: { scheduling }, event }) =>
            scheduling.exact && event.output.slots[0]?.start === scheduling.wanted?.from,
          target: '#holding',
          actions: {
            type: 'know',
            params: ({ context: { scheduling }, event }) => ({
              known: {
                scheduling: {
                  ...scheduling,
                  shown: event.output.slots,
                  chosen: event.output.slots[0] ?? null,
                },
              },
            }),
          },
        },
        {
          // Not to be had: what is near it is shown instead.
          guard: ({ context: { scheduling }, event }) => scheduling.exact && !event.output.closed,
          target: '#findingTimes',
          reenter: true,
          actions: widen,
        },
        {
          guard: ({ event }) => event.output.slots.length > 0,
          target: '#scheduling.choosingTime',
          actions: [
            {
              type: 'know',
              params: ({ context: { scheduling }, event }) => ({
                known: { scheduling: { ...scheduling, shown: nearest(scheduling, event.output.slots) } },
              }),
            },
            ...say(replies.offerTimes),
          ],
        },
        {
          guard: ({ context, event }) => !context.scheduling.widened && !event.output.closed,
          target: '#findingTimes',
          reenter: true,
          actions: widen,
        },
        {
          guard: ({ event }) => event.output.closed,
          target: '#scheduling.choosingWhen',
          actions: [...forget, ...say(replies.sayClosed)],
        },
        { target: '#scheduling.choosingWhen', actions: [...forget, ...say(replies.sayNoTimes)] },
      ],
      onError: failed,
    },
  }),
  holding: conversation.createStateConfig({
    id: 'holding',
    invoke: {
      id: 'calendar',
      src: 'calendar.hold',
      input: ({ context: { scheduling } }) => ({
        service: scheduling.service ?? '',
        start: scheduling.chosen?.start ?? 0,
        moving: scheduling.moving,
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.outcome === 'held',
          target: '#scheduling.confirming',
          actions: [
            {
              type: 'know',
              params: ({ context: { scheduling }, event: { output } }) => ({
                known: {
                  scheduling: {
                    ...scheduling,
                    hold: output.outcome === 'held' ? output.hold : null,
                  },
                },
              }),
            },
            ...say(replies.askToConfirm),
          ],
        },
        {
          guard: ({ event }) => event.output.outcome === 'taken' && event.output.alternatives.length > 0,
          target: '#scheduling.choosingTime',
          actions: [
            {
              type: 'know',
              params: ({ context: { scheduling }, event: { output } }) => ({
                known: output.outcome === 'taken' ? insteadOf(scheduling, output) : {},
              }),
            },
            ...say(replies.offerAlternatives),
          ],
        },
        { target: '#scheduling.choosingWhen', actions: [...forget, ...say(replies.sayNoTimes)] },
      ],
      onError: failed,
    },
  }),
  booking: conversation.createStateConfig({
    id: 'booking',
    invoke: {
      id: 'calendar',
      src: 'calendar.book',
      input: ({ context: { scheduling, name } }) => ({
        hold: scheduling.hold ?? '',
        confirmedBy: scheduling.confirmedBy ?? '',
        name,
        moving: scheduling.moving,
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.outcome === 'booked',
          target: '#scheduling.offeringMail',
          actions: [
            ...say(replies.sayBooked),
            audits('appointment.booked'),
            {
              type: 'know',
              params: ({ context: { scheduling }, event: { output } }) => ({
                known: {
                  scheduling: {
                    ...scheduling,
                    hold: null,
                    booked: output.outcome === 'booked' ? output.appointment : null,
                  },
                },
              }),
            },
          ],
        },
        {
          guard: ({ event }) => event.output.outcome === 'taken' && event.output.alternatives.length > 0,
          target: '#scheduling.choosingTime',
          actions: [
            {
              type: 'know',
              params: ({ context: { scheduling }, event: { output } }) => ({
                known: output.outcome === 'taken' ? insteadOf(scheduling, output) : {},
              }),
            },
            ...say(replies.offerAlternatives),
          ],
        },
        { target: '#scheduling.choosingWhen', actions: [...forget, ...say(replies.sayNoTimes)] },
      ],
      onError: failed,
    },
  }),
  /** A time that nobody wants is free at once, not when its hold expires. */
  releasing: conversation.createStateConfig({
    id: 'releasing',
    invoke: {
      id: 'calendar',
      src: 'calendar.release',
      input: ({ context }) => ({ hold: context.scheduling.hold ?? '' }),
      onDone: { target: '#scheduling.choosingWhen', actions: forget },
      onError: { target: '#scheduling.choosingWhen', actions: forget },
    },
  }),
  mailing: conversation.createStateConfig({
    id: 'mailing',
    invoke: {
      id: 'mail',
      src: 'mail.confirm',
      input: ({ context: { scheduling, locale, name } }) => ({
        to: scheduling.emailHint ?? '',
        locale,
        name,
        about: {
          kind: 'appointment' as const,
          appointment: scheduling.booked ?? { id: '', service: '', start: 0, end: 0 },
        },
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.sent,
          target: '#menu',
          actions: [...say(replies.sayMailed), ...forgetEmail],
        },
        { target: '#menu', actions: [...say(replies.sayNotMailed), ...forgetEmail] },
      ],
      onError: { target: '#menu', actions: [...say(replies.sayNotMailed), ...forgetEmail] },
    },
  }),
};
