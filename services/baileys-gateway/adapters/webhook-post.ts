/** The webhook: an event posted to ingest, signed as WAHA signs (HMAC-SHA-512 of the raw body, in hexadecimal). */
import { createHmac } from 'node:crypto';

import { Pool } from 'undici';

/** What ingest answered; 0 when there was no answer. */
export type PostWebhook = (url: string, secret: string, id: string, body: string) => Promise<number>;

const timeoutMs = 15_000;
const connections = 20;

/** Opens the client of one ingest. Posts never throw. */
export function openWebhookPost(): { readonly post: PostWebhook; close(): Promise<void> } {
  const pools = new Map<string, Pool>();
  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) pools.set(origin, (pool = new Pool(origin, { connections, pipelining: 1 })));
    return pool;
  };
  return {
    async post(address, secret, id, body) {
      const url = new URL(address);
      try {
        const answer = await poolOf(url.origin).request({
          path: url.pathname,
          method: 'POST',
          headers: {
            'content-type': 'application/json',
            'x-webhook-request-id': id,
            'x-webhook-hmac-algorithm': 'sha512',
            'x-webhook-hmac': createHmac('sha512', secret).update(body).digest('hex'),
          },
          body,
          signal: AbortSignal.timeout(timeoutMs),
        });
        await answer.body.dump();
        return answer.statusCode;
      } catch {
        return 0;
      }
    },
    async close() {
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
      pools.clear();
    },
  };
}
