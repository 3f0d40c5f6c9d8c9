/**
 * A caller that proves itself by `Authorization: Bearer …`: the shared secret, or a JWT (RFC 7519) signed
 * with it by HS256, which is what Evolution sends where its webhook has a header named `jwt_key`.
 * Neither covers the body.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

import { type JsonObject, numberAt, objectOf, valueAt } from './loose-json.ts';

/** Clocks may differ by this much. Seconds. */
const skewSeconds = 60;
const tokenLengthMax = 4_096;

/** True when the header proves knowledge of the secret at `now` (epoch ms). Compares in constant time. */
export function isBearer(header: string | undefined, secret: string | undefined, now: number): boolean {
  const presented = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')?.[1];
  if (secret === undefined || secret === '' || presented === undefined || presented.length > tokenLengthMax) {
    return false;
  }
  return isSame(presented, secret) || isSigned(presented, secret, now);
}

/** Hashes first: the time says nothing of the length either. */
function isSame(a: string, b: string): boolean {
  const [left, right] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return left !== undefined && right !== undefined && timingSafeEqual(left, right);
}

function isSigned(token: string, secret: string, now: number): boolean {
  const [head = '', claims = '', signature, ...more] = token.split('.');
  if (signature === undefined || more.length > 0) return false;
  const expected = createHmac('sha256', secret).update(`${head}.${claims}`).digest('base64url');
  // As text: of base 64 several spellings are the same bytes. The algorithm is not the token's to choose.
  if (!isSame(signature, expected) || valueAt(decoded(head), 'alg') !== 'HS256') return false;
  const said = decoded(claims);
  const seconds = now / 1_000;
  const expires = numberAt(said, 'exp');
  const begins = numberAt(said, 'nbf') ?? numberAt(said, 'iat') ?? 0;
  return expires !== undefined && expires + skewSeconds > seconds && begins - skewSeconds <= seconds;
}

function decoded(part: string): JsonObject | undefined {
  try {
    return objectOf(JSON.parse(Buffer.from(part, 'base64url').toString('utf8')));
  } catch {
    // Not JSON: it says nothing.
    return undefined;
  }
}
