/** JSON over Node's own HTTP, for routes that the fake servers do not have. */
import type { IncomingMessage, ServerResponse } from 'node:http';

const bodyBytesMax = 64 * 1_024;

/** What a route gives: a status, and what is said. */
export type JsonAnswer = readonly [status: number, value?: unknown];

/** A route by method and path; `body` is an empty object when none was sent. */
export type JsonRoute = (
  match: readonly string[],
  body: Readonly<Record<string, unknown>>,
  query: URLSearchParams,
) => JsonAnswer;

/** Routes by `METHOD pattern`, where `{}` in the pattern is any one part of the path. */
export type JsonRoutes = Readonly<Record<string, JsonRoute>>;

/** Answers a request that one of the routes is for; false when none is. A body that is no JSON object answers 400. */
export function answerWith(routes: JsonRoutes, request: IncomingMessage, response: ServerResponse): boolean {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  for (const [name, route] of Object.entries(routes)) {
    const [method, pattern = ''] = name.split(' ');
    const match = method === request.method ? partsIn(pattern, url.pathname) : undefined;
    if (match === undefined) continue;
    void jsonBodyOf(request, bodyBytesMax)
      .then((body) => route(match, body, url.searchParams))
      .catch((caught: unknown): JsonAnswer => [400, { error: caught instanceof Error ? caught.message : 'failed' }])
      .then(([status, value]) => {
        response.writeHead(status, { 'content-type': 'application/json' });
        response.end(value === undefined ? '' : JSON.stringify(value));
      });
    return true;
  }
  return false;
}

/** The parts that stand for `{}`; undefined when the path is another. */
function partsIn(pattern: string, path: string): readonly string[] | undefined {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  if (wanted.length !== given.length) return undefined;
  if (wanted.some((part, i) => part !== '{}' && part !== given[i])) return undefined;
  return given.filter((_, i) => wanted[i] === '{}').map(decodeURIComponent);
}

/** The JSON object of a request, an empty one when it has no body. Throws when it is none, or larger than `bytesMax`. */
async function jsonBodyOf(request: IncomingMessage, bytesMax: number): Promise<Readonly<Record<string, unknown>>> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > bytesMax) throw new RangeError(`the body is larger than ${bytesMax} bytes`);
    parts.push(part);
  }
  if (bytes === 0) return {};
  const read: unknown = JSON.parse(Buffer.concat(parts).toString('utf8'));
  if (typeof read !== 'object' || read === null || Array.isArray(read)) throw new TypeError('the body is no object');
  return read as Readonly<Record<string, unknown>>;
}
