/**
 * The WhatsApp Cloud API (Meta Graph).
 *
 * Owns: ids of files that were uploaded, and of the newest message of a chat that was marked as read.
 *
 * G1 A 2xx is a send, readable body or not.
 * G2 Meta takes no id of ours that would make repeats safe. Every message carries its delivery's id as
 *    `biz_opaque_callback_data`, which comes back in its statuses: until one comes the outcome stays
 *    unknown, and nothing is sent again. A reaction is the same reaction however often it is sent.
 * G3 An upload sends nothing to anybody: whatever becomes of it, the message may be tried again.
 * G4 Upload and send together end within the time of a call.
 */
import { randomUUID } from 'node:crypto';

import { graphHeaders, graphUrl } from '#runtime/cloud/graph.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { Lru } from '#runtime/lru.ts';
import type { Templates } from '#runtime/templates/templates.ts';
import type { OutboundMedia } from '#schemas/content.ts';

import type { MessageProvider, OutboundMessage, Resolution, SendOutcome } from '../ports/provider.ts';
import { outcomeWithout } from './answer-rules.ts';
import { idsOf, mediaIdOf, refusalOf } from './cloud-answers.ts';
import { type Given, bodyOf, recipientOf } from './cloud-requests.ts';
import {
  NoAnswer,
  type ProviderAnswer,
  type ProviderCall,
  type ProviderHttpOptions,
  isGood,
  noAnswer,
  openProviderHttp,
  providerHttpDefaults,
} from '#runtime/net/adapters/provider-http.ts';

/** Meta keeps uploads for 30 days. */
const uploadsKeptMs = 7 * 86_400_000;
const uploadsRememberedMax = 10_000;
/** Part of a call's time that an upload may take. */
const uploadShare = 0.7;

const chatsRememberedMax = 50_000;
/** A bubble that nobody saw begin after this is not shown: Meta ends them after 25 s. */
const typingMaxMs = 25_000;

type Failed = Exclude<SendOutcome, { readonly outcome: 'sent' }>;

/** Opens the adapter; connects at the first send. `templates` says which of a template's buttons take values. */
export function openCloud(
  templates: Pick<Templates, 'find'>,
  options: ProviderHttpOptions = providerHttpDefaults,
): MessageProvider {
  const http = openProviderHttp(options);
  const uploads = new Lru<string, { readonly id: string; readonly until: number }>(uploadsRememberedMax);
  const newest = new Lru<string, string>(chatsRememberedMax);
  const typing = new Lru<string, number>(chatsRememberedMax);

  const post = (
    instance: Instance,
    edge: 'messages' | 'media',
    sent: Pick<ProviderCall, 'body' | 'bytes'>,
    timeoutMs: number = options.callTimeoutMs,
  ): Promise<ProviderAnswer> =>
    http.call({
      method: 'POST',
      url: graphUrl(instance, `${instance.settings.phoneNumberId ?? ''}/${edge}`),
      headers: graphHeaders(instance),
      timeoutMs,
      ...sent,
    });

  /** G3 */
  const upload = async (
    instance: Instance,
    message: OutboundMessage,
    file: OutboundMedia,
    blob: string,
  ): Promise<string | Failed> => {
    const key = `${instance.id}/${blob}`;
    const known = uploads.get(key);
    // A second attempt may be one because Meta could not use the first one's upload.
    if (known !== undefined && known.until > Date.now() && message.attempt === 1) return known.id;
    const data = await message.readFile(blob);
    if (data === undefined) return { outcome: 'refused', code: 'content.file-missing' };
    const answer = await post(
      instance,
      'media',
      { bytes: formOf(file, data) },
      options.callTimeoutMs * uploadShare,
    ).catch(noAnswer);
    if (answer instanceof NoAnswer) return { outcome: 'retry', code: answer.code };
    if (!isGood(answer)) {
      const refused = refusalOf(answer, message.attempt);
      return refused.outcome === 'unknown' ? { ...refused, outcome: 'retry' } : refused;
    }
    const id = mediaIdOf(answer);
    if (id === undefined) return { outcome: 'retry', code: 'provider.answer-unexpected' };
    uploads.set(key, { id, until: Date.now() + uploadsKeptMs });
    return id;
  };

  const givenFor = async (instance: Instance, message: OutboundMessage): Promise<Given | Failed> => {
    const { content } = message;
    const template =
      content.kind === 'template' ? await templates.find(instance.tenant, content.name, content.language) : undefined;
    const known = template === undefined ? {} : { template };
    const file = content.kind === 'template' ? content.headerMedia : 'media' in content ? content.media : undefined;
    if (file?.blob === undefined) return known;
    const uploaded = await upload(instance, message, file, file.blob);
    return typeof uploaded === 'string' ? { ...known, mediaId: uploaded } : uploaded;
  };

  const markRead = async (instance: Instance, chat: string, stableId: string): Promise<void> => {
    const isTyping = (typing.get(chatKey(instance, chat)) ?? 0) > Date.now();
    await post(instance, 'messages', {
      body: {
        messaging_product: 'whatsapp',
        status: 'read',
        message_id: stableId,
        ...(isTyping ? { typing_indicator: { type: 'text' } } : {}),
      },
    });
  };

  return {
    reaches: ['group', 'pn', 'bsuid'],

    async send(instance, message): Promise<SendOutcome> {
      const startedAt = performance.now();
      const { settings, credentials } = instance;
      if (settings.phoneNumberId === undefined || credentials.apiKey === undefined)
        return { outcome: 'refused', code: 'instance.not-configured', scope: 'instance' };
      const recipient = recipientOf(message.chat);
      if (recipient === undefined) return { outcome: 'refused', code: 'address.unsupported', scope: 'chat' };
      const given = await givenFor(instance, message);
      if ('outcome' in given) return given;
      const { replyTo } = message.content;
      const body = {
        messaging_product: 'whatsapp',
        ...recipient,
        ...bodyOf(message.content, given),
        ...(replyTo === undefined ? {} : { context: { message_id: replyTo.target } }),
        biz_opaque_callback_data: message.deliveryId,
      };
      const leftMs = options.callTimeoutMs - (performance.now() - startedAt);
      const answer = await post(instance, 'messages', { body }, Math.max(leftMs, 1)).catch(noAnswer);
      if (answer instanceof NoAnswer) return outcomeWithout(answer);
      if (isGood(answer)) return { outcome: 'sent', ...idsOf(answer), httpStatus: answer.status };
      return refusalOf(answer, message.attempt);
    },

    /** G2 */
    async resolve(_instance, message): Promise<Resolution> {
      if (message.content.kind === 'reaction') return { outcome: 'repeat' };
      const ids = await message.confirmed();
      return ids === undefined ? { outcome: 'unknown', code: 'outcome.not-confirmed' } : { outcome: 'sent', ...ids };
    },

    /** The bubble goes with a read mark, and ends by itself: with the newest message marked, or the next. */
    async showTyping(instance, message, forMs) {
      const key = chatKey(instance, message.chat);
      typing.set(key, Date.now() + Math.min(forMs, typingMaxMs));
      const marked = newest.get(key);
      if (marked !== undefined) await markRead(instance, message.chat, marked);
    },

    async markRead(instance, chat, stableId) {
      newest.set(chatKey(instance, chat), stableId);
      await markRead(instance, chat, stableId);
    },

    close: () => http.close(),
  };
}

const chatKey = (instance: Instance, chat: string): string => `${instance.id}/${chat}`;

/** multipart/form-data (RFC 7578). Header values are ours or cut down to what may stand in one. */
function formOf({ mimetype, filename }: OutboundMedia, data: Buffer): NonNullable<ProviderCall['bytes']> {
  const boundary = `prosa-${randomUUID()}`;
  const type = mimetype.replaceAll(/[^\w!#$&^.+\-/;= ]/g, '');
  const name = (filename ?? 'file').replaceAll(/[\r\n"\\]/g, '_').slice(0, 200);
  const field = (disposition: string, value: string) =>
    `--${boundary}\r\nContent-Disposition: form-data; ${disposition}\r\n\r\n${value}\r\n`;
  const head =
    field('name="messaging_product"', 'whatsapp') +
    field('name="type"', type) +
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: ${type}\r\n\r\n`;
  return {
    contentType: `multipart/form-data; boundary=${boundary}`,
    data: Buffer.concat([Buffer.from(head), data, Buffer.from(`\r\n--${boundary}--\r\n`)]),
  };
}
