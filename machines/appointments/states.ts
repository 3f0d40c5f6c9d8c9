/**
 * One's own appointments (R18): seen, cancelled after a yes, or moved.
 *
 *   listing ──► choosing ──► deciding (move, cancel, back)
 *      │           │               │
 *      │           ▼               ▼
 *      └──► confirmingCancel ──► cancelling          moved: machines/scheduling/
 */
import { agreementIn } from '#machines/conversation/agreement.ts';
import { commandIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { pressedIn, proposedIn, saidIn } from '#machines/conversation/hearing.ts';
import { failAndShowMenu } from '#machines/conversation/menu.ts';
import type { Question } from '#machines/conversation/question.ts';
import { type Of, audits, conversation, knows, opens, say } from '#machines/conversation/setup.ts';
import type { Appointment } from '#machines/conversation/asks.ts';
import { beginMoving } from '#machines/scheduling/states.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { sayShortly } from '#machines/understanding/say-when.ts';
import { type AppointmentsContext, appointmentsStart } from './context.ts';
import * as replies from './replies.ts';

const shownMax = 9;

const set = (change: (context: ConversationContext) => AppointmentsContext) =>
  knows((context) => ({ appointments: change(context) }));

const begin = (wish: AppointmentsContext['wish']) =>
  [set(() => ({ ...appointmentsStart, wish })), { type: 'startAfresh' }] as const;

/** What is begun with. To be spread into the actions of the transition to it. */
export const beginAppointments = {
  see: [...begin('see'), { type: 'settle' }],
  cancel: [...begin('cancel'), { type: 'settle' }],
  // What was said of when it is to be moved to is read once it is known which.
  move: begin('move'),
} as const;

/** Which of the shown ones is meant: by its row, its handle, its number; or the only one. */
function chosenIn(context: ConversationContext): Appointment | undefined {
  const { shown } = context.appointments;
  const pressed = pressedIn(context);
  if (pressed !== undefined) return shown.find((one) => replies.appointmentRow(one) === pressed);
  const handle =
    proposedIn(context, 'cancel_appointment')?.appointment ?? proposedIn(context, 'move_appointment')?.appointment;
  if (handle != null) return shown[Number(/^a(\d)$/u.exec(handle)?.[1] ?? 0) - 1];
  const said = saidIn(context);
  const number = said === undefined ? undefined : readChoice(said, shown.length);
  return number === undefined ? undefined : shown[number - 1];
}

function deedIn(context: ConversationContext): (typeof replies.deeds)[number] | undefined {
  const pressed = pressedIn(context);
  if (pressed !== undefined) return replies.deeds.find((deed) => replies.deedButton(deed) === pressed);
  const command = commandIn(context);
  if (command === 'cancel' || command === 'move') return command;
  // Alone it means the appointment here, not what is being done.
  if (command === 'stop') return 'cancel';
  const said = saidIn(context);
  const number = said === undefined ? undefined : readChoice(said, replies.deeds.length);
  return number === undefined ? undefined : replies.deeds[number - 1];
}

function confirmationIn(context: ConversationContext): 'yes' | 'no' | undefined {
  const pressed = pressedIn(context);
  if (pressed === replies.cancelButton(context)) return 'yes';
  if (pressed === replies.keepButton(context)) return 'no';
  return agreementIn(context, 'cancel');
}

const isHeard = ({ context }: Of): boolean => context.heard !== null;
const choose = set((context) => ({ ...context.appointments, chosen: chosenIn(context) ?? null }));
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
            set(({ appointments }) => ({ ...appointments, wish: 'see', chosen: null })),
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
          guard: (of) => isHeard(of) && confirmationIn(of.context) === 'yes',
          target: '#cancelling',
          actions: [
            set((context) => ({ ...context.appointments, confirmedBy: context.heard?.eventId ?? null })),
            'startAfresh',
            'settle',
          ],
        },
        {
          guard: (of) => isHeard(of) && confirmationIn(of.context) === 'no',
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
          // There is only one that can be meant.
          guard: ({ context, event }) =>
            context.appointments.wish === 'cancel' && event.output.appointments.length === 1,
          target: '#appointments.confirmingCancel',
          actions: [
            { type: 'know', params: ({ context, event }) => found(context, event.output.appointments) },
            ...say(replies.askToCancel),
            'settle',
          ],
        },
        {
          guard: ({ context, event }) => context.appointments.wish === 'move' && event.output.appointments.length === 1,
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

/** What was found; the only one is the one that is meant. */
const found = ({ appointments }: ConversationContext, shown: readonly Appointment[]) => ({
  known: { appointments: { ...appointments, shown, chosen: shown.length === 1 ? (shown[0] ?? null) : null } },
});
