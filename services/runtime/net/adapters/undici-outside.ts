/**
 * Calls to the outside over undici. See `../outside.ts` for what it promises (O1 to O6).
 *
 * Owns: two pools of connections, apart from each other: one whose connector refuses addresses that are not
 * public, one for trusted origins.
 */
import { lookup as systemLookup } from 'node:dns/promises';
import { type LookupFunction, isIP } from 'node:net';
import { Readable } from 'node:stream';

import { Agent, type Dispatcher, buildConnector } from 'undici';

import { type Outside, OutsideError, type OutsideFailure, type OutsideRequest } from '../outside.ts';
import { type CheckedUrl, checkUrl, webPorts } from '../outside-url.ts';
import { isPublicAddress } from '../public-addresses.ts';

/** An address of a name. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

/** What tests replace. */
export interface OutsideOptions {
  /** All addresses of a name; throws when it has none. */
  readonly resolve?: (name: string) => Promise<readonly ResolvedAddress[]>;
  /** Ports of hosts that are not trusted. */
  readonly ports?: readonly number[];
  /** Of addresses that names have. */
  readonly isPublic?: (address: string) => boolean;
}

const connectTimeoutMs = 5_000;
const keepAlive = { idleMs: 4_000, hintMaxMs: 10_000 } as const;
/** Origins that somebody names are without number; a call over it fails and may pass. */
const originsMax = 1_000;
const connectionsPerOrigin = 8;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
const userAgent = 'Prosa';

/** Opens the client; connects at the first call. */
export function openOutside(options: OutsideOptions = {}): Outside {
  const { resolve = resolveByTheSystem, ports = webPorts, isPublic = isPublicAddress } = options;
  const common = {
    connections: connectionsPerOrigin,
    maxOrigins: originsMax,
    pipelining: 1,
    keepAliveTimeout: keepAlive.idleMs,
    keepAliveMaxTimeout: keepAlive.hintMaxMs,
  } as const;
  const guarded = new Agent({ ...common, connect: guardedConnector(guardedLookup(resolve, isPublic)) });
  const trusting = new Agent({ ...common, connect: { timeout: connectTimeoutMs } });

  const once = async (
    { url, trusted }: CheckedUrl,
    wanted: OutsideRequest,
    sameOrigin: boolean,
    signal: AbortSignal,
  ): Promise<Dispatcher.ResponseData> => {
    try {
      return await (trusted ? trusting : guarded).request({
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method: wanted.method,
        // Unpacking would let few bytes become many.
        headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...(sameOrigin ? wanted.headers : {}) },
        ...(wanted.body === undefined ? {} : { body: wanted.body }),
        headersTimeout: wanted.idleMs,
        bodyTimeout: wanted.idleMs,
        signal,
      });
    } catch (caught) {
      throw failureOf(caught, signal, 'connection.failed');
    }
  };

  return {
    async request(wanted) {
      const signal = AbortSignal.timeout(wanted.totalMs);
      const first = checkUrl(wanted.url, wanted, ports);
      let next = first;
      for (let followed = 0; ; followed += 1) {
        const answer = await once(next, wanted, next.url.origin === first.url.origin, signal);
        const location = answer.headers['location'];
        if (!redirects.has(answer.statusCode) || location === undefined)
          return { status: answer.statusCode, headers: answer.headers, body: boundedBody(answer, wanted, signal) };
        answer.body.on('error', () => undefined).destroy();
        if (wanted.method !== 'GET' || followed >= wanted.redirectsMax || typeof location !== 'string')
          throw new OutsideError('redirect.refused');
        next = checkUrl(location, wanted, ports, next.url);
      }
    },

    async close() {
      await Promise.all([guarded.destroy(), trusting.destroy()]);
    },
  };
}

/** O1: the one place where connections to hosts that are not trusted begin. */
function guardedConnector(lookup: LookupFunction): buildConnector.connector {
  const connect = buildConnector({ timeout: connectTimeoutMs, lookup });
  return (options, callback) => {
    const host = options.hostname.replace(/^\[|\]$/g, '');
    // No look-up is made for what is an address already.
    if (isIP(host) !== 0 && !isPublicAddress(host)) callback(new OutsideError('address.not-public'), null);
    else connect(options, callback);
  };
}

/** Resolves once, checks all answers, and gives those to be connected to. */
function guardedLookup(
  resolve: (name: string) => Promise<readonly ResolvedAddress[]>,
  isPublic: (address: string) => boolean,
): LookupFunction {
  const answer = async (name: string): Promise<readonly ResolvedAddress[]> => {
    const found = await resolve(name).catch(() => []);
    if (found.length === 0) throw new OutsideError('name.unresolved');
    // One that is not public among others is a trick, not a choice.
    if (!found.every(({ address }) => isPublic(address))) throw new OutsideError('address.not-public');
    return found;
  };
  return (name, { all }, callback) => {
    answer(name).then(
      (found) => {
        const [first] = found;
        if (all === true) callback(null, [...found]);
        else callback(null, first?.address ?? '', first?.family);
      },
      (caught: unknown) => {
        callback(caught instanceof Error ? caught : new OutsideError('name.unresolved'), '');
      },
    );
  };
}

/** The body up to its bound; what is over it, too slow, or cut off ends it with an error. */
function boundedBody(
  answer: Dispatcher.ResponseData,
  { bytesMax }: Pick<OutsideRequest, 'bytesMax'>,
  signal: AbortSignal,
): Readable {
  const { body, headers } = answer;
  // It may break before anybody reads it.
  body.on('error', () => undefined);
  const refuse = (code: OutsideFailure): never => {
    body.destroy();
    throw new OutsideError(code);
  };
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') refuse('answer.encoded');
  if (Number(headers['content-length'] ?? 0) > bytesMax) refuse('answer.too-large');
  const counted = async function* (): AsyncGenerator<Buffer> {
    let bytes = 0;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        bytes += chunk.length;
        if (bytes > bytesMax) throw new OutsideError('answer.too-large');
        yield chunk;
      }
    } catch (caught) {
      throw failureOf(caught, signal, 'connection.lost');
    }
  };
  return Readable.from(counted(), { objectMode: false });
}

/** What went wrong, in our words; the client's own errors can quote what was sent (O6). */
function failureOf(caught: unknown, signal: AbortSignal, otherwise: OutsideFailure): OutsideError {
  if (caught instanceof OutsideError) return caught;
  const errors = caught instanceof AggregateError ? caught.errors : [caught];
  const ours = errors.find((one) => one instanceof OutsideError);
  if (ours !== undefined) return ours;
  const code = caught instanceof Error && 'code' in caught ? caught.code : undefined;
  const slow = signal.aborted || code === 'UND_ERR_HEADERS_TIMEOUT' || code === 'UND_ERR_BODY_TIMEOUT';
  return new OutsideError(slow ? 'answer.too-slow' : otherwise);
}

const resolveByTheSystem = (name: string): Promise<readonly ResolvedAddress[]> => systemLookup(name, { all: true });
