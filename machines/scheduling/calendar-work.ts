/**
 * Where a booking waits for the calendar: free times are looked for, the chosen one is held, booked, or given back.
 *
 *   findingTimes ⟲ wider ──► holding ──► booking
 *                               └── taken ──┴──► others are offered     releasing ──► when else?
 */
import type { Asks, Slot } from '#machines/conversation/asks.ts';
import { failAndShowMenu } from '#machines/conversation/menu.ts';
import { type Of, audits, conversation, say, sets } from '#machines/conversation/setup.ts';
import type { SchedulingContext } from './context.ts';
import * as replies from './replies.ts';

const shownMax = 5;
/** Times among which the nearest are looked for. */
const lookedAtMax = 60;
const dayMs = 86_400_000;
/** How far beyond what was wanted is looked for other times. */
const widerMs = 7 * dayMs;

/** What the calendar answered changes what is known. */
const learn = <Output>(change: (scheduling: SchedulingContext, output: Output) => SchedulingContext) =>
  ({
    type: 'know',
    params: ({ context, event: { output } }: Answered<Output>) => ({
      known: { scheduling: change(context.scheduling, output) },
    }),
  }) as const;

interface Answered<Output> extends Of {
  readonly event: { readonly output: Output };
}

const failed = {
  target: '#menu',
  actions: [...say(failAndShowMenu), audits('scheduling.failed')],
} as const;

/** What was wanted is no longer: the next words about when begin anew. */
const forget = [
  sets('scheduling', ({ scheduling }) => ({ ...scheduling, wanted: null, hold: null, shown: [], chosen: null })),
] as const;
const noTimes = { target: '#scheduling.choosingWhen', actions: [...forget, ...say(replies.sayNoTimes)] } as const;

/** Beyond what was wanted: the rest of that day and a week more. */
const widen = {
  target: '#findingTimes',
  reenter: true,
  actions: sets('scheduling', ({ scheduling: { wanted, exact, ...scheduling } }) => ({
    ...scheduling,
    widened: true,
    exact: false,
    near: exact ? (wanted?.from ?? null) : null,
    wanted: wanted === null ? null : { from: wanted.from - dayMs / 2, to: wanted.to + widerMs },
  })),
} as const;

/** As many as are shown: those nearest to the time that was said, if one was, else the earliest. */
function nearest({ near }: SchedulingContext, slots: readonly Slot[]): readonly Slot[] {
  if (near === null) return slots.slice(0, shownMax);
  return slots
    .toSorted((a, b) => Math.abs(a.start - near) - Math.abs(b.start - near))
    .slice(0, shownMax)
    .toSorted((a, b) => a.start - b.start);
}

type Outcome = (Asks['calendar.hold'] | Asks['calendar.book'])[1];

/** Somebody else was faster: other times, where there are some. */
const taken = [
  {
    guard: ({ event: { output } }: Answered<Outcome>) => output.outcome === 'taken' && output.alternatives.length > 0,
    target: '#scheduling.choosingTime',
    actions: [
      learn<Outcome>((scheduling, output) =>
        output.outcome === 'taken'
          ? { ...scheduling, shown: output.alternatives, chosen: null, hold: null }
          : scheduling,
      ),
      ...say(replies.offerAlternatives),
    ],
  },
  noTimes,
] as const;

/** The states. */
export const calendarWork = {
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
          actions: learn<Asks['calendar.find'][1]>((scheduling, { slots }) => ({
            ...scheduling,
            shown: slots,
            chosen: slots[0] ?? null,
          })),
        },
        // Not to be had: what is near it is shown instead.
        { guard: ({ context: { scheduling }, event }) => scheduling.exact && !event.output.closed, ...widen },
        {
          guard: ({ event }) => event.output.slots.length > 0,
          target: '#scheduling.choosingTime',
          actions: [
            learn<Asks['calendar.find'][1]>((scheduling, { slots }) => ({
              ...scheduling,
              shown: nearest(scheduling, slots),
            })),
            ...say(replies.offerTimes),
          ],
        },
        { guard: ({ context, event }) => !context.scheduling.widened && !event.output.closed, ...widen },
        {
          guard: ({ event }) => event.output.closed,
          target: '#scheduling.choosingWhen',
          actions: [...forget, ...say(replies.sayClosed)],
        },
        noTimes,
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
            learn<Asks['calendar.hold'][1]>((scheduling, output) => ({
              ...scheduling,
              hold: output.outcome === 'held' ? output.hold : null,
            })),
            ...say(replies.askToConfirm),
          ],
        },
        ...taken,
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
            learn<Asks['calendar.book'][1]>((scheduling, output) => ({
              ...scheduling,
              hold: null,
              booked: output.outcome === 'booked' ? output.appointment : null,
            })),
          ],
        },
        {
          // The yes came after the hold had ended, and nobody has taken the time: it is held and asked about anew.
          guard: ({ context: { scheduling }, event: { output } }) =>
            output.outcome === 'taken' && output.alternatives.some(({ start }) => start === scheduling.chosen?.start),
          target: '#holding',
          actions: say(replies.sayStillFree),
        },
        ...taken,
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
};
