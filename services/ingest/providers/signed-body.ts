/** Bodies signed as WAHA signs them: HMAC-SHA-512 of the raw bytes, in lower case hexadecimal. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

const signaturePattern = /^[0-9a-f]{128}$/;

/** True when the headers hold the signature of the body by this secret. Compares in constant time. */
export function isSignedBody(rawBody: Buffer, headers: IncomingHttpHeaders, secret: string | undefined): boolean {
  const presented = headers['x-webhook-hmac'];
  const algorithm = headers['x-webhook-hmac-algorithm'];
  if (secret === undefined || secret === '') return false;
  if (algorithm !== undefined && algorithm !== 'sha512') return false;
  if (typeof presented !== 'string' || !signaturePattern.test(presented)) return false;
  const expected = createHmac('sha512', secret).update(rawBody).digest();
  // The pattern fixes the length; timingSafeEqual throws on different ones.
  return timingSafeEqual(expected, Buffer.from(presented, 'hex'));
}
