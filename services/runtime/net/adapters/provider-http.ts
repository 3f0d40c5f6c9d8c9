/**
 * Calls to a provider's HTTP interface, the same for every provider.
 *
 * Owns: one pool of keep-alive connections per origin.
 *
 * H1 A request that was not begun on a socket was not sent; after that, only an HTTP answer says that
 *    it was not.
 * H2 A status counts, readable body or not.
 * H3 No error holds what was sent, or where to.
 */
import { Readable } from 'node:stream';

import { Pool } from 'undici';

import { Lru } from '../../lru.ts';

/** Times and sizes; tests shorten them. Milliseconds. */
export interface ProviderHttpOptions {
  /** A whole call, with the wait for a connection. */
  readonly callTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly connectionsPerServer: number;
}

export const providerHttpDefaults: ProviderHttpOptions = {
  callTimeoutMs: 10_000,
  connectTimeoutMs: 3_000,
  connectionsPerServer: 20,
};

/** A call to be made. */
export interface ProviderCall {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute. */
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly bytes?: { readonly contentType: string; readonly data: Uint8Array };
  /** Less than a whole call's, for one of several calls of a send. */
  readonly timeoutMs?: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal;
}

/** What was answered. */
export interface ProviderAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty when it broke off (H2). */
  readonly body: string;
}

/** A call without an answer. The cause is not kept (H3): errors of HTTP clients can quote what was sent. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** False when the provider cannot have read the request (H1). */
  readonly begun: boolean;
  readonly code: 'provider.timeout' | 'provider.connection-lost' | 'provider.unreachable';

  constructor(begun: boolean, timedOut: boolean) {
    super('no answer');
    this.begun = begun;
    this.code = begun ? (timedOut ? 'provider.timeout' : 'provider.connection-lost') : 'provider.unreachable';
  }
}

/** The answer that did not come, as a value; what else was thrown is thrown on. For `catch`. */
export function noAnswer(caught: unknown): NoAnswer {
  if (caught instanceof NoAnswer) return caught;
  throw caught;
}

/** True for a success, readable body or not. */
export const isGood = ({ status }: ProviderAnswer): boolean => status >= 200 && status <= 299;

/** URL of a path below a base, which may end in slashes or in a path of its own. */
export const urlAt = (baseUrl: string, path: string): URL => new URL(path, `${baseUrl.replace(/\/+$/, '')}/`);

/** The client of one provider's servers. */
export interface ProviderHttp {
  /** Resolves with any answer; throws `NoAnswer`. Never follows a redirect. */
  call(request: ProviderCall): Promise<ProviderAnswer>;
  /** Calls in flight end without an answer. Idempotent. */
  close(): Promise<void>;
}

const serversMax = 1_000;
const answerBytesMax = 4 * 1024 * 1024;
const keepAlive = { idleMs: 4_000, hintMaxMs: 60_000 } as const;

/** Opens a client; connects at the first call. */
export function openProviderHttp(options: ProviderHttpOptions = providerHttpDefaults): ProviderHttp {
  const pools = new Lru<string, Pool>(serversMax);
  const all = new Set<Pool>();

  const poolOf = (origin: string): Pool => {
    let pool = pools.get(origin);
    if (pool === undefined) {
      pool = new Pool(origin, {
        connections: options.connectionsPerServer,
        // One request at a time per connection: a slow answer holds up nothing behind it.
        pipelining: 1,
        connect: { timeout: options.connectTimeoutMs },
        // The signal ends a call; undici's own timers are coarse, and would say that the connection was lost.
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: keepAlive.idleMs,
        keepAliveMaxTimeout: keepAlive.hintMaxMs,
        maxResponseSize: answerBytesMax,
      });
      pools.set(origin, pool);
      all.add(pool);
    }
    return pool;
  };

  return {
    async call({ method, url, headers, body: value, bytes, timeoutMs = options.callTimeoutMs, signal: given }) {
      const timeout = AbortSignal.timeout(Math.ceil(timeoutMs));
      const signal = given === undefined ? timeout : AbortSignal.any([timeout, given]);
      const sent = bytes ?? (value === undefined ? undefined : jsonBytes(value));
      let begun = false;
      // H1: undici begins to read a stream when it writes the request to a connected socket.
      const body = new Readable({
        read() {
          begun = true;
          this.push(sent?.data ?? '');
          this.push(null);
        },
      });
      try {
        const answer = await poolOf(url.origin).request({
          path: `${url.pathname}${url.search}`,
          method,
          headers: {
            accept: 'application/json',
            ...(sent === undefined
              ? {}
              : { 'content-type': sent.contentType, 'content-length': String(sent.data.byteLength) }),
            ...headers,
          },
          ...(sent === undefined ? {} : { body }),
          signal,
        });
        return {
          status: answer.statusCode,
          headers: answer.headers,
          body: await answer.body.text().catch(() => ''),
        };
      } catch {
        throw new NoAnswer(begun, timeout.aborted);
      }
    },

    async close() {
      pools.clear();
      const closing = [...all].map((pool) => pool.destroy());
      all.clear();
      await Promise.all(closing);
    },
  };
}

const jsonBytes = (value: unknown): NonNullable<ProviderCall['bytes']> => ({
  contentType: 'application/json',
  data: Buffer.from(JSON.stringify(value)),
});
