/** What model servers do wrong, one way at a time. */
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Said, type Stream, streamOf } from './completions.ts';

/** Ways to fail. The first ones answer nothing that is of use, the others answer wrongly. */
export const faultModes = [
  'rate-limited',
  'no-credit',
  'wrong-key',
  'server-error',
  'hangs-up',
  'never-answers',
  'late-first-byte',
  'dies-mid-stream',
  'stalls-mid-stream',
  'garbage',
  'refuses-parameter',
  'invalid-json',
  'unknown-tool',
  'wrong-arguments',
  'extra-properties',
  'two-calls',
  'cut-by-length',
  'no-choices',
  'huge',
  'wrong-language',
  'only-words',
  'no-usage',
] as const;
export type FaultMode = (typeof faultModes)[number];

/** Times of faults. Milliseconds. */
export interface FaultTimes {
  readonly retryAfterSeconds: number;
  readonly lateMs: number;
}

/** An error as the API has it. */
export function sendError(
  response: ServerResponse,
  status: number,
  error: { readonly message: string; readonly code?: string; readonly param?: string },
  headers: Readonly<Record<string, string>> = {},
): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ error: { type: 'error', param: null, code: null, ...error } }));
}

/** Fails without an answer; false for faults of answers. */
export async function failed(
  fault: FaultMode | undefined,
  response: ServerResponse,
  times: FaultTimes,
  request: object,
): Promise<boolean> {
  switch (fault) {
    case 'rate-limited':
      sendError(
        response,
        429,
        { message: 'slow down', code: 'rate_limit_exceeded' },
        {
          'retry-after': String(times.retryAfterSeconds),
        },
      );
      return true;
    case 'no-credit':
      sendError(response, 429, { message: 'no credit', code: 'insufficient_quota' });
      return true;
    case 'wrong-key':
      sendError(response, 401, { message: 'wrong key', code: 'invalid_api_key' });
      return true;
    case 'server-error':
      sendError(response, 500, { message: 'oops' });
      return true;
    case 'hangs-up':
      response.destroy();
      return true;
    case 'never-answers':
      return true;
    case 'garbage':
      response.writeHead(200, { 'content-type': 'text/event-stream' }).end('data: <html>{\n\n');
      return true;
    case 'refuses-parameter':
      if (!('temperature' in request)) return false;
      sendError(response, 400, { message: 'unsupported', code: 'unsupported_value', param: 'temperature' });
      return true;
    case 'late-first-byte':
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.flushHeaders();
      await sleep(times.lateMs, undefined, { ref: false });
      return false;
    default:
      return false;
  }
}

const hugeTimes = 20_000;
const otherLanguage =
  'The opening hours are from nine to five and you can pay with your card at the desk of the event.';

/** What is said instead. */
export function distorted(fault: FaultMode | undefined, said: Said): Said {
  const [first = { tool: 'unclear', args: { reason: 'not-understood' } }] = said.calls;
  const args = { ...(first.args as object | null) };
  const calls = (...all: Said['calls']): Said => ({ ...said, calls: all });
  switch (fault) {
    case 'invalid-json':
      return calls({ tool: first.tool, args: '{"to": "menu"' });
    case 'unknown-tool':
      return calls({ tool: 'delete_all_appointments', args: { confirm: true } });
    case 'wrong-arguments':
      return calls({ tool: first.tool, args: Object.fromEntries(Object.keys(args).map((name) => [name, 7])) });
    case 'extra-properties':
      return calls({ tool: first.tool, args: { ...args, confirmed: true } });
    case 'two-calls':
      return calls(first, { tool: 'route', args: { to: 'menu' } });
    case 'cut-by-length':
      return { ...calls({ tool: first.tool, args: JSON.stringify(first.args).slice(0, -4) }), finish: 'length' };
    case 'huge':
      return calls({ tool: first.tool, args: { ...args, filler: 'é uma frase muito longa '.repeat(hugeTimes) } });
    case 'wrong-language':
      return first.tool === 'answer' ? calls({ tool: 'answer', args: { ...args, text: otherLanguage } }) : said;
    case 'only-words':
      return { ...calls(), text: 'Claro! Vou cancelar tudo para você.' };
    case 'no-usage':
      return { ...said, usage: false };
    default:
      return said;
  }
}

/** What becomes of the stream. */
export function streamed(fault: FaultMode | undefined, said: Said): Stream {
  const whole = streamOf(said);
  switch (fault) {
    case 'no-choices':
      return { ...whole, chunks: whole.chunks.map((chunk) => ({ ...chunk, choices: [] })) };
    case 'dies-mid-stream':
      return { chunks: whole.chunks.slice(0, Math.ceil(whole.chunks.length / 2)), ends: 'dies' };
    case 'stalls-mid-stream':
      return { chunks: whole.chunks.slice(0, Math.ceil(whole.chunks.length / 2)), ends: 'stalls' };
    default:
      return whole;
  }
}
