/** The effect `mail.send`: a mail, with files or without. */
import { z } from 'zod';

import type { Calendar } from '#runtime/calendar/calendar.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { logMailer } from '../adapters/log-mailer.ts';
import { smtpMailer } from '../adapters/smtp-mailer.ts';
import { type EffectHandler, EffectFailure } from '../handler.ts';
import type { OpenHandlers } from '../handlers.ts';
import type { Mailer } from '../ports/mail.ts';
import { confirmationHandler } from './confirmation.ts';

const attachmentCharactersMax = 1_000_000;
/** Who invites where no mail leaves. */
const nobody = 'nobody@localhost.invalid';

const mailInput = z.strictObject({
  to: z.email().max(254),
  subject: z.string().min(1).max(500),
  text: z.string().max(100_000),
  attachments: z
    .array(
      z.strictObject({
        filename: z.string().min(1).max(200),
        contentType: z.string().regex(/^[\w.+-]+\/[\w.+-]+(; ?[\w-]+=[\w.-]+)*$/),
        /** As text, or its bytes in base64. */
        content: z.string().max(attachmentCharactersMax),
        encoding: z.enum(['utf8', 'base64']).default('utf8'),
      }),
    )
    .max(10)
    .default([]),
});

/**
 * The handler of `mail.send`. Its input is checked; it answers `{}`. A mail is not repeatable: where nobody knows whether
 * it left, the asker is told so.
 */
export const mailHandler = (mailer: Mailer): EffectHandler => ({
  timeoutMs: 60_000,
  retryDelaysMs: [0, 30_000, 120_000, 600_000, 3_600_000],
  concurrency: 4,
  repeatable: false,
  async run({ effectId, input, signal }) {
    const given = mailInput.safeParse(input);
    if (!given.success) throw new EffectFailure('mail.invalid');
    const { attachments, ...mail } = given.data;
    await mailer.send(
      {
        ...mail,
        id: effectId,
        attachments: attachments.map(({ filename, contentType, content, encoding }) => ({
          filename,
          contentType,
          content: encoding === 'utf8' ? content : Buffer.from(content, encoding),
        })),
      },
      signal,
    );
    return {};
  },
});

/** Handlers of mails, by the server that is configured. */
export function openMail(runtime: Runtime, calendar: Pick<Calendar, 'read'>): OpenHandlers {
  const { smtp } = runtime.config;
  const mailer = smtp === undefined ? logMailer(runtime.logger) : smtpMailer(smtp);
  const from = smtp?.from ?? nobody;
  const confirmation = confirmationHandler({ runtime, calendar, mailer, leaves: smtp !== undefined, from });
  const handlers = new Map([
    ['mail.send', mailHandler(mailer)],
    ['mail.confirm', confirmation],
  ]);
  return { handlers, close: () => Promise.resolve() };
}
