/**
 * A Graph API for tests: takes messages, files and read marks like Meta's (v26.0), lists templates, keeps
 * what it received and can be told to misbehave. It takes no id that would make repeats safe, as Meta does
 * not: every send that it processes is another message.
 *
 * Owns: what was received, in order (`requests`), the messages (`messages`), files (`files`).
 *
 * In a process of its own, so that it outlives a `kill -9` of what is tested:
 * `node services/runtime/testing/fake-cloud.ts [--port 0] [--token …]` prints `{"url":"…"}`;
 * `GET /__received` and `POST /__fault` (a fault) drive it.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { FaultQueue, type FakeServerOptions, bytesOf, headersOf, startFakeServer } from './fake-server.ts';

/** A request as it came. */
export interface ReceivedCall {
  /** Epoch milliseconds. */
  readonly at: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed JSON, or the bytes of what is none. */
  readonly body: unknown;
  /** Status answered; 0 when the connection was cut instead. Set when answered. */
  status: number | undefined;
}

/** A message at WhatsApp. */
export interface CloudMessage {
  readonly wamid: string;
  readonly phoneNumberId: string;
  /** Number, BSUID or group. */
  readonly to: string;
  readonly type: string;
  /** The whole request. */
  readonly body: Readonly<Record<string, unknown>>;
  /** What statuses give back. */
  readonly callbackData: string | undefined;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** A file that was uploaded. */
export interface UploadedFile {
  readonly id: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** What to do wrong, for the next `times` requests to `on`. */
export type CloudFault = {
  /** Default: the send. */
  readonly on?: 'send' | 'upload' | 'templates';
  /** Default: 1. */
  readonly times?: number;
} &
  /** An error of the Graph API. */
  (
    | {
        readonly kind: 'error';
        readonly code: number;
        readonly status?: number;
        readonly headers?: Readonly<Record<string, string>>;
      }
    /** An answer of something before the Graph API: no words of its own. */
    | { readonly kind: 'gateway'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
    /** Processes, then answers after `ms`. */
    | { readonly kind: 'slow'; readonly ms: number }
    /** Cuts the connection without having sent anything. */
    | { readonly kind: 'drop-before' }
    /** Sends, then cuts the connection, after `ms`: the caller cannot know. */
    | { readonly kind: 'drop-after'; readonly ms?: number }
    /** Sends, then answers 502 like a gateway that lost patience. */
    | { readonly kind: 'gateway-after' }
    /** Answers 200 with a body that is not what it should be. */
    | { readonly kind: 'garbled' }
  );

/** How to run. */
export interface FakeCloudOptions extends FakeServerOptions {
  /** Access token that is asked for; none when absent. */
  readonly token?: string;
  /** What `message_templates` lists. While there are any, what is sent as a template has to be one of them. */
  readonly templates?: readonly object[];
  /** Decides by the request itself what to do wrong; asked when no fault is due. */
  readonly behave?: (message: Readonly<Record<string, unknown>>) => CloudFault | undefined;
  /** Told of each message that was sent. */
  readonly onMessage?: (message: CloudMessage) => void;
}

/** A running server. */
export interface FakeCloud {
  readonly url: string;
  readonly requests: readonly ReceivedCall[];
  readonly messages: readonly CloudMessage[];
  readonly files: readonly UploadedFile[];
  /** Read marks, in order. */
  readonly reads: readonly Readonly<Record<string, unknown>>[];
  /** Faults are used up in the order given. */
  fault(fault: CloudFault): void;
  setTemplates(templates: readonly object[]): void;
  close(): Promise<void>;
}

const bodyBytesMax = 110 * 1024 * 1024;

/** Starts a server on the loopback. */
export async function startFakeCloud(options: FakeCloudOptions = {}): Promise<FakeCloud> {
  const state = new State(options);
  const { url, close } = await startFakeServer(options, (request, response) => state.handle(request, response));
  return {
    url,
    requests: state.requests,
    messages: state.messages,
    files: state.files,
    reads: state.reads,
    fault: (fault) => state.faults.add(fault),
    setTemplates: (templates) => (state.templates = templates),
    close,
  };
}

/** Headers of a webhook of the app with this secret. */
export const signCloudWebhook = (body: string | Uint8Array, secret: string): Record<string, string> => ({
  'content-type': 'application/json',
  'x-hub-signature-256': `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
});

/** The webhook that tells how far a message got. */
export function cloudStatusBody(message: CloudMessage, status: string, errorCode?: number): string {
  const statuses = [
    {
      id: message.wamid,
      status,
      timestamp: String(Math.floor(Date.now() / 1_000)),
      // Letters of a country before a dot: a business-scoped id.
      [/^[A-Z]{2}\./.test(message.to) ? 'recipient_user_id' : 'recipient_id']: message.to,
      ...(message.callbackData === undefined ? {} : { biz_opaque_callback_data: message.callbackData }),
      ...(errorCode === undefined ? {} : { errors: [{ code: errorCode, title: 'invented' }] }),
    },
  ];
  const metadata = { display_phone_number: '5511900000000', phone_number_id: message.phoneNumberId };
  const value = { messaging_product: 'whatsapp', metadata, statuses };
  return JSON.stringify({
    object: 'whatsapp_business_account',
    entry: [{ id: '102290129340398', changes: [{ field: 'messages', value }] }],
  });
}

type Answer = (status: number, value: unknown, headers?: Readonly<Record<string, string>>) => void;

class State {
  readonly options: FakeCloudOptions;
  readonly requests: ReceivedCall[] = [];
  readonly messages: CloudMessage[] = [];
  readonly files: UploadedFile[] = [];
  readonly reads: Readonly<Record<string, unknown>>[] = [];
  readonly faults = new FaultQueue<CloudFault>();
  templates: readonly object[];

  constructor(options: FakeCloudOptions) {
    this.options = options;
    this.templates = options.templates ?? [];
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await bytesOf(request, bodyBytesMax);
    const url = new URL(request.url ?? '/', 'http://127.0.0.1');
    const body = parsed(bytes);
    if (url.pathname.startsWith('/__')) {
      this.#control(url.pathname, body, response);
      return;
    }
    const received: ReceivedCall = {
      at: Date.now(),
      method: request.method ?? '',
      path: request.url ?? '',
      headers: headersOf(request),
      body,
      status: undefined,
    };
    this.requests.push(received);
    const answer: Answer = (status, value, headers = {}) => {
      received.status = status;
      response.writeHead(status, { 'content-type': 'application/json', ...headers });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    };
    const cut = (): void => {
      received.status = 0;
      response.destroy();
    };
    if (this.options.token !== undefined && request.headers.authorization !== `Bearer ${this.options.token}`) {
      answer(401, errorBody(190));
      return;
    }
    const [, , node = '', edge = ''] = url.pathname.split('/');
    const isSend = request.method === 'POST' && edge === 'messages';
    if (isSend && 'status' in (body as object)) this.#read(body as Record<string, unknown>, answer);
    else if (isSend) await this.#send(node, body as Record<string, unknown>, answer, cut);
    else if (request.method === 'POST' && edge === 'media') await this.#upload(received, bytes, answer, cut);
    else if (request.method === 'GET' && edge === 'message_templates') this.#list(url.searchParams, answer);
    else answer(400, errorBody(100));
  }

  async #send(node: string, body: Readonly<Record<string, unknown>>, answer: Answer, cut: () => void): Promise<void> {
    const fault = this.faults.next('send') ?? this.options.behave?.(body);
    if (failsBefore(fault, answer, cut)) return;
    const wrong = templateError(this.templates, body['template']);
    if (wrong !== undefined) {
      answer(400, errorBody(wrong));
      return;
    }
    const to = String(body['to'] ?? body['recipient']);
    const callbackData = body['biz_opaque_callback_data'];
    const message: CloudMessage = {
      wamid: `wamid.${randomBytes(24).toString('base64')}`,
      phoneNumberId: node,
      to,
      type: String(body['type']),
      body,
      callbackData: typeof callbackData === 'string' ? callbackData : undefined,
      at: Date.now(),
    };
    this.messages.push(message);
    this.options.onMessage?.(message);
    if (await failsAfter(fault, answer, cut)) return;
    answer(200, {
      messaging_product: 'whatsapp',
      contacts: [{ input: to, wa_id: to }],
      messages: [{ id: message.wamid, message_status: 'accepted' }],
    });
  }

  #read(body: Readonly<Record<string, unknown>>, answer: Answer): void {
    this.reads.push(body);
    answer(200, { success: true });
  }

  async #upload(received: ReceivedCall, bytes: Buffer, answer: Answer, cut: () => void): Promise<void> {
    const fault = this.faults.next('upload');
    if (failsBefore(fault, answer, cut)) return;
    const id = String(1_000_000_000 + this.files.length);
    this.files.push({ id, contentType: received.headers['content-type'] ?? '', body: bytes });
    if (await failsAfter(fault, answer, cut)) return;
    answer(200, { id });
  }

  /** Pages as the Graph API's: a cursor, and an address of the next page while there is one. */
  #list(query: URLSearchParams, answer: Answer): void {
    const fault = this.faults.next('templates');
    if (failsBefore(fault, answer, () => undefined)) return;
    const start = Number(query.get('after') ?? 0);
    const end = start + Math.min(Number(query.get('limit') ?? 25), 2);
    const more = end < this.templates.length;
    answer(200, {
      data: this.templates.slice(start, end),
      paging: {
        cursors: { before: String(start), after: String(end) },
        ...(more ? { next: 'http://203.0.113.1/elsewhere?access_token=x' } : {}),
      },
    });
  }

  #control(path: string, body: unknown, response: ServerResponse): void {
    if (path === '/__received') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ requests: this.requests, messages: this.messages, reads: this.reads }));
      return;
    }
    if (path === '/__fault') this.faults.add(body as CloudFault);
    response.writeHead(path === '/__fault' ? 204 : 404).end();
  }
}

interface Component {
  readonly type: string;
  readonly format?: string;
  readonly text?: string;
  readonly buttons?: readonly { readonly type: string; readonly url?: string }[];
  readonly index?: string;
  readonly parameters?: readonly (Readonly<Record<string, unknown>> & { readonly type: string })[];
}

interface SentTemplate {
  readonly name: string;
  readonly language: { readonly code: string };
  readonly components?: readonly Component[];
}

/** Meta's code for a template that is sent otherwise than it is listed; undefined when nothing is wrong with it. */
function templateError(listed: readonly object[], sent: unknown): number | undefined {
  if (listed.length === 0 || sent === undefined) return undefined;
  const { name, language, components = [] } = sent as SentTemplate;
  const known = (listed as readonly (object & Record<string, unknown>)[]).find(
    (one) => one['name'] === name && one['language'] === language.code,
  );
  if (known === undefined) return 132_001;
  const parts = (known['components'] ?? []) as readonly Component[];
  const listedPart = (type: string) => parts.find((part) => part.type === type);
  const given = (type: string) => components.find((part) => part.type === type)?.parameters ?? [];
  const header = listedPart('HEADER');
  const [file] = given('header');
  if (header?.format !== undefined && header.format !== 'TEXT') {
    const kind = header.format.toLowerCase();
    const place = file?.[kind] as { readonly id?: string; readonly link?: string } | undefined;
    if (file?.type !== kind || (place?.id ?? place?.link) === undefined) return 132_012;
  } else if (given('header').length !== variablesIn(header?.text)) return 132_000;
  if (given('body').length !== variablesIn(listedPart('BODY')?.text)) return 132_000;
  const open = (listedPart('BUTTONS')?.buttons ?? []).flatMap(({ type, url }, i) =>
    type === 'COPY_CODE' || variablesIn(url) > 0 ? [String(i)] : [],
  );
  const filled = components.flatMap(({ type, index }) => (type === 'button' ? [index] : []));
  return filled.join() === open.join() ? undefined : 131_008;
}

const variablesIn = (text = ''): number => new Set(text.match(/\{\{\w+\}\}/g)).size;

const errorBody = (code: number) => ({
  error: {
    message: `(#${code}) invented`,
    type: 'OAuthException',
    code,
    error_data: { messaging_product: 'whatsapp', details: 'invented details' },
    fbtrace_id: 'A1b2',
  },
});

/** True when the fault was an answer, or none, in place of the work. */
function failsBefore(fault: CloudFault | undefined, answer: Answer, cut: () => void): boolean {
  switch (fault?.kind) {
    case 'error':
      answer(fault.status ?? 400, errorBody(fault.code), fault.headers);
      return true;
    case 'gateway':
      answer(fault.status, '<html>Bad gateway</html>', { 'content-type': 'text/html', ...fault.headers });
      return true;
    case 'drop-before':
      cut();
      return true;
    default:
      return false;
  }
}

/** True when the work was done and its answer was another. */
async function failsAfter(fault: CloudFault | undefined, answer: Answer, cut: () => void): Promise<boolean> {
  switch (fault?.kind) {
    case 'drop-after':
      await delay(fault.ms ?? 0);
      cut();
      return true;
    case 'gateway-after':
      answer(502, '<html>Bad gateway</html>', { 'content-type': 'text/html' });
      return true;
    case 'garbled':
      answer(200, '{"messages":');
      return true;
    case 'slow':
      await delay(fault.ms);
      return false;
    default:
      return false;
  }
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return bytes;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { port: { type: 'string' }, token: { type: 'string' } } });
  const fake = await startFakeCloud({
    port: Number(values.port ?? 0),
    ...(values.token === undefined ? {} : { token: values.token }),
  });
  process.stdout.write(`${JSON.stringify({ url: fake.url })}\n`);
  process.on('SIGTERM', () => void fake.close().then(() => process.exit(0)));
}
