/**
 * A message sent by a session.
 *
 * D1 A message id is one message: a repeat is answered from the record, or, when nobody knows what became of
 *    the first, is sent again under the same id, which is the same message to WhatsApp.
 * D2 Sent is what the server acknowledged; refused is what it said no to; without its word it is pending.
 */
import type { SendAnswer, SendRequest } from '#runtime/baileys/gateway.ts';

import type { WebMessage } from './ports/whatsapp-library.ts';
import { codeOf } from './reconnect.ts';
import { jidOf, keyOf, outgoingContent } from './outgoing.ts';
import type { Session } from './session.ts';

/** The file of a media content; undefined when it cannot be had. */
export type FetchFile = (url: string) => Promise<Buffer | undefined>;

/** What sends. Times in milliseconds. */
export interface SendingParts {
  readonly fetchFile: FetchFile;
  /** Wait for the server's acknowledgement. */
  readonly ackMs: number;
}

/** WhatsApp's 463: the account may not write to this person now; each further try makes the restriction worse. */
const restricted = '463';

/** Codes of a Boom after which it is not known what reached the server: the connection ended meanwhile. */
const uncertainCodes: ReadonlySet<number | undefined> = new Set([408, 428, 440, 500, 503, 515]);

/** Sends of all sessions of a process. */
export class Sending {
  readonly #parts: SendingParts;
  /** Sends under way, by instance and id (D1). */
  readonly #underWay = new Map<string, Promise<SendAnswer>>();

  constructor(parts: SendingParts) {
    this.#parts = parts;
  }

  /** Sends, once per id. Throws `database.unavailable`, `vault.unavailable` and `Deposed`. */
  send(session: Session, request: SendRequest): Promise<SendAnswer> {
    const name = `${session.lease.instance}/${request.id}`;
    let sending = this.#underWay.get(name);
    if (sending === undefined) {
      sending = this.#send(session, request).finally(() => this.#underWay.delete(name));
      this.#underWay.set(name, sending);
    }
    return sending;
  }

  async #send(session: Session, request: SendRequest): Promise<SendAnswer> {
    const { messages } = session;
    if (session.open === undefined) return { status: 'retry', code: 'provider.session-not-working' };
    const file = await this.#fileOf(request);
    if (file === 'missing') return { status: 'refused', code: 'content.file-missing' };
    const known = await messages.begin(request.id);
    if (known !== undefined && known.status !== 'pending') return answerOf(known);
    const answer = await this.#transmit(session, request, file);
    if (answer.status === 'sent' || answer.status === 'refused')
      await messages.settle(request.id, { status: answer.status, code: answer.code });
    return answer;
  }

  async #transmit(session: Session, request: SendRequest, file: Buffer | undefined): Promise<SendAnswer> {
    const socket = session.open?.socket;
    if (socket === undefined) return { status: 'retry', code: 'provider.session-not-working' };
    const { id, content, person } = request;
    const jid = jidOf(request.chat);
    const quoted = await this.#quoted(session, request, jid);
    session.sends(id);
    // Listened for before it can come; a listener that hears nothing is no failure.
    const acknowledged = socket.waitForMessage(id, this.#parts.ackMs).catch(() => undefined);
    try {
      const sent = await socket.sendMessage(jid, outgoingContent(content, jid, file), {
        messageId: id,
        ...(quoted === undefined ? {} : { quoted }),
      });
      if (sent?.message != null) await session.messages.keep(id, person, sent.message);
    } catch (caught) {
      if (isOurs(caught)) throw caught;
      // Anything but the end of the connection was before the message left.
      return uncertainCodes.has(codeOf(caught))
        ? { status: 'pending', code: 'provider.connection-lost' }
        : { status: 'retry', code: 'provider.failed' };
    }
    return answerTo(await acknowledged);
  }

  /** The message that is answered, with its content where we know it. */
  async #quoted(session: Session, { content }: SendRequest, jid: string): Promise<WebMessage | undefined> {
    const { replyTo } = content;
    if (replyTo === undefined) return undefined;
    const message = (await session.messages.contentOf(replyTo.target)) ?? { conversation: '' };
    return { key: keyOf(replyTo, jid), message };
  }

  async #fileOf({ content, file }: SendRequest): Promise<Buffer | undefined | 'missing'> {
    if (!('media' in content)) return undefined;
    if (file !== undefined) return Buffer.from(file, 'base64');
    const { url } = content.media;
    return (url === undefined ? undefined : await this.#parts.fetchFile(url)) ?? 'missing';
  }
}

const answerOf = ({ status, code }: SendAnswer): SendAnswer => (code === undefined ? { status } : { status, code });

/** D2. Errors of acknowledgements: 463 restricted, 479 a malformed stanza, others as they are numbered. */
function answerTo(node: { readonly attrs: Readonly<Record<string, string>> } | undefined): SendAnswer {
  if (node === undefined) return { status: 'pending', code: 'provider.timeout' };
  const { error } = node.attrs;
  if (error === undefined) return { status: 'sent' };
  if (error === restricted) return { status: 'refused', code: 'provider.restricted' };
  return { status: 'refused', code: /^\d{3,4}$/.test(error) ? `provider.whatsapp-${error}` : 'provider.refused' };
}

/** Errors of our own parts, which say by themselves what is to be done. */
const isOurs = (caught: unknown): boolean =>
  caught instanceof Error && (caught.name === 'OperatingError' || caught.name === 'Deposed');
