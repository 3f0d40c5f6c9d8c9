/**
 * One's own appointments: seen, cancelled after a yes, or moved.
 *
 *   listing ──► choosing ──► deciding (move, cancel, back)
 *      │           │               │
 *      │           ▼               ▼
 *      └──► confirmingCancel ──► cancelling          moved: machines/scheduling/
 */
import { agreementIn } from '#machines/conversation/agreement.ts';
import { commandWordsIn } from '#machines/conversation/command-words.ts';
import { commandIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { pressedIn, proposedIn, rowIn, saidIn } from '#machines/conversation/hearing.ts';
import { fold } from '#machines/conversation/lexicon.ts';
import { failAndShowMenu } from '#machines/conversation/menu.ts';
import type { Question } from '#machines/conversation/question.ts';
import { type Of, audits, conversation, opens, say, sets } from '#machines/conversation/setup.ts';
import type { Appointment } from '#machines/conversation/asks.ts';
import { fitting } from '#machines/scheduling/request.ts';
import { beginMoving } from '#machines/scheduling/states.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { sayShortly } from '#machines/understanding/say-when.ts';
import { type AppointmentsContext, appointmentsStart } from './context.ts';
import * as replies from './replies.ts';

const shownMax = 9;

const begin = (wish: AppointmentsContext['wish']) =>
  [sets('appointments', () => ({ ...appointmentsStart, wish })), { type: 'startAfresh' }] as const;

/** What is begun with. To be spread into the actions of the transition to it. */
export const beginAppointments = {
  see: [...begin('see'), { type: 'settle' }],
  // What was said of it is read once it is known which there are.
  cancel: begin('cancel'),
  move: begin('move'),
} as const;

/** Which of the shown ones is meant: by its row, its handle, its number, or what was said of it. */
function chosenIn(context: ConversationContext): Appointment | undefined {
  const { shown } = context.appointments;
  const pressed = pressedIn(context);
  if (pressed !== undefined) return shown.find((one) => replies.appointmentRow(one) === pressed);
  const handle =
    proposedIn(context, 'cancel_appointment')?.appointment ?? proposedIn(context, 'move_appointment')?.appointment;
  if (handle != null) return shown[Number(/^a(\d)$/u.exec(handle)?.[1] ?? 0) - 1];
  const said = saidIn(context);
  const number = said === undefined ? undefined : readChoice(said, shown.length);
  if (number !== undefined) return shown[number - 1];
  const command = commandIn(context);
  const isAnswer = command === undefined || command === context.appointments.wish;
  return isAnswer ? onlyOf(fitting(context, shown, { when: command !== 'move' })) : undefined;
}

const onlyOf = (some: readonly Appointment[]): Appointment | undefined => (some.length === 1 ? some[0] : undefined);

/** The only one; or the only one that the message's words fit. Where one is moved, a time is that of the new one. */
function meantIn(context: ConversationContext, some: readonly Appointment[]): Appointment | undefined {
  return onlyOf(some) ?? onlyOf(fitting(context, some, { when: context.appointments.wish !== 'move' }));
}

function deedIn(context: ConversationContext): (typeof replies.deeds)[number] | undefined {
  const row = rowIn(context, replies.deedRows(context));
  if (row !== undefined || pressedIn(context) !== undefined) return row?.deed;
  const command = commandIn(context);
  if (command === 'cancel' || command === 'move') return command;
  const said = saidIn(context);
  // Alone it means the appointment here, not what is being done.
  if (said !== undefined && commandWordsIn(context).cancelAlone.has(fold(said))) return 'cancel';
  const number = said === undefined ? undefined : readChoice(said, replies.deeds.length);
  return number === undefined ? undefined : replies.deeds[number - 1];
}

const isHeard = ({ context }: Of): boolean => context.heard !== null;
const choose = sets('appointments', (context) => ({ ...context.appointments, chosen: chosenIn(context) ?? null }));
const wishes =
  (wish: AppointmentsContext['wish']) =>
  ({ context }: Of): boolean =>
    context.appointments.wish === wish && chosenIn(context) !== undefined;

const handles = ({ appointments, settings, locale }: ConversationContext) =>
  appointments.shown.map(({ start }, index) => ({
    handle: `a${(index + 1).toString()}`,
    label: sayShortly(start, { timeZone: settings.timeZone, locale }),
  }));

/** What it asks. */
export const appointmentsQuestions: Readonly<Record<string, Question>> = {
  'appointments.choosing': { ask: replies.list, tools: ['cancel_appointment', 'move_appointment'], handles },
  'appointments.deciding': { ask: replies.askDeed, tools: ['cancel_appointment', 'move_appointment'] },
  'appointments.confirmingCancel': { ask: replies.askToCancel, tools: [] },
};

/** Where it waits for the person. */
export const appointmentsTalking = conversation.createStateConfig({
  id: 'appointments',
  initial: 'beginning',
  states: {
    beginning: { always: '#listing' },
    choosing: {
      id: 'appointments.choosing',
      entry: opens('appointments.choosing'),
      always: [
        {
          guard: (of) => isHeard(of) && wishes('cancel')(of),
          target: 'confirmingCancel',
          actions: [choose, ...say(replies.askToCancel), 'startAfresh', 'settle'],
        },
        { guard: (of) => isHeard(of) && wishes('move')(of), target: '#scheduling', actions: [choose, ...beginMoving] },
        {
          guard: (of) => isHeard(of) && wishes('see')(of),
          target: 'deciding',
          actions: [choose, ...say(replies.askDeed), 'startAfresh', 'settle'],
        },
      ],
    },
    deciding: {
      id: 'appointments.deciding',
      entry: opens('appointments.deciding'),
      always: [
        { guard: (of) => isHeard(of) && deedIn(of.context) === 'move', target: '#scheduling', actions: beginMoving },
        {
          guard: (of) => isHeard(of) && deedIn(of.context) === 'cancel',
          target: 'confirmingCancel',
          actions: [...say(replies.askToCancel), 'startAfresh', 'settle'],
        },
        {
          guard: (of) => isHeard(of) && deedIn(of.context) === 'back',
          target: 'choosing',
          actions: [
            sets('appointments', ({ appointments }) => ({ ...appointments, wish: 'see', chosen: null })),
            ...say(replies.list),
            'startAfresh',
            'settle',
          ],
        },
      ],
    },
    confirmingCancel: {
      id: 'appointments.confirmingCancel',
      entry: opens('appointments.confirmingCancel'),
      always: [
        {
          guard: (of) => isHeard(of) && agreementIn(of.context, 'cancel', replies.confirmation(of.context)) === 'yes',
          target: '#cancelling',
          actions: [
            sets('appointments', (context) => ({
              ...context.appointments,
              confirmedBy: context.heard?.eventId ?? null,
            })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => isHeard(of) && agreementIn(of.context, 'cancel', replies.confirmation(of.context)) === 'no',
          target: '#menu',
          actions: [...say(replies.sayKept), 'startAfresh', 'settle'],
        },
      ],
    },
  },
});

const failed = { target: '#menu', actions: [...say(failAndShowMenu), audits('appointments.failed')] } as const;

/** Where it waits for the calendar. */
export const appointmentsWorking = {
  listing: conversation.createStateConfig({
    id: 'listing',
    invoke: {
      id: 'calendar',
      src: 'calendar.list',
      input: { max: shownMax },
      onDone: [
        {
          guard: ({ event }) => event.output.appointments.length === 0,
          target: '#menu',
          actions: [...say(replies.sayNone), 'settle'],
        },
        {
          guard: ({ context, event }) =>
            context.appointments.wish === 'cancel' && meantIn(context, event.output.appointments) !== undefined,
          target: '#appointments.confirmingCancel',
          actions: [
            { type: 'know', params: ({ context, event }) => found(context, event.output.appointments) },
            ...say(replies.askToCancel),
            'settle',
          ],
        },
        {
          guard: ({ context, event }) =>
            context.appointments.wish === 'move' && meantIn(context, event.output.appointments) !== undefined,
          target: '#scheduling',
          actions: [
            { type: 'know', params: ({ context, event }) => found(context, event.output.appointments) },
            ...beginMoving,
          ],
        },
        {
          target: '#appointments.choosing',
          actions: [
            { type: 'know', params: ({ context, event }) => found(context, event.output.appointments) },
            ...say(replies.list),
            'settle',
          ],
        },
      ],
      onError: failed,
    },
  }),
  cancelling: conversation.createStateConfig({
    id: 'cancelling',
    invoke: {
      id: 'calendar',
      src: 'calendar.cancel',
      input: ({ context: { appointments } }) => ({
        appointment: appointments.chosen?.id ?? '',
        confirmedBy: appointments.confirmedBy ?? '',
      }),
      onDone: [
        {
          guard: ({ event }) => event.output.outcome === 'cancelled',
          target: '#menu',
          actions: [...say(replies.sayCancelled), audits('appointment.cancelled')],
        },
        { target: '#menu', actions: say(replies.sayGone) },
      ],
      onError: failed,
    },
  }),
};

/** What was found, and which of it is meant. */
const found = (context: ConversationContext, shown: readonly Appointment[]) => ({
  known: { appointments: { ...context.appointments, shown, chosen: meantIn(context, shown) ?? null } },
});
