/**
 * An OpenAI-compatible server of models that follow a script: chat with tools, whole or streamed, pictures, and
 * transcriptions. For tests, evals and dialogues without a model.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { bytesOf, startFakeServer } from '#runtime/testing/fake-server.ts';

import { type Said, completionOf } from './completions.ts';
import { type FaultMode, type FaultTimes, distorted, failed, sendError, streamed } from './faults.ts';
import { type Asked, type Script, reasonable } from './scripts.ts';
import { textIn } from './voice-note.ts';

/** How to run one. Milliseconds. */
export interface ModelServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  readonly script?: Script;
  /** Before an answer begins. */
  readonly latencyMs?: number;
  readonly times?: Partial<FaultTimes>;
}

/** A call of chat as it came. */
export interface SeenChat {
  readonly authorization: string | undefined;
  /** The whole request. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly asked: Asked | undefined;
  /** From the request to the last byte of its answer. Milliseconds. */
  tookMs: number;
}

/** A server that runs. */
export interface ModelServer {
  /** Base URL, with the path of the version. */
  readonly url: string;
  /** Changeable at any time. */
  script: Script;
  /** In force for every call of chat, or of one model; undefined: none. */
  fault: FaultMode | ((model: string) => FaultMode | undefined) | undefined;
  /** Calls of chat, oldest first; the latest `seenMax`. */
  readonly chats: SeenChat[];
  /** Fields of calls for transcription. */
  readonly transcriptions: Readonly<Record<string, string>>[];
  close(): Promise<void>;
}

const bodyBytesMax = 32 * 1_024 * 1_024;
const seenMax = 1_000;
const timesDefault: FaultTimes = { retryAfterSeconds: 1, lateMs: 10_000 };

/** Starts one. */
export async function startModelServer(options: ModelServerOptions = {}): Promise<ModelServer> {
  const times = { ...timesDefault, ...options.times };
  const chats: SeenChat[] = [];
  const transcriptions: Readonly<Record<string, string>>[] = [];

  const chat = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const began = performance.now();
    const body = JSON.parse((await bytesOf(request, bodyBytesMax)).toString()) as ChatBody;
    const seen: SeenChat = {
      authorization: request.headers.authorization,
      body: { ...body },
      asked: askedOf(body),
      tookMs: 0,
    };
    response.on('close', () => (seen.tookMs = performance.now() - began));
    chats.push(seen);
    if (chats.length > seenMax) chats.shift();
    const fault = typeof server.fault === 'function' ? server.fault(body.model) : server.fault;
    if (options.latencyMs !== undefined) await sleep(options.latencyMs);
    if (await failed(fault, response, times, body)) return;
    const said = distorted(fault, saidOf(body, seen.asked, server.script));
    if (body.stream !== true) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(completionOf(said)));
      return;
    }
    if (!response.headersSent) response.writeHead(200, { 'content-type': 'text/event-stream' });
    const { chunks, ends } = streamed(fault, said);
    for (const chunk of chunks) response.write(`data: ${JSON.stringify(chunk)}\n\n`);
    if (ends === 'whole') response.end('data: [DONE]\n\n');
    else if (ends === 'dies') setTimeout(() => response.destroy(), 20);
  };

  const transcribe = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const bytes = await bytesOf(request, bodyBytesMax);
    const parts = partsOf(bytes, request.headers['content-type'] ?? '');
    const fields = Object.fromEntries(
      parts.map(({ name, filename, content }) => [name, filename ?? content.toString('utf8')]),
    );
    transcriptions.push(fields);
    const fault = typeof server.fault === 'function' ? server.fault(fields['model'] ?? '') : server.fault;
    if (await failed(fault, response, times, {})) return;
    const text = textIn(parts.find(({ name }) => name === 'file')?.content ?? Buffer.alloc(0));
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ text }));
  };

  const { url, close } = await startFakeServer(options, async (request, response) => {
    const path = `${request.method ?? ''} ${request.url ?? ''}`;
    if (path === 'POST /v1/chat/completions') await chat(request, response);
    else if (path === 'POST /v1/audio/transcriptions') await transcribe(request, response);
    else sendError(response, 404, { message: 'not found' });
  });
  const server: ModelServer = {
    url: `${url}/v1`,
    script: options.script ?? reasonable,
    fault: undefined,
    chats,
    transcriptions,
    close,
  };
  return server;
}

/** As far as it is looked at. */
interface ChatBody {
  readonly model: string;
  readonly stream?: boolean;
  readonly messages: readonly {
    readonly role: string;
    readonly content: string | readonly { readonly text?: string; readonly image_url?: { readonly url: string } }[];
  }[];
  readonly tools?: readonly { readonly function: { readonly name: string } }[];
}

/** What Prosa asks is one JSON object; undefined for anything else. */
function askedOf({ messages, tools = [] }: ChatBody): Asked | undefined {
  const content = messages.findLast(({ role }) => role === 'user')?.content;
  if (typeof content !== 'string' || !content.startsWith('{')) return undefined;
  return { ...(JSON.parse(content) as Asked), tools: tools.map(({ function: { name } }) => name) };
}

function saidOf(body: ChatBody, asked: Asked | undefined, script: Script): Said {
  const inputTokens = Math.ceil(JSON.stringify(body.messages).length / 4);
  const said = { model: body.model, calls: [], text: '', inputTokens };
  if (asked !== undefined) return { ...said, calls: script(asked) };
  const parts = body.messages.flatMap(({ content }) => (typeof content === 'string' ? [] : content));
  const image = parts.find((part) => part.image_url !== undefined)?.image_url?.url ?? '';
  return { ...said, text: textIn(Buffer.from(image.split(',')[1] ?? '', 'base64')) };
}

interface Part {
  readonly name: string;
  readonly filename: string | undefined;
  readonly content: Buffer;
}

/** The parts of a form (RFC 7578), of a body that is in memory. */
function partsOf(body: Buffer, contentType: string): readonly Part[] {
  const boundary = `--${/boundary="?([^";]+)/.exec(contentType)?.[1] ?? ''}`;
  const parts: Part[] = [];
  for (let at = body.indexOf(boundary); at >= 0;) {
    const next = body.indexOf(boundary, at + boundary.length);
    if (next < 0) break;
    const headEnd = body.indexOf('\r\n\r\n', at);
    const head = body.toString('utf8', at, headEnd);
    const name = / name="([^"]*)"/.exec(head)?.[1];
    if (name !== undefined)
      parts.push({
        name,
        filename: / filename="([^"]*)"/.exec(head)?.[1],
        content: body.subarray(headEnd + 4, next - 2),
      });
    at = next;
  }
  return parts;
}
