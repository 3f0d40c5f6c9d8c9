/**
 * A route as data: what it takes, what it answers, who may call it. Registration, validation and the
 * OpenAPI document are made from this, so that they cannot differ.
 */
import type { Readable } from 'node:stream';

import { z } from 'zod';

import { Problem } from '#runtime/http.ts';

import type { ApiKey } from './api-keys.ts';
import type { ProblemCode } from './problems.ts';
import { type Role, type RouteName, mayCall } from './roles.ts';

/** What a route may be called with. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** Largest body under /v1, but for lists. */
export const bodyBytesMax = 256 * 1_024;
/** Largest body that is a list of messages or people. */
export const listBytesMax = 2 * 1_024 * 1_024;

/** A call that was authenticated and whose input was checked. */
export interface Call<Params, Query, Body> {
  readonly key: ApiKey;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** Input as it came. */
export interface RawInput {
  readonly params: unknown;
  readonly query: unknown;
  readonly body: unknown;
}

/** A call that succeeds, and its answer. The documents show it, and a test makes it. */
interface Example<Params, Query, Body, Answer> {
  readonly params?: Params;
  readonly query?: Query;
  readonly body?: Body;
  readonly answer: Answer;
}

/** Another call that succeeds, by its body. */
interface MoreExample<Body> {
  readonly summary: string;
  readonly body: Body;
}

/** A body that is a file instead of JSON: it streams, and is bounded by whoever reads it. */
export class UploadedFile {
  readonly contentType: string;
  readonly content: Readable;

  constructor(contentType: string, content: Readable) {
    this.contentType = contentType;
    this.content = content;
  }
}

/** An answer that is a file: it streams, to be saved and never shown in place. */
export class FileAnswer {
  readonly mimetype: string;
  readonly bytes: number;
  readonly content: Readable;

  constructor(mimetype: string, bytes: number, content: Readable) {
    this.mimetype = mimetype;
    this.bytes = bytes;
    this.content = content;
  }
}

/** The body of a route that takes a file. */
export const fileBody = z.instanceof(UploadedFile);
/** The response of a route that gives one. */
export const fileAnswer = z.instanceof(FileAnswer);

interface Definition<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType, R extends z.ZodType> {
  readonly name: RouteName;
  readonly method: Method;
  /** Fastify's form: `/v1/conversations/:id`. */
  readonly path: string;
  readonly summary: string;
  /** What a caller should know besides; plain sentences, `code` in backticks. */
  readonly description?: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Largest body where it is not that of most, for lists. */
  readonly bodyBytesMax?: number;
  /** Status of success. */
  readonly status: 200 | 201 | 202;
  readonly response: R;
  /** Refusals besides those that follow from what the route takes. */
  readonly problems?: readonly ProblemCode[];
  readonly example: Example<z.input<P>, z.input<Q>, z.input<B>, z.input<R>>;
  /** Where one body does not show what can be asked for. */
  readonly moreExamples?: readonly MoreExample<z.input<B>>[];
  readonly handler: (call: Call<z.output<P>, z.output<Q>, z.output<B>>) => Promise<z.input<R>>;
}

/** A route, its types erased. */
export interface Route {
  readonly name: RouteName;
  readonly method: Method;
  readonly path: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly roles: readonly Role[];
  readonly params: z.ZodType;
  readonly query: z.ZodType;
  /** Undefined when the route takes no body. */
  readonly body: z.ZodType | undefined;
  readonly bodyBytesMax: number;
  readonly status: 200 | 201 | 202;
  readonly response: z.ZodType;
  readonly problems: readonly ProblemCode[];
  readonly example: Example<unknown, unknown, unknown, unknown>;
  readonly moreExamples: readonly MoreExample<unknown>[];
  /** Checks the input, runs the handler, checks the answer. Throws `Problem` 400 and 404. */
  readonly run: (key: ApiKey, input: RawInput) => Promise<unknown>;
}

const nothing = z.strictObject({});

/** The answer to an id that does not exist, or exists for another tenant: one and the same. */
export const notFound = (): Problem => new Problem(404, 'not-found', 'There is nothing here.');

/** Makes a route. Input with unknown fields is refused; of the answer only the documented fields leave. */
export function defineRoute<
  P extends z.ZodType = typeof nothing,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = z.ZodUndefined,
  R extends z.ZodType = z.ZodType,
>(definition: Definition<P, Q, B, R>): Route {
  const params = definition.params ?? nothing;
  const query = definition.query ?? nothing;
  const {
    name,
    method,
    path,
    summary,
    description,
    status,
    response,
    body,
    problems = [],
    example,
    moreExamples = [],
  } = definition;
  return {
    name,
    method,
    path,
    summary,
    description,
    status,
    response,
    problems,
    example,
    moreExamples,
    bodyBytesMax: definition.bodyBytesMax ?? bodyBytesMax,
    roles: mayCall[name],
    params,
    query,
    body,
    run: async (key, input) => {
      const call = {
        key,
        // An id that cannot be one is an unknown id.
        params: checked(params, input.params, notFound) as z.output<P>,
        query: checked(query, input.query, invalidIn('query')) as z.output<Q>,
        body: (body === undefined ? undefined : checked(body, input.body, invalidIn('body'))) as z.output<B>,
      };
      return response.parse(await definition.handler(call));
    },
  };
}

function checked(shape: z.ZodType, value: unknown, refusal: (error: z.ZodError) => Problem): unknown {
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  throw refusal(parsed.error);
}

const issuesNamedMax = 10;

/** Keys are named if they look like keys: somebody may have put a value in the place of one. */
const keyPattern = /^[A-Za-z][A-Za-z_-]{0,39}\d{0,2}$/;

/** Names what is wrong by place and code alone, or in our own words: messages of the library can quote the value. */
const invalidIn =
  (part: 'query' | 'body') =>
  (error: z.ZodError): Problem => {
    const named = error.issues
      .slice(0, issuesNamedMax)
      .map((issue) => `${[part, ...issue.path].join('.')}: ${wordsOf(issue)}`);
    return new Problem(400, 'request-invalid', `The request does not have the documented form (${named.join(', ')}).`);
  };

function wordsOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'custom') return issue.message;
  if (issue.code !== 'unrecognized_keys') return issue.code;
  const keys = issue.keys.slice(0, issuesNamedMax).map((key) => (keyPattern.test(key) ? key : '…'));
  return `${issue.code} ${keys.join(' ')}`;
}
