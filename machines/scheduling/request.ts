/** What a message says of an appointment: which service, which time. Pure readers of the context. */
import { type Service, namesOf, wordedIn } from '#machines/conversation/agent-settings.ts';
import type { Slot } from '#machines/conversation/asks.ts';
import { inLanguage } from '#machines/conversation/assisting-texts.ts';
import { commandIn } from '#machines/conversation/commands.ts';
import type { ConversationContext } from '#machines/conversation/context.ts';
import { ask, mentions, pressedIn, proposedIn, saidIn, wordsOf } from '#machines/conversation/hearing.ts';
import { fold, tokensOf } from '#machines/conversation/lexicon.ts';
import { answerOf } from '#machines/conversation/understanding.ts';
import { readChoice } from '#machines/understanding/number-choice.ts';
import { type WhenReading, narrowWhen, readWhen } from '#machines/understanding/when.ts';
import { type SchedulingContext, schedulingStart, searchStart } from './context.ts';
import { isOpenWithin } from './opening.ts';
import { schedulingTexts } from './texts.ts';

/** The tenant's services. */
export const servicesOf = ({ settings }: Pick<ConversationContext, 'settings'>): readonly Service[] =>
  settings.scheduling?.services ?? [];

/** How a service is called; its id when the tenant has it no more. */
export function nameOfService(context: Pick<ConversationContext, 'settings' | 'locale'>, id: string | null): string {
  const service = servicesOf(context).find((one) => one.id === id);
  return service === undefined ? (id ?? '') : wordedIn(service.name, context.locale);
}

/** Ids of rows and buttons. */
export const serviceRow = (id: string): string => `service.${id}`;
export const timeRow = ({ start }: Slot): string => `time.${start.toString()}`;
export const otherTimesRow = 'times.other';
export const readingRow = (index: number): string => `when.${index.toString()}`;

/** The service that a text names: by its name, its parts or other words for it. */
function serviceNamed(context: ConversationContext, text: string): string | undefined {
  const found = servicesOf(context).filter((one) => mentions(text, new Set([one.id, ...namesOf(one)].map(fold))));
  // Two that fit are a question, not an answer.
  return found.length === 1 ? found[0]?.id : undefined;
}

/** The service chosen where it was asked for. */
export function serviceIn(context: ConversationContext): string | undefined {
  const services = servicesOf(context);
  const pressed = pressedIn(context);
  if (pressed !== undefined) return services.find(({ id }) => serviceRow(id) === pressed)?.id;
  const proposed = proposedIn(context, 'schedule');
  // What a model did not name the message may have named.
  if (proposed !== undefined)
    return serviceNamed(context, proposed.service ?? '') ?? serviceNamed(context, wordsOf(context));
  const said = saidIn(context);
  if (said === undefined) return undefined;
  const number = readChoice(said, services.length);
  return number === undefined ? serviceNamed(context, said) : services[number - 1]?.id;
}

/** The words about when, as the person wrote them or as a model picked them out. */
function whenWords(context: ConversationContext): string {
  const proposed =
    proposedIn(context, 'schedule')?.when ??
    proposedIn(context, 'move_appointment')?.when ??
    proposedIn(context, 'other_times')?.when;
  return proposed ?? wordsOf(context);
}

/** What the message says about when; readings that the tenant is closed in are left out where others are. */
function whenIn(context: ConversationContext): WhenReading {
  const { settings, scheduling, locale, heard } = context;
  if (heard === null || pressedIn(context) !== undefined) return { kind: 'none' };
  const about = scheduling.shown[0]?.start ?? scheduling.wanted?.from;
  const { timeZone } = settings;
  const reading = readWhen(whenWords(context), {
    now: heard.at,
    timeZone,
    locale,
    ...(about === undefined ? {} : { about }),
  });
  const plan = settings.scheduling;
  if (plan === undefined) return reading;
  return narrowWhen(reading, ({ interval }) => isOpenWithin(plan, timeZone, interval));
}

/** True if there is a message, and it is no command to go elsewhere: what is a command is not an answer. */
export function isAnswer(context: ConversationContext): boolean {
  const command = commandIn(context);
  return context.heard !== null && (command === undefined || command === 'scheduling');
}

/** True if the message says something about when. */
export const saysWhen = (context: ConversationContext): boolean => whenIn(context).kind !== 'none';

/** True if it says when in so many words: a bare number may be of a list. */
export function tellsWhen(context: ConversationContext): boolean {
  const { kind } = whenIn(context);
  return (kind === 'sure' || kind === 'ambiguous') && !/^\d+$/u.test(fold(wordsOf(context)));
}

const hourMs = 3_600_000;

/** The request with what the message says about when. */
export function withWhen(context: ConversationContext): SchedulingContext {
  const known = { ...context.scheduling, ...searchStart, readings: [], problem: null };
  const reading = whenIn(context);
  switch (reading.kind) {
    case 'none':
      return known;
    case 'sure': {
      const { interval, precision } = reading;
      const span = interval.to - interval.from;
      const exact = precision === 'minute' || (precision === 'hour' && span <= hourMs);
      return { ...known, wanted: interval, exact };
    }
    case 'ambiguous':
      return { ...known, wanted: null, readings: reading.candidates.map(({ interval }) => interval) };
    case 'past':
      return { ...known, wanted: null, problem: 'past' };
    case 'unread':
      return { ...known, wanted: null, problem: 'unread' };
  }
}

/** The service that the message names in words: a number may be of another list. */
const serviceSaid = (context: ConversationContext): string | undefined =>
  serviceNamed(context, proposedIn(context, 'schedule')?.service ?? saidIn(context) ?? '');

/** The appointments that the message's words fit: of the service that it names, at the time that it says. */
export function fitting<One extends Slot & { readonly service: string }>(
  context: ConversationContext,
  some: readonly One[],
  by: { readonly when: boolean },
): readonly One[] {
  const service = pressedIn(context) === undefined ? serviceSaid(context) : undefined;
  const reading = by.when ? whenIn(context) : undefined;
  const interval = reading?.kind === 'sure' ? reading.interval : undefined;
  if (service === undefined && interval === undefined) return [];
  return some.filter(
    (one) =>
      (service === undefined || one.service === service) &&
      (interval === undefined || (one.start < interval.to && interval.from < one.end)),
  );
}

/** Another service than the one that is being booked, if the message names one. */
export function otherServiceIn(context: ConversationContext): string | undefined {
  const { service, moving } = context.scheduling;
  const said = moving === null && pressedIn(context) === undefined ? serviceSaid(context) : undefined;
  return said === service ? undefined : said;
}

/** The request for another service: at the same time, where no other was said. */
export function withOtherService(context: ConversationContext): SchedulingContext {
  const service = otherServiceIn(context) ?? context.scheduling.service;
  const scheduling = { ...context.scheduling, ...searchStart, service, hold: null };
  return saysWhen(context) ? withWhen({ ...context, scheduling }) : scheduling;
}

/** A new request: what of it the message says already. */
export function requestIn(context: ConversationContext, moving: { id: string; service: string } | null) {
  const services = servicesOf(context);
  const [only] = services;
  const named = moving?.service ?? serviceSaid(context);
  const service = named ?? (services.length === 1 ? (only?.id ?? null) : null);
  const start = { ...schedulingStart, booked: context.scheduling.booked, service, moving: moving?.id ?? null };
  return withWhen({ ...context, scheduling: start });
}

/** Which reading was meant, where there are several. */
export function readingIn(context: ConversationContext): SchedulingContext['wanted'] {
  const { readings } = context.scheduling;
  const pressed = pressedIn(context);
  if (pressed !== undefined) return readings.find((_, index) => readingRow(index) === pressed) ?? null;
  const said = saidIn(context);
  const number = said === undefined ? undefined : readChoice(said, readings.length);
  if (number !== undefined) return readings[number - 1] ?? null;
  const meant = whenIn(context);
  if (meant.kind !== 'sure') return null;
  const within = readings.filter(({ from, to }) => meant.interval.from < to && from < meant.interval.to);
  return within.length === 1 ? (within[0] ?? null) : null;
}

/** One of the times that were shown: by its row, its number, its handle, or said. */
export function timeIn(context: ConversationContext): Slot | undefined {
  const { shown } = context.scheduling;
  const pressed = pressedIn(context);
  if (pressed !== undefined) return shown.find((slot) => timeRow(slot) === pressed);
  const handle = proposedIn(context, 'choose_time')?.time;
  if (handle !== undefined) return shown[Number(/^s(\d{1,2})$/u.exec(handle)?.[1] ?? 0) - 1];
  const said = saidIn(context);
  const number = said === undefined ? undefined : readChoice(said, shown.length);
  if (number !== undefined) return shown[number - 1];
  const meant = whenIn(context);
  if (meant.kind !== 'sure' || !startsExactly(meant)) return undefined;
  return shown.find(({ start }) => start === meant.interval.from);
}

const startsExactly = ({ precision, interval }: Extract<WhenReading, { kind: 'sure' }>): boolean =>
  precision === 'minute' || (precision === 'hour' && interval.to - interval.from <= hourMs);

/** True if other times than those shown are wanted, without a word of which. */
export function wantsOthers(context: ConversationContext): boolean {
  const pressed = pressedIn(context);
  if (pressed !== undefined) return pressed === otherTimesRow;
  const said = saidIn(context);
  if (said === undefined) return false;
  if (ask(context, answerOf) === 'no') return true;
  const { kind } = whenIn(context);
  if (kind !== 'none' && kind !== 'unread') return false;
  const { otherWords } = inLanguage(schedulingTexts, context.locale);
  return tokensOf(fold(said)).length <= wordsOfOthers && mentions(said, otherWords);
}
const wordsOfOthers = 6;

const wordsOfName = 3;

/** True if the message is about an appointment though it does not say so: a service with a time, or alone. */
export function namesService(context: ConversationContext): boolean {
  const said = saidIn(context);
  if (said === undefined || serviceNamed(context, said) === undefined) return false;
  return saysWhen(context) || (!said.includes('?') && tokensOf(fold(said)).length <= wordsOfName);
}
