/** What is said of appointments that somebody has. */
import type { Appointment } from '#machines/conversation/asks.ts';
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { numberedList } from '#machines/conversation/numbered-list.ts';
import type { Of } from '#machines/conversation/setup.ts';
import type { ActionParams } from '#machines/machine.ts';
import { nameOfService } from '#machines/scheduling/request.ts';
import { sayShortly, sayWhen } from '#machines/understanding/say-when.ts';
import { type AppointmentsTexts, appointmentsTexts } from './texts.ts';

type Reply = ActionParams['reply'];

const textsIn = (context: ConversationContext): AppointmentsTexts => inLanguage(appointmentsTexts, context.locale);
const tellingIn = ({ settings, locale }: ConversationContext) => ({ timeZone: settings.timeZone, locale });

/** How an appointment is told. */
const said = (context: ConversationContext, appointment: Appointment | null) => ({
  service: nameOfService(context, appointment?.service ?? null),
  when: sayWhen(appointment?.start ?? 0, { ...tellingIn(context), precision: 'minute' }),
});
const chosen = (context: ConversationContext) => said(context, context.appointments.chosen);

/** Ids of rows and buttons; a yes is bound to the appointment that was shown. */
export const appointmentRow = ({ id }: Appointment): string => `appointment.${id}`;
export const cancelButton = (context: ConversationContext): string =>
  `cancel.yes.${context.appointments.chosen?.id ?? ''}`;
export const keepButton = (context: ConversationContext): string =>
  `cancel.no.${context.appointments.chosen?.id ?? ''}`;
/** What can be done with one that was chosen, in the order of its numbers. */
export const deeds = ['move', 'cancel', 'back'] as const;
export const deedButton = (deed: (typeof deeds)[number]): string => `appointment.${deed}`;

const saying =
  (words: (texts: AppointmentsTexts, context: ConversationContext) => string) =>
  ({ context }: Of): Reply => ({ content: { kind: 'text', text: words(textsIn(context), context) } });

/** The appointments, and what of them is wanted. */
export function list({ context }: Of): Reply {
  const texts = textsIn(context);
  const { shown, wish } = context.appointments;
  const intro = { see: texts.list, cancel: texts.whichToCancel, move: texts.whichToMove }[wish];
  const rows = shown.map((appointment) => ({
    id: appointmentRow(appointment),
    title: `${sayShortly(appointment.start, tellingIn(context))} ${said(context, appointment).service}`,
  }));
  return numberedList(intro, rows, texts.open, texts.howToChoose);
}

/** What is to be done with the one chosen. */
export function askDeed({ context }: Of): Reply {
  const texts = textsIn(context);
  return {
    content: {
      kind: 'buttons',
      optionsInText: true,
      text: texts.whatNow(chosen(context)),
      buttons: deeds.map((deed) => ({ id: deedButton(deed), title: texts[deed] })),
    },
  };
}

/** Reads back what is about to be cancelled. */
export function askToCancel({ context }: Of): Reply {
  const texts = textsIn(context);
  return {
    content: {
      kind: 'buttons',
      optionsInText: true,
      text: texts.confirmCancel(chosen(context)),
      buttons: [
        { id: cancelButton(context), title: texts.yes },
        { id: keepButton(context), title: texts.no },
      ],
    },
  };
}

export const sayNone = saying((texts) => texts.none);
export const sayCancelled = saying((texts, context) => texts.cancelled(chosen(context)));
export const sayGone = saying((texts) => texts.gone);
export const sayKept = saying((texts) => texts.kept);
