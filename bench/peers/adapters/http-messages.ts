/** Messages by HTTP, to a peer on the loopback: said again, under the same id, until they are answered. */
import { setTimeout as sleep } from 'node:timers/promises';

import { Pool } from 'undici';

const connectionsMax = 512;
const answerTimeoutMs = 90_000;
const againMs = 50;

/** A peer's entrance. */
export interface MessageClient {
  /** The JSON that it answers. Throws when it does not for 90 s. */
  ask(path: string, options?: { readonly body?: unknown; readonly headers?: Record<string, string> }): Promise<unknown>;
  close(): Promise<void>;
}

/** Opens it; connects when something is said. */
export function openMessageClient(port: number): MessageClient {
  const pool = new Pool(`http://127.0.0.1:${port}`, {
    connections: connectionsMax,
    pipelining: 1,
    headersTimeout: answerTimeoutMs,
    bodyTimeout: answerTimeoutMs,
  });
  let closed = false;
  return {
    async ask(path, { body, headers = {} } = {}) {
      const until = performance.now() + answerTimeoutMs;
      for (;;) {
        const failure = await answer(pool, path, body, headers).catch((caught: unknown) => new Failure(String(caught)));
        if (!(failure instanceof Failure)) return failure;
        if (closed || performance.now() > until) throw new Error(`no answer: ${failure.reason}`);
        await sleep(againMs);
      }
    },
    close() {
      closed = true;
      return pool.destroy();
    },
  };
}

class Failure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

async function answer(pool: Pool, path: string, body: unknown, headers: Record<string, string>): Promise<unknown> {
  const response = await pool.request({
    method: body === undefined ? 'GET' : 'POST',
    path,
    headers: { ...headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.body.text();
  if (response.statusCode < 200 || response.statusCode > 299)
    return new Failure(`${response.statusCode} ${text.slice(0, 200)}`);
  return JSON.parse(text);
}
