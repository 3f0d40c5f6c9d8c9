/**
 * The signature of a webhook of ours: Standard Webhooks 1.0, symmetric.
 *
 * Source: standard-webhooks/standard-webhooks, `spec/standard-webhooks.md`: HMAC-SHA-256 with the bytes of the secret
 * over `id.timestamp.body`, base64, after `v1,`.
 */
import { createHmac } from 'node:crypto';

/** The headers that prove where a body comes from. `at` is epoch milliseconds. */
export function signatureHeaders(
  secret: string,
  id: string,
  at: number,
  body: string,
): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(at / 1_000));
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
