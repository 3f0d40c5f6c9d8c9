/**
 * The effect `mail.confirm`: an appointment or an inscription is confirmed by e-mail.
 *
 * Not repeatable: where a process died nobody knows whether the mail left (RFC 5321, 6.1: a server that has answered has
 * taken it), and a person is better off without a second one. The asker is then told `effect.outcome-unknown`. What the
 * server certainly did not take is tried again, under the same Message-ID.
 */
import { z } from 'zod';

import { wordedIn } from '#machines/conversation/agent-settings.ts';
import type { Asks } from '#machines/conversation/asks.ts';
import { type ConversationSettings, conversationSettingsDefaults } from '#machines/conversation/settings.ts';
import type { Calendar } from '#runtime/calendar/calendar.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type EffectCall, EffectFailure, type EffectHandler } from '../handler.ts';
import { agentSettingsOf } from '../model/asker.ts';
import type { Attachment, Mail, Mailer } from '../ports/mail.ts';
import { calendarFileOf } from './ics.ts';
import { en } from './texts/en.ts';
import { es } from './texts/es.ts';
import { ptBr } from './texts/pt-br.ts';
import type { ConfirmationText } from './texts/text.ts';

/** What the handler works with. */
export interface ConfirmationParts {
  readonly runtime: Pick<Runtime, 'now' | 'tenants'>;
  readonly calendar: Pick<Calendar, 'read'>;
  readonly mailer: Mailer;
  /** Whether the mailer's mails leave this machine; of those of a development is not said that they were sent. */
  readonly leaves: boolean;
  /** Who invites. */
  readonly from: string;
}

type Confirmation = Asks['mail.confirm'][0];
type Confirmed = Pick<Mail, 'subject' | 'text' | 'attachments'>;

const texts: readonly ConfirmationText[] = [ptBr, en, es];
const address = z.email().max(254);
const nameMax = 200;

/** The handler. */
export const confirmationHandler = (parts: ConfirmationParts): EffectHandler => ({
  timeoutMs: 60_000,
  retryDelaysMs: [0, 5_000, 30_000, 300_000],
  concurrency: 8,
  repeatable: false,
  async run(call): Promise<Asks['mail.confirm'][1]> {
    const asked = call.input as Confirmation;
    if (!address.safeParse(asked.to).success) throw new EffectFailure('mail.invalid');
    const settings = { ...conversationSettingsDefaults, ...(await agentSettingsOf(parts.runtime.tenants, call)) };
    const confirmed =
      asked.about.kind === 'appointment'
        ? await appointmentMail(parts, call, asked, settings, asked.about.appointment)
        : registrationMail(asked, settings, asked.about.participant);
    if (confirmed === undefined) return { sent: false };
    await parts.mailer.send({ id: call.effectId, to: asked.to, ...confirmed }, call.signal);
    return { sent: parts.leaves };
  },
});

/** Undefined when it is no appointment any more: it was cancelled meanwhile. */
async function appointmentMail(
  { runtime, calendar, from }: ConfirmationParts,
  { tenant }: EffectCall,
  { locale, name }: Confirmation,
  settings: ConversationSettings,
  { id }: { readonly id: string },
): Promise<Confirmed | undefined> {
  const booking = await calendar.read(tenant, id);
  if (booking?.status !== 'booked') return undefined;
  const text = textIn(locale);
  const { businessName, timeZone, scheduling } = settings;
  const service = scheduling?.services.find((one) => one.id === booking.service);
  const serviceName = service === undefined ? booking.service : wordedIn(service.name, locale);
  const when = momentIn(text, booking.start, timeZone);
  const body = text.appointment.body(serviceName, when, businessName);
  const invitation: Attachment = {
    filename: 'prosa.ics',
    contentType: 'text/calendar; charset=utf-8; method=PUBLISH',
    content: calendarFileOf({
      uid: id,
      sequence: booking.sequence,
      status: 'CONFIRMED',
      start: booking.start,
      end: booking.end,
      at: runtime.now(),
      summary: `${serviceName} – ${businessName}`,
      description: text.change,
      organizer: { name: businessName, email: from },
    }),
  };
  return {
    subject: oneLine(text.appointment.subject(serviceName, when)),
    text: letter(text, name, [body, text.appointment.attached, text.change], businessName),
    attachments: [invitation],
  };
}

function registrationMail(
  { locale, name }: Confirmation,
  { registration, businessName }: ConversationSettings,
  participant: string,
): Confirmed {
  const text = textIn(locale);
  const event = registration === undefined ? businessName : wordedIn(registration.eventName, locale);
  return {
    subject: oneLine(text.registration.subject(event)),
    text: letter(text, name, [text.registration.body(event, participant), text.change], businessName),
    attachments: [],
  };
}

const letter = (text: ConfirmationText, name: string | null, parts: readonly string[], business: string): string =>
  [text.greeting(name === null ? null : oneLine(name).slice(0, nameMax)), ...parts, text.farewell(business)].join(
    '\n\n',
  ) + '\n';

/** Nothing that others wrote begins a line of its own, in a subject above all. */
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

const textIn = (locale: string): ConfirmationText =>
  texts.find((one) => one.locale.slice(0, 2) === locale.slice(0, 2).toLowerCase()) ?? ptBr;

function momentIn({ locale }: ConfirmationText, at: number, timeZone: string): string {
  const format = new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeStyle: 'short', timeZone });
  // Some languages separate the hour from "AM" by a space of their own kind.
  return oneLine(format.format(at));
}
