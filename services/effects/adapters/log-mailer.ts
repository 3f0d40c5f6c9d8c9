/** Mails of a development, which leave nobody's machine: one is noted, with nothing of what is in it. */
import type { Logger } from '#runtime/logger.ts';

import type { Mailer } from '../ports/mail.ts';

/** Makes it. */
export const logMailer = (logger: Logger): Mailer => ({
  send({ id, attachments }) {
    logger.info(
      attachments.length === 0
        ? 'a mail would go out; SMTP_HOST is not set'
        : 'a mail with attachments would go out; SMTP_HOST is not set',
      { eventId: id },
    );
    return Promise.resolve();
  },
});
