/**
 * What the documents know of a route, whoever serves it: those under /v1 are described by their own
 * definitions, the others by hand in `open-routes/`.
 */
import { z } from 'zod';

import type { ProblemCode } from './problems.ts';
import { type Role, type RouteName, roles } from './roles.ts';
import { type Method, type Route, UploadedFile, fileAnswer, fileBody } from './route.ts';

/** Where a route stands in the documents: the first word of its name. */
export type Tag = Domain<RouteName> | 'webhooks' | 'probes' | 'schema-registry' | 'documents';
type Domain<Name extends string> = Name extends `${infer First}.${string}` ? First : never;

/** An answer that is no refusal. */
export interface OperationAnswer {
  readonly status: number;
  readonly meaning: string;
  /** Undefined when it has no body. */
  readonly contentType?: string;
  /** Headers besides those that every answer has; names of the document's components. */
  readonly headers?: readonly 'ETag'[];
  /** Undefined for what is no JSON. */
  readonly shape?: z.ZodType;
  readonly example?: unknown;
}

/** A route, described. */
export interface Operation {
  readonly name: string;
  readonly tag: Tag;
  readonly method: Method;
  /** Fastify's form: `/v1/conversations/:id`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string | undefined;
  /** Who may call it with their key; undefined when no key is asked for. */
  readonly roles: readonly Role[] | undefined;
  /** How callers prove who they are when it is not by a key: a security scheme of the document. */
  readonly proof?: 'wahaSignature' | 'cloudSignature' | 'evolutionSecret';
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType | undefined;
  /** Set when it takes a file: the type of the example's, of which `example.body` has the first bytes. */
  readonly fileType?: keyof typeof exampleFiles | undefined;
  /** The first one is success. */
  readonly answers: readonly [OperationAnswer, ...OperationAnswer[]];
  readonly problems: readonly ProblemCode[];
  /** True when it may fail by what it stands on: 500 and 503 with the codes of operating errors. */
  readonly operating: boolean;
  readonly example: { readonly params?: unknown; readonly query?: unknown; readonly body?: unknown };
  /** Other bodies that it takes. */
  readonly moreExamples?: readonly { readonly summary: string; readonly body: unknown }[];
}

/** Files for examples. */
const exampleFiles = { 'text/plain': 'Bring your papers: they are checked at the door.', 'audio/ogg': 'OggS' } as const;

const meanings = { 200: 'Done.', 201: 'Made.', 202: 'Accepted: it is durable, its effect comes later.' } as const;

/** The description of a route under /v1. */
export function operationOf(route: Route): Operation {
  const {
    name,
    method,
    path,
    summary,
    description,
    roles: callers,
    params,
    query,
    body,
    status,
    response,
    example,
    moreExamples,
  } = route;
  const [tag] = name.split('.') as [Domain<RouteName>];
  const takesBody = method === 'POST' || method === 'PUT';
  const fileType = fileTypeOf(example.body);
  const problems: ProblemCode[] = ['request-invalid', 'unauthorized'];
  if (fieldsOf(query).includes('cursor')) problems.push('cursor-invalid');
  if (takesBody) problems.push(...(body === fileBody ? [] : (['body-not-json'] as const)), 'content-length-wrong');
  if (callers.length < roles.length) problems.push('forbidden');
  if (fieldsOf(params).length > 0) problems.push('not-found');
  if (method !== 'GET') problems.push('tenant-unconfigured');
  if (takesBody) problems.push('body-too-large');
  if (takesBody && body !== fileBody) problems.push('content-type-unsupported');
  return {
    name,
    tag,
    method,
    path,
    summary,
    description,
    roles: callers,
    params,
    query,
    body: body === fileBody ? undefined : body,
    fileType,
    answers: [
      {
        status,
        meaning: meanings[status],
        ...(response === fileAnswer
          ? { contentType: '*/*' }
          : { contentType: 'application/json', shape: response, example: example.answer }),
      },
    ],
    problems: [...new Set([...problems, ...route.problems])],
    operating: true,
    example: fileType === undefined ? example : { ...example, body: exampleFiles[fileType] },
    moreExamples,
  };
}

function fileTypeOf(body: unknown): keyof typeof exampleFiles | undefined {
  if (!(body instanceof UploadedFile)) return undefined;
  return body.contentType === 'audio/ogg' ? 'audio/ogg' : 'text/plain';
}

const fieldsOf = (shape: z.ZodType): readonly string[] =>
  shape instanceof z.ZodObject ? Object.keys(shape.shape) : [];
