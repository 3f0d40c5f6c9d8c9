/** What is said while an appointment is made. */
import { wordedIn } from '#machines/conversation/agent-settings.ts';
import { type Confirmation, askToAgree } from '#machines/conversation/agreement.ts';
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import { numberedList } from '#machines/conversation/numbered-list.ts';
import type { Of } from '#machines/conversation/setup.ts';
import type { ActionParams } from '#machines/machine.ts';
import { type Interval } from '#machines/understanding/when.ts';
import { sayShortly, sayWhen } from '#machines/understanding/say-when.ts';
import { nameOfService, otherTimesRow, readingRow, serviceRow, servicesOf, timeRow } from './request.ts';
import { type SchedulingTexts, schedulingTexts } from './texts.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';

type Reply = ActionParams['reply'];

const textsIn = (context: ConversationContext): SchedulingTexts => inLanguage(schedulingTexts, context.locale);
const tellingIn = ({ settings, locale }: ConversationContext) => ({ timeZone: settings.timeZone, locale });
const serviceName = (context: ConversationContext): string => nameOfService(context, context.scheduling.service);

const saying =
  (words: (texts: SchedulingTexts, context: ConversationContext) => string) =>
  ({ context }: Of): Reply => ({ content: { kind: 'text', text: words(textsIn(context), context) } });

/** Which service? */
export function askService({ context }: Of): Reply {
  const texts = textsIn(context);
  const rows = servicesOf(context).map(({ id, name }) => ({
    id: serviceRow(id),
    title: wordedIn(name, context.locale),
  }));
  return numberedList(texts.askService, rows, texts.openServices);
}

/** When? With why the last words about it could not be used. */
export const askWhen = saying((texts, context) => {
  const { problem, moving } = context.scheduling;
  return problem === null ? texts.askWhen({ service: serviceName(context), moving: moving !== null }) : texts[problem];
});

/** Which of the readings? */
export function askReading({ context }: Of): Reply {
  const texts = textsIn(context);
  const rows = context.scheduling.readings.map((interval, index) => ({
    id: readingRow(index),
    title: saidInterval(context, interval),
  }));
  return numberedList(texts.whichReading, rows, texts.openTimes);
}

const dayMs = 86_400_000;
/** A day as a day, a time with its hour. */
const saidInterval = (context: ConversationContext, { from, to }: Interval): string =>
  to - from >= dayMs - 3_600_000
    ? sayWhen(from, { ...tellingIn(context), precision: 'day' })
    : sayWhen(from, { ...tellingIn(context), precision: 'minute' });

const times = (intro: (texts: SchedulingTexts, context: ConversationContext) => string) =>
  function offerTimes({ context }: Of): Reply {
    const texts = textsIn(context);
    const rows = context.scheduling.shown.map((slot) => ({
      id: timeRow(slot),
      title: sayShortly(slot.start, tellingIn(context)),
    }));
    const others = { id: otherTimesRow, title: texts.otherTimes };
    return numberedList(intro(texts, context), rows, texts.openTimes, texts.howToChoose, [others]);
  };

/** The times there are. */
export const offerTimes = times((texts, context) =>
  context.scheduling.widened ? texts.notFree : texts.times({ service: serviceName(context) }),
);
/** The chosen time was taken by somebody else; others. */
export const offerAlternatives = times((texts) => texts.takenMeanwhile);

/** There is no time: the tenant is closed, or all is taken. */
export const sayClosed = saying((texts) => texts.closed);
export const sayNoTimes = saying((texts) => texts.noTimes);

const saidChoice = (context: ConversationContext) => ({
  service: serviceName(context),
  when: sayWhen(context.scheduling.chosen?.start ?? 0, { ...tellingIn(context), precision: 'minute' }),
  moving: context.scheduling.moving !== null,
});

/** A yes is bound to the hold. */
export function confirmation(context: ConversationContext): Confirmation {
  const texts = textsIn(context);
  const hold = context.scheduling.hold ?? '';
  return { yes: { id: `book.yes.${hold}`, title: texts.yes }, no: { id: `book.no.${hold}`, title: texts.no } };
}

/** Reads back what is about to be booked. */
export const askToConfirm = ({ context }: Of): Reply =>
  askToAgree(textsIn(context).confirm(saidChoice(context)), confirmation(context));

/** Nothing was booked; when else? */
export const sayDeclined = saying((texts, { scheduling }) => texts.declined({ moving: scheduling.moving !== null }));
/** It is booked, and whether a mail is wanted. */
export const sayBooked = saying((texts, context) => `${texts.booked(saidChoice(context))}\n\n${texts.offerMail}`);
export const askEmail = saying((texts) => texts.offerMail);
export const askAddress = saying((texts) => texts.askAddress);
export const sayEmailInvalid = saying((texts) => texts.emailInvalid);
export const sayEmailHint = saying((texts, { scheduling }) => texts.emailHint({ email: scheduling.emailHint ?? '' }));
/** The hold was over, and the time is still free. */
export const sayStillFree = saying((texts) => texts.stillFree);
export const sayMailed = saying((texts) => texts.mailed);
export const sayNotMailed = saying((texts) => texts.notMailed);
export const sayClosing = saying((texts) => texts.bookedClosing);
