/**
 * WAHA (WhatsApp HTTP API). Text only; buttons are deprecated and unreliable there, so they are numbered text.
 *
 * Owns: one pool of keep-alive connections per base URL.
 *
 * W1 A request that was not begun on a socket was not sent (retry); after that, only an HTTP answer
 *    says that it was not.
 * W2 A 201 is a send, readable body or not.
 * W3 The engines NOWEB and GOWS are given our message id; with them a repeat is the same WhatsApp
 *    message (WAHA issue 2054). With the others a repeat is never made on an unknown outcome, and
 *    the chat's history is asked before any further attempt.
 */
import { Readable } from 'node:stream';

import { Pool } from 'undici';

import type { Instance } from '#runtime/instances/instances.ts';
import { Lru } from '#runtime/lru.ts';

import type { MessageProvider, OutboundMessage, Resolution, SendOutcome, SentIds } from '../ports/provider.ts';
import { asText } from '../rendering.ts';
import { historyOf, idsOf, refusalOf } from './waha-answers.ts';

/** Times and sizes; tests shorten them. */
export interface WahaOptions {
  /** A whole call, with the wait for a connection. */
  readonly callTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly connectionsPerServer: number;
}

export const wahaOptionsDefault: WahaOptions = {
  callTimeoutMs: 10_000,
  connectTimeoutMs: 3_000,
  connectionsPerServer: 20,
};

const serversMax = 1_000;
const answerBytesMax = 4 * 1024 * 1024;
const keepAlive = { idleMs: 4_000, hintMaxMs: 60_000 } as const;
const history = {
  messages: 50,
  /** WAHA's clock may be behind ours by this much. */
  skewMs: 30_000,
} as const;

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A call without an answer. The cause is not kept: errors of HTTP clients can quote what was sent. */
class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  readonly begun: boolean;
  readonly code: string;

  constructor(begun: boolean, timedOut: boolean) {
    super('no answer');
    this.begun = begun;
    this.code = begun ? (timedOut ? 'provider.timeout' : 'provider.connection-lost') : 'provider.unreachable';
  }
}

/** Opens the adapter; connects at the first send. */
export function openWaha(options: WahaOptions = wahaOptionsDefault): MessageProvider {
  const pools = new Lru<string, Pool>(serversMax);
  const all = new Set<Pool>();

  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: options.connectionsPerServer,
        // One request at a time per connection: a slow answer holds up nothing behind it.
        pipelining: 1,
        connect: { timeout: options.connectTimeoutMs },
        headersTimeout: options.callTimeoutMs,
        bodyTimeout: options.callTimeoutMs,
        keepAliveTimeout: keepAlive.idleMs,
        keepAliveMaxTimeout: keepAlive.hintMaxMs,
        maxResponseSize: answerBytesMax,
      });
      pools.set(origin, pool);
      all.add(pool);
    }
    return pool;
  };

  const call = async (instance: Instance, request: { path: string; body?: unknown }): Promise<Answer> => {
    const url = new URL(request.path, `${(instance.settings.baseUrl ?? '').replace(/\/+$/, '')}/`);
    const signal = AbortSignal.timeout(options.callTimeoutMs);
    const text = request.body === undefined ? undefined : JSON.stringify(request.body);
    let begun = false;
    // W1: undici begins to read a stream when it writes the request to a connected socket.
    const body = new Readable({
      read() {
        begun = true;
        this.push(text ?? '');
        this.push(null);
      },
    });
    try {
      const answer = await poolOf(url.origin).request({
        path: `${url.pathname}${url.search}`,
        method: text === undefined ? 'GET' : 'POST',
        headers: {
          accept: 'application/json',
          ...(text === undefined
            ? {}
            : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) }),
          ...(instance.credentials.apiKey === undefined ? {} : { 'x-api-key': instance.credentials.apiKey }),
        },
        ...(text === undefined ? {} : { body }),
        signal,
      });
      // W2: what the status says holds even when the body breaks off.
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: await answer.body.text().catch(() => ''),
      };
    } catch {
      throw new NoAnswer(begun, signal.aborted);
    }
  };

  /** The message in the chat's history: by our id, or else by its text and time. */
  const find = async (
    instance: Instance,
    message: OutboundMessage,
  ): Promise<{ readonly read: boolean; readonly found?: SentIds }> => {
    const since = message.firstAttemptAt - history.skewMs;
    const query = new URLSearchParams({
      limit: String(history.messages),
      downloadMedia: 'false',
      'filter.fromMe': 'true',
      'filter.timestamp.gte': String(Math.floor(since / 1_000)),
    });
    const chat = encodeURIComponent(chatIdOf(message.chat));
    const path = `api/${encodeURIComponent(sessionOf(instance))}/chats/${chat}/messages?${query.toString()}`;
    const answer = await call(instance, { path }).catch((caught: unknown) => {
      if (caught instanceof NoAnswer) return undefined;
      throw caught;
    });
    const messages = answer?.status === 200 ? historyOf(answer.body) : undefined;
    if (messages === undefined) return { read: false };
    const text = asText(message.content).trim();
    for (const candidate of messages) {
      const { stableId } = candidate;
      if (stableId === undefined || !candidate.fromMe) continue;
      if (stableId === message.clientMessageId) return { read: true, found: candidate };
      if (takesClientId(instance) || candidate.text.trim() !== text || candidate.at < floorToSecond(since)) continue;
      if (!(await message.isTaken(stableId))) return { read: true, found: candidate };
    }
    return { read: true };
  };

  return {
    async send(instance, message): Promise<SendOutcome> {
      if (instance.settings.baseUrl === undefined) return { outcome: 'refused', code: 'instance.not-configured' };
      if (message.attempt > 1 && !takesClientId(instance)) {
        const { found } = await find(instance, message);
        if (found !== undefined) return { outcome: 'sent', ...idsFrom(found) };
      }
      const body = {
        session: sessionOf(instance),
        chatId: chatIdOf(message.chat),
        text: asText(message.content),
        ...(takesClientId(instance) ? { id: message.clientMessageId } : {}),
      };
      try {
        const answer = await call(instance, { path: 'api/sendText', body });
        if (answer.status < 200 || answer.status > 299) {
          const retryAfter = answer.headers['retry-after'];
          return refusalOf(answer.status, answer.body, typeof retryAfter === 'string' ? retryAfter : undefined);
        }
        const ids = idsOf(answer.body);
        const known =
          ids.stableId === undefined && takesClientId(instance) ? { stableId: message.clientMessageId } : ids;
        return { outcome: 'sent', ...known, httpStatus: answer.status };
      } catch (caught) {
        if (!(caught instanceof NoAnswer)) throw caught;
        return { outcome: caught.begun ? 'unknown' : 'retry', code: caught.code };
      }
    },

    async resolve(instance, message): Promise<Resolution> {
      const { read, found } = await find(instance, message);
      if (found !== undefined) return { outcome: 'sent', ...idsFrom(found) };
      if (takesClientId(instance)) return { outcome: 'repeat' };
      return { outcome: 'unknown', code: read ? 'outcome.not-found' : 'outcome.history-unavailable' };
    },

    async close() {
      pools.clear();
      const closing = [...all].map((pool) => pool.destroy());
      all.clear();
      await Promise.all(closing);
    },
  };
}

const takesClientId = (instance: Instance): boolean =>
  instance.settings.engine === 'NOWEB' || instance.settings.engine === 'GOWS';

const sessionOf = (instance: Instance): string => instance.settings.session ?? 'default';

const floorToSecond = (at: number): number => Math.floor(at / 1_000) * 1_000;

const idsFrom = ({ messageId, stableId }: SentIds): SentIds => ({
  ...(messageId === undefined ? {} : { messageId }),
  ...(stableId === undefined ? {} : { stableId }),
});

/** WAHA's spelling of an address: `…@c.us` for numbers, without the device. */
export function chatIdOf(address: string): string {
  const [userPart = '', domain = 'c.us'] = address.split('@');
  const user = userPart.split(':')[0] ?? '';
  if (domain === 'c.us' || domain === 's.whatsapp.net') return `${user.replace(/\D/g, '')}@c.us`;
  return `${user}@${domain}`;
}
