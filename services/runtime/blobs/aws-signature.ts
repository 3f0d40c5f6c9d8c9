/**
 * AWS Signature Version 4 of a request to S3, in headers.
 *
 * Source: Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header"; its examples are the
 * tests. S3 differs from other services in that paths are encoded once.
 */
import { createHash, createHmac } from 'node:crypto';

/** Who signs, and for where. */
export interface SigningKey {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly region: string;
}

/** What is signed: all of `headers`, and the host. */
export interface SignedRequest {
  readonly method: string;
  /** Its path as it is sent. */
  readonly url: URL;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

const sha256 = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** The headers to send: those given, with date, hash of the body and signature. `at` is epoch milliseconds. */
export function signed({ method, url, headers, body }: SignedRequest, key: SigningKey, at: number) {
  const time = new Date(at).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const bodyHash = sha256(body);
  const all: Readonly<Record<string, string>> = {
    ...headers,
    host: url.host,
    'x-amz-content-sha256': bodyHash,
    'x-amz-date': time,
  };
  const names = Object.keys(all).sort();
  const signedHeaders = names.join(';');
  const canonical = [
    method,
    url.pathname,
    canonicalQuery(url),
    ...names.map((name) => `${name}:${all[name]?.trim() ?? ''}`),
    '',
    signedHeaders,
    bodyHash,
  ].join('\n');
  const scope = `${time.slice(0, 8)}/${key.region}/s3/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', time, scope, sha256(canonical)].join('\n');
  const signingKey = scope.split('/').reduce<string | Buffer>(hmac, `AWS4${key.secretAccessKey}`);
  const signature = hmac(signingKey, toSign).toString('hex');
  return {
    ...all,
    authorization: `AWS4-HMAC-SHA256 Credential=${key.accessKeyId}/${scope},SignedHeaders=${signedHeaders},Signature=${signature}`,
  };
}

/** Text as AWS encodes it: everything but letters, digits and `-._~`. */
export const awsEncoded = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const canonicalQuery = (url: URL): string =>
  [...url.searchParams]
    .map(([name, value]) => `${awsEncoded(name)}=${awsEncoded(value)}`)
    .sort()
    .join('&');
