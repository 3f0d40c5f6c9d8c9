/**
 * The API as commands call it. Answers are not checked again: the server has checked them against the
 * schemas that their types here are taken from, and both come from one release.
 *
 * The key goes to the configured address alone: redirects are not followed.
 */
import { CommandError, type ExitCode, exitCodes } from './exit-codes.ts';

/** Milliseconds for one call. */
const callMsMax = 60_000;
/** Most bytes of an answer. */
const answerBytesMax = 64 * 1_048_576;
/** Most items of a page, as the API has it. */
const pageItemsMax = 200;

/** Values of a query; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** Part of a list. */
export interface Page<Item> {
  readonly items: readonly Item[];
  /** Where it goes on; null at its end. */
  readonly next: string | null;
  /** Of a list that is read from the log: partitions whose oldest are no longer there. */
  readonly unretained?: readonly { readonly partition: number; readonly offset: number }[];
}

/** Calls throw `CommandError`: what was refused, and what to do next. */
export interface Api {
  readonly url: string;
  get<Answer>(path: string, query?: Query): Promise<Answer>;
  post<Answer>(path: string, body?: object): Promise<Answer>;
  put<Answer>(path: string, body: object): Promise<Answer>;
  delete<Answer>(path: string): Promise<Answer>;
  /** Up to `limit` items from `cursor` on, in as many calls as that takes. */
  list<Item>(path: string, query: Query, limit: number, cursor?: string): Promise<Page<Item>>;
}

/** What a key is presented with. */
export interface ApiOptions {
  /** Without a slash at the end. */
  readonly url: string;
  readonly apiKey: string | undefined;
  readonly signal: AbortSignal;
}

/** Opens it. Asks nothing yet. */
export function openApi(options: ApiOptions): Api {
  const get = async <Answer>(path: string, query: Query = {}): Promise<Answer> =>
    (await call(options, 'GET', `${path}${queryText(query)}`)) as Answer;
  return {
    url: options.url,
    get,
    post: async <Answer>(path: string, body?: object): Promise<Answer> =>
      (await call(options, 'POST', path, body)) as Answer,
    put: async <Answer>(path: string, body: object): Promise<Answer> =>
      (await call(options, 'PUT', path, body)) as Answer,
    delete: async <Answer>(path: string): Promise<Answer> => (await call(options, 'DELETE', path)) as Answer,
    async list<Item>(path: string, query: Query, limit: number, cursor?: string): Promise<Page<Item>> {
      const items: Item[] = [];
      const unretained: NonNullable<Page<Item>['unretained']>[number][] = [];
      let next = cursor ?? null;
      do {
        const wanted = Math.min(limit - items.length, pageItemsMax);
        const page = await get<Page<Item>>(path, { ...query, limit: wanted, cursor: next ?? undefined });
        if (!Array.isArray(page.items)) throw notOurs(options.url);
        items.push(...(page.items as readonly Item[]));
        unretained.push(...(page.unretained ?? []));
        next = page.next;
      } while (next !== null && items.length < limit);
      return { items, next, ...(unretained.length === 0 ? {} : { unretained }) };
    },
  };
}

function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.length === 0
    ? ''
    : `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString()}`;
}

async function call(
  options: ApiOptions,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: object,
): Promise<unknown> {
  const { url, apiKey, signal } = options;
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(callMsMax)]),
    });
    text = await bounded(response);
  } catch (caught) {
    if (signal.aborted || caught instanceof CommandError) throw caught;
    throw unreachable(url, caught);
  }
  const answer = jsonOf(text);
  if (response.ok && typeof answer === 'object' && answer !== null) return answer;
  throw refusalOf(options, response, answer);
}

async function bounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > answerBytesMax) throw new CommandError(exitCodes.failure, 'The answer is too large to be read.');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unreachable(url: string, caught: unknown): CommandError {
  const cause = caught instanceof Error ? caught.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const late = caught instanceof Error && caught.name === 'TimeoutError';
  if (cause instanceof Error && cause.message === 'unexpected redirect') {
    return new CommandError(exitCodes.failure, `${url} answers with a redirect, which is not followed.`, {
      hint: 'Name the address that it leads to with --url or PROSA_URL.',
    });
  }
  return new CommandError(
    exitCodes.unavailable,
    late ? `${url} did not answer in ${callMsMax / 1_000} s.` : `Nothing answers at ${url}${code && ` (${code})`}.`,
    { hint: 'Start it with npm start, or name another with --url or PROSA_URL. `prosa doctor` looks for the cause.' },
  );
}

const notOurs = (url: string): CommandError =>
  new CommandError(exitCodes.failure, `What answers at ${url} is not the API of Prosa.`, {
    hint: 'Check --url or PROSA_URL.',
  });

/** Exit code of each status that has one of its own. */
const exitCodeOf: Readonly<Record<number, ExitCode>> = {
  400: exitCodes.usage,
  401: exitCodes.refused,
  403: exitCodes.refused,
  404: exitCodes.notFound,
  409: exitCodes.refused,
  412: exitCodes.refused,
  429: exitCodes.unavailable,
  502: exitCodes.unavailable,
  503: exitCodes.unavailable,
  504: exitCodes.unavailable,
};

/** What to do about codes and statuses. */
const hints: Readonly<Record<string, string>> = {
  401: 'Put a key of this installation in PROSA_API_KEY, or in a file named with --api-key-file.',
  403: 'Use a key with another role; the documents at /docs say which roles may do what.',
  404: 'Check the id. Things of other tenants are not found either.',
  429: 'Wait a moment and try again.',
  500: "It is the server's fault; its logs have the request id.",
  502: 'The proxy does not reach it. Try again.',
  503: 'Try again; `prosa doctor` tells which part is away.',
  504: 'The proxy does not reach it. Try again.',
  'revision-outdated': '`prosa configuration show` has the one in force; change that one.',
  'cursor-invalid': 'Use a cursor that the same command gave.',
};

function refusalOf({ url, apiKey }: ApiOptions, response: Response, answer: unknown): CommandError {
  const problem = (typeof answer === 'object' ? answer : null) as Record<string, unknown> | null;
  const { status } = response;
  const field = (name: string): string | undefined => (typeof problem?.[name] === 'string' ? problem[name] : undefined);
  const code = field('code');
  // A proxy may answer for it, in a form of its own.
  if (code === undefined && exitCodeOf[status] !== exitCodes.unavailable) return notOurs(url);
  const detail = status === 401 && apiKey === undefined ? 'The API asks for a key.' : field('detail');
  const [hint, requestId] = [hints[code ?? ''] ?? hints[status], field('requestId')];
  const wait = Number(response.headers.get('retry-after') ?? Number.NaN);
  return new CommandError(exitCodeOf[status] ?? exitCodes.failure, detail ?? `${url} answers ${status}.`, {
    ...(hint === undefined ? {} : { hint }),
    ...(code === undefined ? {} : { code }),
    ...(requestId === undefined ? {} : { requestId }),
    ...(wait >= 0 ? { retryAfterSeconds: wait } : {}),
  });
}
