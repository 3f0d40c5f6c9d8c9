/**
 * An Evolution API v2 server for tests: answers like the real one (2.3.6), keeps what it received and can be
 * told to misbehave.
 *
 * Owns: what was received, in order (`requests`), and what WhatsApp would have (`messages`). It takes no
 * message id: every send that it processes is another message.
 *
 * Where it differs: whoever has a number is on WhatsApp unless `absent` says otherwise, in one spelling.
 */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { FaultQueue, type FakeServerOptions, bytesOf, headersOf, startFakeServer } from './fake-server.ts';

/** A request as it came. */
export interface EvolutionCall {
  /** Epoch milliseconds. */
  readonly at: number;
  /** Such as `message/sendText`. */
  readonly route: string;
  readonly instance: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** Status answered; 0 when the connection was cut instead. Set when answered. */
  status: number | undefined;
}

/** A message at WhatsApp. */
export interface EvolutionMessage {
  readonly instance: string;
  readonly remoteJid: string;
  readonly id: string;
  readonly fromMe: boolean;
  /** Baileys' message. */
  readonly message: Readonly<Record<string, unknown>>;
  /** As Evolution guesses it from the id. */
  readonly source: 'ios' | 'web';
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What to do wrong, for the next `times` requests to `on`. */
export type EvolutionFault = {
  /** Default: the send, of any kind. */
  readonly on?: 'send' | 'history' | 'courtesy';
  /** Default: 1. */
  readonly times?: number;
} & (
  | { readonly kind: 'status'; readonly status: number; readonly message?: unknown; readonly retryAfter?: string }
  /** Processes, then answers after `ms`. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Cuts the connection without having sent anything. */
  | { readonly kind: 'drop-before' }
  /** Sends, then cuts the connection, after `ms`: the caller cannot know. */
  | { readonly kind: 'drop-after'; readonly ms?: number }
  /** Sends, then fails at its own database, inside of the send: 400. */
  | { readonly kind: 'fail-after' }
  /** Answers 201 with a body that is not what it should be. */
  | { readonly kind: 'garbled' }
);

/** How to run. */
export interface FakeEvolutionOptions extends FakeServerOptions {
  /** Asked for in `apikey` when given. */
  readonly apiKey?: string;
  /** Names of the instances that exist. Default: `clinica`. */
  readonly instances?: readonly string[];
  /** Decides by the request's body what to do wrong with a send; asked when no fault is due. */
  readonly behave?: (body: Readonly<Record<string, unknown>>) => EvolutionFault | undefined;
  /** Told of each message that was sent. */
  readonly onMessage?: (message: EvolutionMessage) => void;
}

/** A running server. */
export interface FakeEvolution {
  readonly url: string;
  readonly requests: readonly EvolutionCall[];
  /** In the order in which they were sent; without reactions. */
  readonly messages: readonly EvolutionMessage[];
  /** Reactions as they stand, by the id of the message reacted to. */
  readonly reactions: ReadonlyMap<string, string>;
  /** The requests to send anything, in order. */
  sends(): readonly EvolutionCall[];
  /** Requests to one route, in order. */
  calls(route: string): readonly EvolutionCall[];
  /** Faults are used up in the order given. */
  fault(fault: EvolutionFault): void;
  /** Puts a message into the history that did not come through this API: written on the phone. */
  store(message: Pick<EvolutionMessage, 'instance' | 'remoteJid' | 'message' | 'fromMe' | 'at'>): EvolutionMessage;
  /** A closed instance cannot send. */
  setState(instance: string, state: 'open' | 'close'): void;
  /** Numbers that are not on WhatsApp. */
  readonly absent: Set<string>;
  close(): Promise<void>;
}

type Body = Readonly<Record<string, unknown>>;

const bodyBytesMax = 32 * 1024 * 1024;

/** What each call that sends must bring (`message.schema.ts`). */
const needs: ReadonlyMap<string, readonly string[]> = new Map([
  ['sendText', ['number', 'text']],
  ['sendMedia', ['number', 'mediatype', 'media']],
  ['sendWhatsAppAudio', ['number', 'audio']],
  ['sendSticker', ['number', 'sticker']],
  ['sendLocation', ['number', 'latitude', 'longitude', 'name', 'address']],
  ['sendContact', ['number', 'contact']],
  ['sendReaction', ['key', 'reaction']],
]);

/** The message that a call becomes. */
function messageOf(name: string, body: Body): Body {
  switch (name) {
    case 'sendText':
      return { conversation: body['text'] };
    case 'sendMedia': {
      const { mediatype, mimetype, caption, fileName } = body;
      return { [`${String(mediatype)}Message`]: { mimetype, caption, fileName } };
    }
    case 'sendWhatsAppAudio':
      return { audioMessage: { mimetype: 'audio/ogg; codecs=opus', ptt: true } };
    case 'sendSticker':
      return { stickerMessage: { mimetype: 'image/webp' } };
    case 'sendLocation': {
      const { latitude, longitude, name: place, address } = body;
      return { locationMessage: { degreesLatitude: latitude, degreesLongitude: longitude, name: place, address } };
    }
    case 'sendContact':
      return contactsOf(body['contact'] as Contact[]);
    default:
      return {};
  }
}

interface Contact {
  readonly fullName: string;
  readonly wuid: string;
  readonly phoneNumber: string;
}

function contactsOf(contacts: readonly Contact[]): Body {
  const cards = contacts.map(({ fullName, wuid, phoneNumber }) => ({
    displayName: fullName,
    vcard: `BEGIN:VCARD\nVERSION:3.0\nN:${fullName}\nFN:${fullName}\nitem1.TEL;waid=${wuid}:${phoneNumber}\nEND:VCARD`,
  }));
  return cards.length === 1 ? { contactMessage: cards[0] } : { contactsArrayMessage: { contacts: cards } };
}

/** Starts a server on the loopback. */
export async function startFakeEvolution(options: FakeEvolutionOptions = {}): Promise<FakeEvolution> {
  const state = new State(options);
  const { url, close } = await startFakeServer(options, (request, response) => state.handle(request, response));
  return {
    url,
    requests: state.requests,
    messages: state.messages,
    reactions: state.reactions,
    sends: () => state.requests.filter(({ route }) => route.startsWith('message/')),
    calls: (route) => state.requests.filter((request) => request.route === route),
    fault: (fault) => state.faults.add(fault),
    store: (message) => {
      const stored: EvolutionMessage = { ...message, id: phoneId(), source: 'ios' };
      state.messages.push(stored);
      return stored;
    },
    setState: (instance, connection) => state.connections.set(instance, connection),
    absent: state.absent,
    close,
  };
}

/** One request on its way to an answer. */
interface Exchange {
  readonly call: EvolutionCall;
  readonly response: ServerResponse;
  readonly answer: (status: number, value: unknown, headers?: Record<string, string>) => void;
  readonly refuse: (status: number, message: unknown, headers?: Record<string, string>) => void;
}

class State {
  readonly options: FakeEvolutionOptions;
  readonly requests: EvolutionCall[] = [];
  readonly messages: EvolutionMessage[] = [];
  readonly reactions = new Map<string, string>();
  readonly faults = new FaultQueue<EvolutionFault>();
  readonly connections = new Map<string, 'open' | 'close'>();
  readonly absent = new Set<string>();

  constructor(options: FakeEvolutionOptions) {
    this.options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await bodyOf(request);
    const [, group = '', route = '', instance = ''] = (request.url ?? '').split('/').map(decodeURIComponent);
    const call: EvolutionCall = {
      at: Date.now(),
      route: `${group}/${route}`,
      instance,
      headers: headersOf(request),
      body,
      status: undefined,
    };
    this.requests.push(call);
    const answer: Exchange['answer'] = (status, value, headers = {}) => {
      call.status = status;
      response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
    };
    const refuse: Exchange['refuse'] = (status, message, headers) => {
      answer(status, { status, error: 'failed', response: { message } }, headers);
    };
    await this.#route({ call, response, answer, refuse });
  }

  async #route(exchange: Exchange): Promise<void> {
    const { call, refuse } = exchange;
    const { apiKey, instances = ['clinica'] } = this.options;
    if (apiKey !== undefined && call.headers['apikey'] !== apiKey) {
      refuse(401, 'Unauthorized');
      return;
    }
    if (!instances.includes(call.instance)) {
      refuse(404, [`The "${call.instance}" instance does not exist`]);
      return;
    }
    const [group, name = ''] = call.route.split('/');
    if (group === 'message' && needs.has(name)) await this.#send(name, exchange);
    else if (call.route === 'chat/findMessages') await this.#history(exchange);
    else if (call.route === 'chat/sendPresence') await this.#presence(exchange);
    else if (call.route === 'chat/markMessageAsRead')
      exchange.answer(201, { message: 'Read messages', read: 'success' });
    else refuse(404, [`Cannot POST /${call.route}`]);
  }

  async #send(name: string, exchange: Exchange): Promise<void> {
    const { call, response, answer, refuse } = exchange;
    const fault = this.faults.next('send') ?? this.options.behave?.(call.body);
    if (failsBefore(fault, exchange)) return;
    const missing = (needs.get(name) ?? []).filter((field) => call.body[field] === undefined);
    if (missing.length > 0) {
      refuse(400, [missing.map((field) => `requires property "${field}"`)]);
      return;
    }
    if (this.connections.get(call.instance) === 'close') {
      refuse(400, ['Error: Connection Closed']);
      return;
    }
    const number = String((call.body['key'] as Body | undefined)?.['remoteJid'] ?? call.body['number']);
    const remoteJid = number.includes('@') ? number : `${number}@s.whatsapp.net`;
    if (this.absent.has(remoteJid.split('@')[0] ?? '')) {
      refuse(400, [{ jid: remoteJid, exists: false, number }]);
      return;
    }
    const message = this.#deliver(name, remoteJid, call);
    switch (fault?.kind) {
      case 'drop-after':
        await delay(fault.ms ?? 0);
        call.status = 0;
        response.destroy();
        return;
      case 'fail-after':
        refuse(400, ['PrismaClientKnownRequestError: connection pool timed out']);
        return;
      case 'garbled':
        call.status = 201;
        response.writeHead(201, { 'content-type': 'application/json' }).end('{"key":');
        return;
      case 'slow':
        await delay(fault.ms);
        break;
      default:
    }
    answer(201, { ...shapeOf(message), status: 'PENDING' });
  }

  #deliver(name: string, remoteJid: string, { instance, body }: EvolutionCall): EvolutionMessage {
    const message: EvolutionMessage = {
      instance,
      remoteJid,
      id: `3EB0${randomBytes(9).toString('hex').toUpperCase()}`,
      fromMe: true,
      message: messageOf(name, body),
      source: 'web',
      at: Date.now(),
    };
    if (name === 'sendReaction') {
      const of = String((body['key'] as Body)['id']);
      if (body['reaction'] === '') this.reactions.delete(of);
      else this.reactions.set(of, String(body['reaction']));
    } else {
      this.messages.push(message);
      this.options.onMessage?.(message);
    }
    return message;
  }

  async #history(exchange: Exchange): Promise<void> {
    const { call, answer } = exchange;
    if (failsBefore(this.faults.next('history'), exchange)) return;
    const { key = {}, messageTimestamp: range = {} } = (call.body['where'] ?? {}) as {
      key?: { remoteJid?: string; fromMe?: boolean };
      messageTimestamp?: { gte?: string; lte?: string };
    };
    const [from, to] = [Date.parse(range.gte ?? ''), Date.parse(range.lte ?? '')];
    const perPage = Number(call.body['offset'] ?? 50);
    const page = Number(call.body['page'] ?? 1);
    const found = this.messages.filter(
      ({ instance, remoteJid, fromMe, at }) =>
        instance === call.instance &&
        // Without a limit it is NaN, and nothing is beyond it.
        !(at < from || at > to) &&
        (key.remoteJid === undefined || key.remoteJid === remoteJid) &&
        (key.fromMe === undefined || key.fromMe === fromMe),
    );
    const records = found
      .sort((a, b) => b.at - a.at)
      .slice((page - 1) * perPage, page * perPage)
      .map(shapeOf);
    const pages = Math.ceil(found.length / perPage);
    answer(201, { messages: { total: found.length, pages, currentPage: page, records } });
  }

  async #presence(exchange: Exchange): Promise<void> {
    if (failsBefore(this.faults.next('courtesy'), exchange)) return;
    await delay(Number(exchange.call.body['delay'] ?? 0));
    exchange.answer(201, { presence: exchange.call.body['presence'] });
  }
}

/** True when the fault was an answer, or none, in place of the work. */
function failsBefore(fault: EvolutionFault | undefined, { call, response, refuse }: Exchange): boolean {
  if (fault?.kind === 'status') {
    refuse(
      fault.status,
      fault.message ?? ['failed'],
      fault.retryAfter === undefined ? {} : { 'retry-after': fault.retryAfter },
    );
    return true;
  }
  if (fault?.kind !== 'drop-before') return false;
  call.status = 0;
  response.destroy();
  return true;
}

/** A message as answers, webhooks and the history have it. */
export const shapeOf = ({ remoteJid, id, fromMe, message, source, at }: EvolutionMessage) => ({
  key: { remoteJid, fromMe, id },
  pushName: fromMe ? 'Você' : 'Ana Inventada',
  message,
  messageType: Object.keys(message)[0] ?? 'unknown',
  messageTimestamp: Math.floor(at / 1_000),
  source,
});

/** The shape of a phone's ids. */
const phoneId = (): string => `3A${randomBytes(9).toString('hex').toUpperCase()}`;

async function bodyOf(request: IncomingMessage): Promise<Body> {
  const bytes = await bytesOf(request, bodyBytesMax);
  return bytes.length === 0 ? {} : (JSON.parse(bytes.toString('utf8')) as Body);
}
