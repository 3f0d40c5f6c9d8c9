/**
 * The way of a simulated message into ingest: the public webhook route, over HTTP, so that it takes
 * the same way as a provider's.
 */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';

const timeoutMs = 10_000;
const retryAfterSeconds = 2;

const answerShape = z.object({
  events: z.array(z.object({ eventId: z.string(), conversationId: z.string() })).min(1),
});

/** What became of the message. */
export interface Delivered {
  readonly eventId: string;
  readonly conversationId: string;
}

/** Posts a simulated message. Throws `Problem` 400, 413, 429 or 503. */
export async function postSimulated(ingestUrl: string, token: string, message: unknown): Promise<Delivered> {
  const answer = await fetch(`${ingestUrl}/webhooks/simulator/${encodeURIComponent(token)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(message),
    signal: AbortSignal.timeout(timeoutMs),
    redirect: 'error',
  }).catch(() => undefined);
  if (answer === undefined) throw away();
  // Read whole, whatever the status, so that the connection can be used again.
  const text = await answer.text().catch(() => undefined);
  if (answer.status === 200 && text !== undefined) {
    const [event] = answerShape.parse(JSON.parse(text)).events;
    if (event !== undefined) return event;
  }
  if (answer.status === 400) throw new Problem(400, 'request-invalid', 'The simulated phone cannot send this.');
  if (answer.status === 413) throw new Problem(413, 'body-too-large', 'The body is too large.');
  if (answer.status === 429) throw new Problem(429, 'rate-limited', 'Too many messages; try again.', retryAfterSeconds);
  throw away();
}

const away = (): Problem =>
  new Problem(503, 'ingest.unavailable', 'Ingest cannot take it now; try again.', retryAfterSeconds);
