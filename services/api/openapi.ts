/**
 * The OpenAPI 3.1 document, made from descriptions of routes. Pure: the same routes give the same
 * document. Says nothing of where it is served.
 *
 * Extensions: `x-roles` (who may call; on the document: what roles are for), `x-codes` (codes of a
 * refusal), `x-problems` (all codes), `x-codeSamples`.
 */
import type { z } from 'zod';

import { errorTable } from '#runtime/errors.ts';

import manifest from '../../package.json' with { type: 'json' };
import { curlOf } from './curl.ts';
import { introduction, tagTexts } from './introduction.ts';
import type {
  JsonSchema,
  OpenApiDocument,
  OpenApiMedia,
  OpenApiOperation,
  OpenApiParameter,
  OpenApiResponse,
  Reference,
} from './openapi-types.ts';
import type { Operation, OperationAnswer } from './operation.ts';
import { type ProblemCode, operatingCodes, problem, problemTable } from './problems.ts';
import { roleMeanings, roles } from './roles.ts';
import { SchemaSet } from './schema-set.ts';

/** Makes the document. Throws when two shapes that differ have one name. */
export function openApiDocument(operations: readonly Operation[]): OpenApiDocument {
  const schemas = new SchemaSet();
  const order = Object.keys(tagTexts);
  const paths: Record<string, Record<string, OpenApiOperation>> = {};
  for (const operation of operations.toSorted((a, b) => order.indexOf(a.tag) - order.indexOf(b.tag))) {
    const path = templateOf(operation.path);
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: described(operation, schemas) };
  }
  schemas.of(problem, 'output');
  return {
    openapi: '3.1.1',
    info: { title: 'Prosa', version: manifest.version, summary: manifest.description, description: introduction },
    servers: [{ url: '/' }],
    tags: Object.entries(tagTexts).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: schemas.named(), responses: commonRefusals, headers, securitySchemes },
    'x-roles': roles.map((role) => ({ role, meaning: roleMeanings[role] })),
    'x-problems': allProblems(),
  };
}

/** `/v1/conversations/:id` → `/v1/conversations/{id}`. */
const templateOf = (path: string): string => path.replaceAll(/:(\w+)/g, '{$1}');

function described(operation: Operation, schemas: SchemaSet): OpenApiOperation {
  const { name, tag, summary, description, roles: callers, proof, body } = operation;
  const parameters = parametersOf(operation, schemas);
  const who = callers === undefined ? undefined : `Roles: ${callers.join(', ')}.`;
  return {
    operationId: name,
    tags: [tag],
    summary,
    description: [description, who].filter((text) => text !== undefined).join('\n\n'),
    security: callers !== undefined ? [{ apiKey: [] }] : proof !== undefined ? [{ [proof]: [] }] : [],
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(operation.fileType !== undefined
      ? { requestBody: { required: true, content: { '*/*': fileOf(operation) } } }
      : {}),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: schemas.of(body, 'input'), ...bodyExamples(operation) } },
          },
        }),
    responses: responsesOf(operation, schemas),
    ...(callers === undefined ? {} : { 'x-roles': callers }),
    'x-codeSamples': [{ lang: 'Shell', source: curlOf(operation) }],
  };
}

const fileOf = ({ example }: Operation): OpenApiMedia => ({ schema: { type: 'string' }, example: example.body });

/** One as `example`, several as `examples`: a media type has either. */
function bodyExamples({ summary, example, moreExamples = [] }: Operation): Pick<OpenApiMedia, 'example' | 'examples'> {
  if (moreExamples.length === 0) return { example: example.body };
  const all = [{ summary, body: example.body }, ...moreExamples];
  return { examples: Object.fromEntries(all.map((one, i) => [`${i + 1}`, { summary: one.summary, value: one.body }])) };
}

function parametersOf({ params, query, example }: Operation, schemas: SchemaSet): readonly OpenApiParameter[] {
  return [...fieldsOf(params, 'path', example.params, schemas), ...fieldsOf(query, 'query', example.query, schemas)];
}

function fieldsOf(
  shape: z.ZodType | undefined,
  place: 'path' | 'query',
  example: unknown,
  schemas: SchemaSet,
): readonly OpenApiParameter[] {
  if (shape === undefined) return [];
  const { properties = {}, required = [] } = schemas.of(shape, 'input');
  const examples = { ...(example as object | undefined) } as Readonly<Record<string, unknown>>;
  return Object.entries(properties).map(([name, field]) => {
    const { description, ...schema } = field as JsonSchema;
    return {
      name,
      in: place,
      required: required.includes(name),
      ...(description === undefined ? {} : { description }),
      schema,
      ...(examples[name] === undefined ? {} : { example: examples[name] }),
    };
  });
}

// ------------------------------------------------------------------- responses

function responsesOf(operation: Operation, schemas: SchemaSet): Record<string, OpenApiResponse | Reference> {
  const { answers, problems, operating } = operation;
  const codes = new Map<number, string[]>();
  for (const code of problems) {
    const [status] = problemTable[code];
    codes.set(status, [...(codes.get(status) ?? []), code]);
  }
  if (operating) {
    codes.set(500, ['internal', ...operatingCodes(500)]);
    codes.set(503, [...(codes.get(503) ?? []), ...operatingCodes(503)]);
  }
  const refusals = [...codes].map(([status, these]) => [status, commonOr(refusal(status, these))] as const);
  return Object.fromEntries([...answers.map((one) => [one.status, answer(one, schemas)] as const), ...refusals]);
}

function answer(
  { meaning, contentType, headers: more = [], shape, example }: OperationAnswer,
  schemas: SchemaSet,
): OpenApiResponse {
  const media: OpenApiMedia = {
    schema: shape === undefined ? { type: 'string' } : schemas.of(shape, 'output'),
    ...(example === undefined ? {} : { example }),
  };
  return {
    description: meaning,
    headers: headersNamed('X-Request-Id', ...more),
    ...(contentType === undefined ? {} : { content: { [contentType]: media } }),
  };
}

function refusal(status: number, codes: readonly string[]): OpenApiResponse {
  const [code = ''] = codes;
  const example = {
    type: `about:blank#${code}`,
    title: code,
    status,
    code,
    detail: meaningOf(code).replaceAll('`', ''),
    requestId: '4c0d2d6c-0b5c-4f0a-9f43-0d5b1c1e7a55',
  };
  const more = codes.includes('unauthorized')
    ? ['WWW-Authenticate']
    : status === 429 || status === 503
      ? ['Retry-After']
      : [];
  return {
    description: codes.map((one) => `\`${one}\`: ${meaningOf(one)}`).join('\n\n'),
    headers: headersNamed('X-Request-Id', ...more),
    content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' }, example } },
    'x-codes': codes,
  };
}

const meaningOf = (code: string): string => {
  if (code in problemTable) return problemTable[code as ProblemCode][1];
  const [, meaning] = errorTable[code as keyof typeof errorTable];
  return meaning;
};

const headersNamed = (...names: readonly string[]): Record<string, Reference> =>
  Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));

/** Refusals that most routes share, word for word. */
const commonRefusals: Readonly<Record<string, OpenApiResponse>> = {
  Unauthorized: refusal(401, ['unauthorized']),
  Forbidden: refusal(403, ['forbidden']),
  NotFound: refusal(404, ['not-found']),
  TooLarge: refusal(413, ['body-too-large']),
  UnsupportedType: refusal(415, ['content-type-unsupported']),
  Defect: refusal(500, ['internal', ...operatingCodes(500)]),
  Away: refusal(503, operatingCodes(503)),
};

function commonOr(response: OpenApiResponse): OpenApiResponse | Reference {
  const found = Object.entries(commonRefusals).find(([, common]) => common.description === response.description);
  return found === undefined ? response : { $ref: `#/components/responses/${found[0]}` };
}

const headers = {
  'X-Request-Id': { description: 'Finds the request in the logs', schema: { type: 'string' } },
  'Retry-After': { description: 'Seconds after which to try again', schema: { type: 'integer', minimum: 0 } },
  'WWW-Authenticate': { description: 'How to prove who you are', schema: { type: 'string' } },
  ETag: { description: 'Names this version, for `If-None-Match`', schema: { type: 'string' } },
} as const;

const securitySchemes = {
  apiKey: { type: 'http', scheme: 'bearer', description: 'An API key: `prosa_` and 43 characters.' },
  wahaSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Webhook-Hmac',
    description: "SHA-512 HMAC of the body as sent, in lower case hex, with the instance's secret.",
  },
  evolutionSecret: {
    type: 'http',
    scheme: 'bearer',
    description: "The instance's secret, or a JWT signed with it by HS256 that expires.",
  },
  cloudSignature: {
    type: 'apiKey',
    in: 'header',
    name: 'X-Hub-Signature-256',
    description:
      '`sha256=` and the SHA-256 HMAC of the body as sent, in lower case hex, with the secret of the Meta app.',
  },
} as const;

function allProblems(): OpenApiDocument['x-problems'] {
  const ours = Object.entries(problemTable).map(([code, [status, meaning]]) => ({ code, status, meaning }));
  const operating = ([500, 503] as const).flatMap((status) =>
    operatingCodes(status).map((code) => ({ code, status, meaning: meaningOf(code) })),
  );
  return [...ours, ...operating].sort((a, b) => a.status - b.status);
}
