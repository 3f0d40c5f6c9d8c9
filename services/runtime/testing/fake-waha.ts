/**
 * A WAHA server for tests: answers like the real one (OpenAPI 2026.7), keeps what it received and can
 * be told to misbehave.
 *
 * Owns: what was received, in order (`requests`), and what WhatsApp would have (`messages`). Sending
 * again with the same `id` is another request and the same message, as with NOWEB and GOWS.
 *
 * In a process of its own, so that it outlives a `kill -9` of what is tested:
 * `node services/runtime/testing/fake-waha.ts [--port 0] [--api-key …] [--engine NOWEB]` prints
 * `{"url":"…"}`; `GET /__received`, `POST /__fault` (a fault) and `POST /__session` (`{session, status}`) drive it.
 */
import { createHmac, randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { FaultQueue, type FakeServerOptions, bytesOf, headersOf, startFakeServer } from './fake-server.ts';
import { type FakeSessions, answerSession, fakeSessions } from './fake-waha-sessions.ts';

import {
  type SendBody,
  type StoredMessage,
  answerOf,
  missingIn,
  seconds,
  sendRoutes,
  stanzaId,
  storedMessage,
  takesId,
  waMessage,
} from './fake-waha-messages.ts';

/** A request as it came. */
export interface ReceivedRequest {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or undefined. */
  readonly body: unknown;
  /** Number of the TCP connection, from 1. */
  readonly connection: number;
  /** Status answered; 0 when the connection was cut instead. Set when answered. */
  status: number | undefined;
}

/** What to do wrong, for the next `times` requests to `on`. */
export type Fault = {
  /** Default: the send, of any kind. Courtesies are typing and marks of reading. */
  readonly on?: 'send' | 'history' | 'courtesy';
  /** Default: 1. */
  readonly times?: number;
} & (
  | { readonly kind: 'status'; readonly status: number; readonly body?: unknown; readonly retryAfter?: string }
  /** WhatsApp's restriction, as WAHA words it with the GOWS engine. */
  | { readonly kind: 'restricted' }
  /** Processes, then answers after `ms`. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Waits `ms`, then goes on as usual. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** Cuts the connection without having sent anything. */
  | { readonly kind: 'drop-before' }
  /** Sends, then cuts the connection, after `ms`: the caller cannot know. */
  | { readonly kind: 'drop-after'; readonly ms?: number }
  /** Sends, answers 500. */
  | { readonly kind: 'fail-after' }
  /** Writes its answer twice on the connection. */
  | { readonly kind: 'answer-twice' }
  /** Answers 201 with a body that is not what it should be. */
  | { readonly kind: 'garbled' }
);

/** How to run. */
export interface FakeWahaOptions extends FakeServerOptions {
  /** Asked for in `X-Api-Key` when given. */
  readonly apiKey?: string;
  /** Shapes of answers, and whether `id` is taken. Default: NOWEB. */
  readonly engine?: 'WEBJS' | 'WPP' | 'NOWEB' | 'GOWS';
  /** Calls that it does not have, as older versions have no `sendSticker`. */
  readonly without?: readonly string[];
  /** Decides by the request's body what to do wrong with a send; asked when no fault is due. */
  readonly behave?: (body: unknown) => Fault | undefined;
  /** Told of each message that was sent, once. */
  readonly onMessage?: (message: StoredMessage) => void;
}

/** A running server. */
export interface FakeWaha {
  readonly url: string;
  readonly requests: readonly ReceivedRequest[];
  /** In the order in which they were first sent. */
  readonly messages: readonly StoredMessage[];
  /** Reactions as they stand, by the id of the message reacted to. */
  readonly reactions: ReadonlyMap<string, string>;
  /** The requests to send anything, in order. */
  sends(): readonly ReceivedRequest[];
  /** Requests to one call, such as `startTyping`, in order. */
  calls(route: string): readonly ReceivedRequest[];
  /** TCP connections that were opened so far. */
  connections(): number;
  /** Faults are used up in the order given. */
  fault(fault: Fault): void;
  clearFaults(): void;
  /** Puts a message into the history that did not come through this API: written on the phone. */
  store(message: Pick<StoredMessage, 'session' | 'chatId' | 'text' | 'fromMe' | 'at' | 'file'>): StoredMessage;
  readonly sessions: FakeSessions;
  /** Any status but WORKING makes sends answer 422. */
  setSession(session: string, status: string): void;
  close(): Promise<void>;
}

const bodyBytesMax = 32 * 1024 * 1024;
const courtesies = new Set(['sendSeen', 'startTyping', 'stopTyping']);

const routeOf = (path: string): string => /^\/api\/(\w+)$/.exec(path.split('?')[0] ?? '')?.[1] ?? '';
const isSend = (route: string): boolean => sendRoutes.has(route) || route === 'reaction';

/** Starts a server on the loopback. */
export async function startFakeWaha(options: FakeWahaOptions = {}): Promise<FakeWaha> {
  const state = new State(options);
  const { url, server, close } = await startFakeServer(options, (request, response) => state.handle(request, response));
  server.on('connection', (socket) => {
    state.connections += 1;
    state.connectionOf.set(socket, state.connections);
  });
  return {
    url,
    requests: state.requests,
    messages: state.messages,
    reactions: state.reactions,
    sends: () => state.requests.filter(({ path }) => isSend(routeOf(path))),
    calls: (route) => state.requests.filter(({ path }) => routeOf(path) === route),
    connections: () => state.connections,
    fault: (fault) => state.faults.add(fault),
    clearFaults: () => state.faults.clear(),
    store: (message) => {
      const stored = { ...message, id: stanzaId(), route: 'phone', sends: 0 };
      state.messages.push(stored);
      return stored;
    },
    sessions: state.sessions,
    setSession: (session, status) => state.sessions.status.set(session, status),
    close,
  };
}

/**
 * Headers of a WAHA webhook with this body: HMAC over the raw bytes, SHA-512, hex
 * (reference: WAHA's security page; the timestamp is not covered).
 */
export function signWahaWebhook(body: string | Uint8Array, secret: string): Record<string, string> {
  return {
    'content-type': 'application/json',
    'x-webhook-request-id': randomUUID(),
    'x-webhook-timestamp': String(Date.now()),
    'x-webhook-hmac-algorithm': 'sha512',
    'x-webhook-hmac': createHmac('sha512', secret).update(body).digest('hex'),
  };
}

interface ReactionBody {
  readonly session: string;
  readonly messageId: string;
  readonly reaction: string;
}

class State {
  readonly options: FakeWahaOptions;
  readonly engine: string;
  readonly requests: ReceivedRequest[] = [];
  readonly messages: StoredMessage[] = [];
  readonly reactions = new Map<string, string>();
  readonly faults = new FaultQueue<Fault>();
  readonly sessions = fakeSessions();
  readonly connectionOf = new WeakMap<object, number>();
  connections = 0;

  constructor(options: FakeWahaOptions) {
    this.options = options;
    this.engine = options.engine ?? 'NOWEB';
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    if (url.pathname.startsWith('/__')) {
      this.#control(url.pathname, body, response);
      return;
    }
    const received: ReceivedRequest = {
      at: Date.now(),
      method: request.method ?? '',
      path: request.url ?? '',
      headers: headersOf(request),
      body,
      connection: this.connectionOf.get(request.socket) ?? 0,
      status: undefined,
    };
    this.requests.push(received);
    const answer = (status: number, value: unknown, headers: Record<string, string> = {}): void => {
      received.status = status;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    };
    if (this.options.apiKey !== undefined && request.headers['x-api-key'] !== this.options.apiKey) {
      answer(401, { message: 'Unauthorized', statusCode: 401 });
      return;
    }
    const history = /^\/api\/([^/]+)\/chats\/([^/]+)\/messages$/.exec(url.pathname);
    const route = this.options.without?.includes(routeOf(url.pathname)) === true ? '' : routeOf(url.pathname);
    if (request.method === 'POST' && sendRoutes.has(route)) {
      const missing = missingIn(route, body);
      if (missing.length > 0) answer(400, { message: missing, error: 'Bad Request', statusCode: 400 });
      else await this.#send(route, body as SendBody, received, response, answer);
    } else if (request.method === 'PUT' && route === 'reaction') {
      await this.#react(body as ReactionBody, received, response, answer);
    } else if (request.method === 'POST' && courtesies.has(route)) {
      if (!(await this.#failsBefore(this.faults.next('courtesy'), received, response, answer)))
        answer(201, { result: true });
    } else if (request.method === 'GET' && history !== null) {
      const [, session = '', chatId = ''] = history.map(decodeURIComponent);
      await this.#history(session, chatId, url.searchParams, received, response, answer);
    } else if (request.method === 'GET' && url.pathname.endsWith('/chats/overview')) {
      this.#overview(decodeURIComponent(url.pathname.split('/')[2] ?? ''), url.searchParams, answer);
    } else {
      const about = answerSession(this.sessions, received.method, url.pathname, body);
      if (about !== undefined) {
        answer(...about);
        return;
      }
      answer(404, { message: `Cannot ${received.method} ${url.pathname}`, error: 'Not Found', statusCode: 404 });
    }
  }

  async #send(
    route: string,
    body: SendBody,
    received: ReceivedRequest,
    response: ServerResponse,
    answer: Answer,
  ): Promise<void> {
    const fault = this.faults.next('send') ?? this.options.behave?.(body);
    if (await this.#failsBefore(fault, received, response, answer)) return;
    if (this.#isNotWorking(body.session, answer)) return;
    const message = this.#deliver(route, body);
    switch (fault?.kind) {
      case 'drop-after':
        await delay(fault.ms ?? 0);
        received.status = 0;
        response.destroy();
        return;
      case 'fail-after':
        answer(500, { statusCode: 500, exception: { message: 'Evaluation failed', name: 'Error' } });
        return;
      case 'garbled':
        received.status = 201;
        response.writeHead(201, { 'content-type': 'application/json' }).end('{"id":');
        return;
      case 'slow':
        await delay(fault.ms);
        break;
      default:
    }
    answer(201, answerOf(this.engine, message));
    // A broken proxy: the same answer once more, where the next one belongs.
    if (fault?.kind === 'answer-twice') {
      const text = JSON.stringify(answerOf(this.engine, message));
      response.socket?.write(`HTTP/1.1 201 Created\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
    }
  }

  async #react(body: ReactionBody, received: ReceivedRequest, response: ServerResponse, answer: Answer): Promise<void> {
    const fault = this.faults.next('send');
    if (await this.#failsBefore(fault, received, response, answer)) return;
    if (this.#isNotWorking(body.session, answer)) return;
    if (body.reaction === '') this.reactions.delete(body.messageId);
    else this.reactions.set(body.messageId, body.reaction);
    if (fault?.kind === 'drop-after') {
      received.status = 0;
      response.destroy();
      return;
    }
    answer(200, { key: { id: stanzaId() } });
  }

  /** True when it answered that the session cannot send. */
  #isNotWorking(session: string, answer: Answer): boolean {
    const status = this.sessions.status.get(session) ?? 'WORKING';
    if (status === 'WORKING') return false;
    const error = 'Session status is not as expected. Try again later or restart the session';
    answer(422, { error, session, status, expected: ['WORKING'] });
    return true;
  }

  /** Chats with their last message, the newest first. */
  #overview(session: string, query: URLSearchParams, answer: Answer): void {
    const last = new Map<string, StoredMessage>();
    for (const message of this.messages) if (message.session === session) last.set(message.chatId, message);
    const from = Number(query.get('offset') ?? 0);
    const chats = [...last.values()]
      .sort((a, b) => b.at - a.at)
      .slice(from, from + Number(query.get('limit') ?? 20))
      .map((message) => ({ id: message.chatId, name: null, picture: null, lastMessage: waMessage(message) }));
    answer(200, chats);
  }

  async #history(
    session: string,
    chatId: string,
    query: URLSearchParams,
    received: ReceivedRequest,
    response: ServerResponse,
    answer: Answer,
  ): Promise<void> {
    if (await this.#failsBefore(this.faults.next('history'), received, response, answer)) return;
    const from = Number(query.get('filter.timestamp.gte') ?? 0);
    const to = Number(query.get('filter.timestamp.lte') ?? Infinity);
    const fromMe = query.get('filter.fromMe');
    const found = this.messages.filter(
      (message) =>
        message.session === session &&
        message.chatId === chatId &&
        seconds(message.at) >= from &&
        seconds(message.at) <= to &&
        (fromMe === null || String(message.fromMe) === fromMe),
    );
    const offset = Number(query.get('offset') ?? 0);
    const end = offset + Number(query.get('limit') ?? 10);
    answer(200, found.reverse().slice(offset, end).map(waMessage));
  }

  /** True when the fault was an answer, or none, in place of the work. */
  async #failsBefore(
    fault: Fault | undefined,
    received: ReceivedRequest,
    response: ServerResponse,
    answer: Answer,
  ): Promise<boolean> {
    switch (fault?.kind) {
      case 'status': {
        const body = fault.body ?? { statusCode: fault.status, message: 'failed' };
        answer(fault.status, body, fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter });
        return true;
      }
      case 'restricted':
        answer(500, {
          statusCode: 500,
          timestamp: new Date().toISOString(),
          exception: { message: '2 UNKNOWN: server returned error 463', code: 2, name: 'Error' },
        });
        return true;
      case 'drop-before':
        received.status = 0;
        response.destroy();
        return true;
      case 'delay':
        await delay(fault.ms);
        return false;
      default:
        return false;
    }
  }

  #deliver(route: string, body: SendBody): StoredMessage {
    const id = (takesId(this.engine, route) ? body.id : undefined) ?? stanzaId();
    const known = this.messages.find((message) => message.session === body.session && message.id === id);
    if (known !== undefined) {
      known.sends += 1;
      return known;
    }
    const message = storedMessage(route, id, body);
    this.messages.push(message);
    this.options.onMessage?.(message);
    return message;
  }

  #control(path: string, body: unknown, response: ServerResponse): void {
    const answer = (status: number, value?: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(value === undefined ? '' : JSON.stringify(value));
    };
    if (path === '/__received') {
      answer(200, { requests: this.requests, messages: this.messages, connections: this.connections });
    } else if (path === '/__fault') {
      this.faults.add(body as Fault);
      answer(204);
    } else if (path === '/__session') {
      const { session, status } = body as { session: string; status: string };
      this.sessions.status.set(session, status);
      answer(204);
    } else {
      answer(404);
    }
  }
}

type Answer = (status: number, value: unknown, headers?: Record<string, string>) => void;

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const bytes = await bytesOf(request, bodyBytesMax);
  return bytes.length === 0 ? undefined : (JSON.parse(bytes.toString('utf8')) as unknown);
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string' }, 'api-key': { type: 'string' }, engine: { type: 'string' } },
  });
  const fake = await startFakeWaha({
    port: Number(values.port ?? 0),
    ...(values['api-key'] === undefined ? {} : { apiKey: values['api-key'] }),
    ...(values.engine === undefined ? {} : { engine: values.engine as 'NOWEB' }),
  });
  process.stdout.write(`${JSON.stringify({ url: fake.url })}\n`);
  process.on('SIGTERM', () => void fake.close().then(() => process.exit(0)));
}
