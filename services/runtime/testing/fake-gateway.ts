/**
 * Our Baileys gateway for tests, as its callers see it (`../baileys/gateway.ts`) where they send: a message id is
 * one message, however often it is asked for. It keeps what it received and can be told to misbehave.
 *
 * Owns: the requests to send, in order (`sends`), and what WhatsApp would have (`messages`).
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { type SendAnswer, type SendRequest, sendRequest } from '../baileys/gateway.ts';
import { type FakeServerOptions, bytesOf, startFakeServer } from './fake-server.ts';

/** A message at WhatsApp. */
export interface GatewayMessage extends Pick<SendRequest, 'id' | 'chat' | 'content'> {
  /** Epoch milliseconds. */
  readonly at: number;
}

/** What to do wrong with a send. */
export type GatewayFault =
  /** Does nothing, and says so. */
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'restricted' | 'retry' }
  /** Sends, then answers after `ms`. */
  | { readonly kind: 'slow'; readonly ms: number }
  /** Cuts the connection without having sent anything. */
  | { readonly kind: 'drop-before' }
  /** Sends, then cuts the connection, after `ms`: the caller cannot know. */
  | { readonly kind: 'drop-after'; readonly ms?: number }
  /** Sends, answers 500. */
  | { readonly kind: 'fail-after' }
  /** Sends, answers 200 with a body that is not what it should be. */
  | { readonly kind: 'garbled' };

/** How to run. */
export interface FakeGatewayOptions extends FakeServerOptions {
  /** Asked for as a bearer when given. */
  readonly key?: string;
  /** Asked for each message that is new. */
  readonly behave?: (message: GatewayMessage) => GatewayFault | undefined;
  /** Told of each message that was sent, once. */
  readonly onMessage?: (message: GatewayMessage) => void;
}

/** A running server. */
export interface FakeGateway {
  readonly url: string;
  /** In the order in which they were sent. */
  readonly messages: readonly GatewayMessage[];
  /** When each request to send anything came, epoch milliseconds. */
  readonly sends: readonly number[];
  /** Sends that came again with an id that was known. */
  repeats(): number;
  close(): Promise<void>;
}

const bodyBytesMax = 24 * 1_024 * 1_024;
const sendPath = /^\/v1\/sessions\/[^/]+\/[^/]+\/messages(?:\/([^/]+))?$/;

/** Starts one on the loopback. */
export async function startFakeGateway({
  key,
  behave,
  onMessage,
  ...server
}: FakeGatewayOptions = {}): Promise<FakeGateway> {
  const sent = new Map<string, GatewayMessage>();
  const sends: number[] = [];
  let repeats = 0;

  const send = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    sends.push(Date.now());
    const { id, chat, content } = sendRequest.parse(
      JSON.parse((await bytesOf(request, bodyBytesMax)).toString('utf8')),
    );
    const message: GatewayMessage = { id, chat, content, at: Date.now() };
    const isNew = !sent.has(id);
    const fault = isNew ? behave?.(message) : undefined;
    if (failsBefore(fault, response)) return;
    if (isNew) {
      sent.set(id, message);
      onMessage?.(message);
    } else repeats += 1;
    if (fault !== undefined && 'ms' in fault) await delay(fault.ms);
    if (fault?.kind === 'drop-after') response.destroy();
    else if (fault?.kind === 'garbled') response.writeHead(200).end('{"status":');
    else if (fault?.kind === 'fail-after') answer(response, 500, { code: 'internal' });
    else answer(response, 200, { status: 'sent' } satisfies SendAnswer);
  };

  const { url, close } = await startFakeServer(server, async (request, response) => {
    const match = sendPath.exec(request.url ?? '');
    const id = match?.[1];
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) answer(response, 401, {});
    else if (match !== null && request.method === 'POST' && id === undefined) await send(request, response);
    else if (id !== undefined && request.method === 'GET')
      answer(response, 200, { status: sent.has(id) ? 'sent' : 'unknown' } satisfies SendAnswer);
    else answer(response, 404, {});
  });
  return {
    url,
    get messages() {
      return [...sent.values()];
    },
    sends,
    repeats: () => repeats,
    close,
  };
}

function answer(response: ServerResponse, status: number, value: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** True when it was not sent. */
function failsBefore(fault: GatewayFault | undefined, response: ServerResponse): boolean {
  switch (fault?.kind) {
    case 'drop-before':
      response.destroy();
      return true;
    case 'status':
      answer(response, fault.status, { code: 'internal' });
      return true;
    case 'retry':
      answer(response, 200, { status: 'retry', code: 'provider.failed' } satisfies SendAnswer);
      return true;
    case 'restricted':
      answer(response, 200, { status: 'refused', code: 'provider.restricted' } satisfies SendAnswer);
      return true;
    default:
      return false;
  }
}
