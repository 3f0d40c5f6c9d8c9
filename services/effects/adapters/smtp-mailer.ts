/**
 * Mail by SMTP (RFC 5321), a connection for each.
 *
 * S1 The server takes a mail over when it answers its end. Until it asked for the content nothing can have been
 *    taken; after that, only its answer says that it was not.
 * S2 Nothing is sent in the clear, and nobody logs in, unless the configuration says `none`.
 */
import { Readable } from 'node:stream';

import MailComposer from 'nodemailer/lib/mail-composer';
import SMTPConnection from 'nodemailer/lib/smtp-connection';

import type { SmtpConfig } from '#runtime/config.ts';

import { EffectFailure } from '../handler.ts';
import type { Mail, Mailer } from '../ports/mail.ts';

/** Milliseconds. */
const times = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 20_000, dnsTimeout: 5_000 } as const;

/** What tests replace. */
export interface SmtpOptions extends SmtpConfig {
  /** Certificates that are trusted in place of the usual ones. */
  readonly ca?: string;
}

/** Makes it; connects at each mail. */
export const smtpMailer = (options: SmtpOptions): Mailer => ({
  async send(mail, signal) {
    const content = await composed(mail, options.from);
    const connection = connectionOf(options);
    const abort = (): void => connection.close();
    signal.addEventListener('abort', abort);
    let begun = false;
    try {
      const failed = new Promise<never>((_, reject) => {
        connection.once('error', reject);
        connection.once('end', () => reject(new Error('the connection ended')));
      });
      failed.catch(() => undefined);
      await Promise.race([conversation(connection, options, mail, content, () => (begun = true)), failed]);
    } catch (caught) {
      throw failureOf(caught, begun);
    } finally {
      signal.removeEventListener('abort', abort);
      connection.close();
    }
  },
});

function connectionOf({ host, port, tls, ca }: SmtpOptions): SMTPConnection {
  return new SMTPConnection({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...times,
    ...(ca === undefined ? {} : { tls: { ca } }),
  });
}

async function conversation(
  connection: SMTPConnection,
  { login, from }: SmtpOptions,
  mail: Mail,
  content: Buffer,
  begun: () => void,
): Promise<void> {
  await step((done) => connection.connect(done));
  if (login !== undefined)
    await step((done) => connection.login({ credentials: { user: login.username, pass: login.password } }, done));
  // S1: read from when the server has asked for it.
  const body = new Readable({
    read() {
      begun();
      this.push(content);
      this.push(null);
    },
  });
  await step((done) => connection.send({ from, to: mail.to }, body, done));
  connection.quit();
}

/** A step of the conversation. */
const step = (take: (done: (error?: Error | null) => void) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    take((error) => {
      if (error) reject(error);
      else resolve();
    });
  });

const composed = (mail: Mail, from: string): Promise<Buffer> =>
  new MailComposer({
    from,
    to: mail.to,
    subject: mail.subject,
    text: mail.text,
    messageId: `<${mail.id}@${from.split('@').at(-1) ?? 'prosa'}>`,
    // RFC 3834: nobody's absence is told to a program.
    headers: { 'auto-submitted': 'auto-generated' },
    attachments: mail.attachments.map(({ filename, contentType, content }) => ({
      filename,
      contentType,
      content: typeof content === 'string' ? content : Buffer.from(content),
    })),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
    .compile()
    .build();

/** The error's own words may quote an address: only its codes are looked at. */
function failureOf(caught: unknown, begun: boolean): EffectFailure {
  const { responseCode, code } = caught as { readonly responseCode?: unknown; readonly code?: unknown };
  if (code === 'ETLS') return new EffectFailure('mail.not-encrypted');
  if (typeof responseCode === 'number') {
    if (responseCode >= 400 && responseCode <= 499) return new EffectFailure('mail.put-off', { retry: true });
    return new EffectFailure(code === 'EAUTH' ? 'mail.unauthorized' : 'mail.refused');
  }
  if (begun) return new EffectFailure('mail.outcome-unknown');
  return new EffectFailure('mail.unreachable', { retry: true });
}
