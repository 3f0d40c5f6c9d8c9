/**
 * A Graph API that takes messages as fast as it can: what a fake with faults and memory is too slow for.
 * Texts are numbers, counted from 0 in each chat: it checks their order, and counts by its own clock.
 *
 * `node bench/graph-server.ts [--answer-after <ms>]` prints `{"url":"…"}`. `GET /count` tells how many
 * messages came since the last `POST /take`, which answers a `GraphReport` of them and begins anew.
 */
import { type IncomingMessage, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/** What came. */
export interface GraphReport {
  readonly messages: number;
  /** Messages that were not the next one of their chat: missing, repeated or overtaken ones. */
  readonly outOfOrder: number;
  /** The most in any second. */
  readonly perSecondMost: number;
  /** From the first to the last. */
  readonly seconds: number;
  /** Where the messages were posted to, and all of them as they came. */
  readonly path: string;
  readonly bodies: readonly string[];
}

interface Posted {
  readonly to: string;
  readonly text: { readonly body: string };
}

const { values } = parseArgs({ options: { 'answer-after': { type: 'string', default: '0' } } });
const answerAfterMs = Number(values['answer-after']);

let path = '';
let bodies: string[] = [];
let times: number[] = [];
let outOfOrder = 0;
const next = new Map<string, number>();

function take(): GraphReport {
  const report: GraphReport = {
    messages: bodies.length,
    outOfOrder,
    perSecondMost: mostIn(1_000),
    seconds: ((times.at(-1) ?? 0) - (times[0] ?? 0)) / 1_000,
    path,
    bodies,
  };
  [bodies, times, outOfOrder] = [[], [], 0];
  next.clear();
  return report;
}

/** The most arrivals in any span of so many milliseconds; times only grow. */
function mostIn(windowMs: number): number {
  let [most, from] = [0, 0];
  for (const [i, at] of times.entries()) {
    while (at - (times[from] ?? at) >= windowMs) from += 1;
    most = Math.max(most, i - from + 1);
  }
  return most;
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}

async function receive(request: IncomingMessage): Promise<object> {
  times.push(performance.now());
  const body = await textOf(request);
  const { to, text } = JSON.parse(body) as Posted;
  const expected = next.get(to) ?? 0;
  if (Number(text.body) !== expected) outOfOrder += 1;
  next.set(to, Number(text.body) + 1);
  bodies.push(body);
  path = request.url ?? '';
  if (answerAfterMs > 0) await sleep(answerAfterMs);
  return {
    messaging_product: 'whatsapp',
    contacts: [{ input: to, wa_id: to }],
    messages: [{ id: `wamid.${to}.${text.body}`, message_status: 'accepted' }],
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const of = { '/count': () => ({ messages: bodies.length }), '/take': take }[request.url ?? ''];
  const content = JSON.stringify(of === undefined ? await receive(request) : of());
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(content) });
  response.end(content);
}

const server = createServer((request, response) => {
  answer(request, response).catch(() => request.socket.destroy());
});
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo;
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${port}` })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
