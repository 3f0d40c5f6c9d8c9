/**
 * Requests to addresses that somebody else named: media of a webhook, a tenant's own endpoint.
 *
 * O1 No connection is opened to an address that is not public, however it is spelt, whoever answers for its
 *    name, at any hop. Each name is resolved once per connection, all of its addresses are checked, and one
 *    of those is connected to: what a name means later changes nothing.
 * O2 Origins that our own configuration names are trusted: their addresses are not checked, everything else is.
 * O3 A redirect is a new request: checked anew, and what was said to one origin is not said to another.
 * O4 Everything is bounded: bytes, silence, the whole.
 * O5 Proxies of the environment are not used: they would resolve names for us.
 * O6 Errors hold no URL: paths and hosts may be secrets or personal.
 */
import type { Readable } from 'node:stream';

/** Why there is no answer. Stable. */
export type OutsideFailure =
  /** Never: the address itself may not be called. */
  | 'url.malformed'
  | 'url.scheme-refused'
  | 'url.credentials-refused'
  | 'url.port-refused'
  | 'host.not-allowed'
  | 'address.not-public'
  | 'redirect.refused'
  | 'answer.encoded'
  | 'answer.too-large'
  /** May work later. */
  | 'name.unresolved'
  | 'connection.failed'
  | 'connection.lost'
  | 'answer.too-slow';

const passing: ReadonlySet<OutsideFailure> = new Set([
  'name.unresolved',
  'connection.failed',
  'connection.lost',
  'answer.too-slow',
]);

/** No answer, or the end of one that had begun. */
export class OutsideError extends Error {
  override readonly name = 'OutsideError';
  readonly code: OutsideFailure;

  constructor(code: OutsideFailure) {
    super(code);
    this.code = code;
  }

  /** True when the same request may work later. */
  get mayPass(): boolean {
    return passing.has(this.code);
  }
}

/** What may be called. */
export interface OutsideRules {
  /** Origins of our own configuration (O2), as `URL.origin` writes them. They may have any port. */
  readonly trusted?: readonly string[];
  /** Hosts, or ends of them after a dot, outside of which nothing is called. Trusted ones are among them anyway. */
  readonly hosts?: readonly string[];
}

/** A request. */
export interface OutsideRequest extends OutsideRules {
  readonly method: 'GET' | 'POST';
  readonly url: string;
  /** Sent to the origin of `url` alone (O3). Lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Followed, at most; of a POST none ever is. */
  readonly redirectsMax: number;
  /** Of the answer's body. */
  readonly bytesMax: number;
  /** From the call to the last byte. */
  readonly totalMs: number;
  /** Longest silence. */
  readonly idleMs: number;
}

/** An answer whose body streams. It must be read to its end or destroyed; it fails with `OutsideError`. */
export interface OutsideAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readable;
}

/** Calls. */
export interface Outside {
  /** Resolves with any answer that is no redirect to be followed. Throws `OutsideError`. */
  request(wanted: OutsideRequest): Promise<OutsideAnswer>;
  /** Answers in flight end with an error. Idempotent. */
  close(): Promise<void>;
}
