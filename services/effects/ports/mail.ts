/**
 * A way to send mail. One adapter per way in `../adapters/`.
 *
 * P1 `send` resolves when the server has taken the mail over. It throws `EffectFailure`: with `retry` only where the
 *    mail was certainly not taken, with `mail.outcome-unknown` where it may have been.
 * P2 Nothing of a mail is in any code, message or log line.
 */

/** A file that goes with a mail. */
export interface Attachment {
  readonly filename: string;
  /** Such as `text/calendar; method=REQUEST`. */
  readonly contentType: string;
  readonly content: string | Uint8Array;
}

/** A mail to be sent. */
export interface Mail {
  /** Opaque; the same in every attempt, so that who has it twice can tell. */
  readonly id: string;
  /** One address: of several, some may be refused after the others were taken. */
  readonly to: string;
  readonly subject: string;
  /** Plain text. */
  readonly text: string;
  readonly attachments: readonly Attachment[];
}

/** Sends mails. */
export interface Mailer {
  send(mail: Mail, signal: AbortSignal): Promise<void>;
}
