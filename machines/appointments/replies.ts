/** What is said of appointments that somebody has. */
import { type Confirmation, askToAgree } from '#machines/conversation/agreement.ts';
import type { Appointment } from '#machines/conversation/asks.ts';
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { itemsOf } from '#machines/conversation/menu.ts';
import { numberedList } from '#machines/conversation/numbered-list.ts';
import type { Of } from '#machines/conversation/setup.ts';
import type { ActionParams } from '#machines/machine.ts';
import { nameOfService } from '#machines/scheduling/request.ts';
import { sayShortly, sayWhen } from '#machines/understanding/say-when.ts';
import { type AppointmentsTexts, appointmentsTexts } from './texts.ts';

type Reply = ActionParams['reply'];

const textsIn = (context: ConversationContext): AppointmentsTexts => inLanguage(appointmentsTexts, context.locale);
/** How a conversation speaks. */
type Speaking = Pick<ConversationContext, 'settings' | 'locale'>;

const tellingIn = ({ settings, locale }: Speaking) => ({ timeZone: settings.timeZone, locale });

/** How an appointment is told. */
const said = (context: Speaking, appointment: Pick<Appointment, 'service' | 'start'> | null) => ({
  service: nameOfService(context, appointment?.service ?? null),
  when: sayWhen(appointment?.start ?? 0, { ...tellingIn(context), precision: 'minute' }),
});
const chosen = (context: ConversationContext) => said(context, context.appointments.chosen);

/** Id of a row. */
export const appointmentRow = ({ id }: Appointment): string => `appointment.${id}`;
/** What can be done with one that was chosen, in the order of its numbers. */
export const deeds = ['move', 'cancel', 'back'] as const;
export const deedRows = (context: ConversationContext) =>
  deeds.map((deed) => ({ deed, id: `appointment.${deed}`, title: textsIn(context)[deed] }));

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
      buttons: deedRows(context).map(({ id, title }) => ({ id, title })),
    },
  };
}

/** A yes is bound to the appointment that was shown. */
export function confirmation(context: ConversationContext): Confirmation {
  const texts = textsIn(context);
  const id = context.appointments.chosen?.id ?? '';
  return { yes: { id: `cancel.yes.${id}`, title: texts.yes }, no: { id: `cancel.no.${id}`, title: texts.no } };
}

/** Reads back what is about to be cancelled. */
export const askToCancel = ({ context }: Of): Reply =>
  askToAgree(textsIn(context).confirmCancel(chosen(context)), confirmation(context));

/** What the person is told when somebody of the tenant's did it for them. */
export function sayDoneForYou(
  done: 'booked' | 'cancelled',
  appointment: Pick<Appointment, 'service' | 'start'>,
  context: Speaking,
): string {
  const texts = inLanguage(appointmentsTexts, context.locale);
  const told = { ...said(context, appointment), business: context.settings.businessName };
  return done === 'booked' ? texts.bookedForYou(told) : texts.cancelledForYou(told);
}

/** None; and how to have one, where that is offered. */
export const sayNone = saying((texts, context) =>
  itemsOf(context).includes('scheduling') ? `${texts.none} ${texts.howToBook}` : texts.none,
);
export const sayCancelled = saying((texts, context) => texts.cancelled(chosen(context)));
export const sayGone = saying((texts) => texts.gone);
export const sayKept = saying((texts) => texts.kept);
