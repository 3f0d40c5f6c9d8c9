/**
 * The released schemas in the form of Confluent's schema registry, read-only, so that stock clients
 * decode what is on the log. Served from the repository: there is nothing here that can be away.
 *
 * No key is asked for. Schemas hold no personal data, and stock clients present basic authentication
 * at most; credentials that they present are ignored. Answers and error codes are those of
 * https://docs.confluent.io/platform/current/schema-registry/develop/api.html.
 */
import type { FastifyInstance, FastifyReply } from 'fastify';

import { type ReleasedSchema, releasedSchemas } from '#schemas/codec.ts';
import { type Subject, compatibilityLevel, subjectTable } from '#schemas/subjects.ts';

const contentType = 'application/vnd.schemaregistry.v1+json';

/** Errors of the protocol; the first three digits are the status. */
const errors = {
  notFound: [404, 'HTTP 404 Not Found'],
  methodNotAllowed: [405, 'HTTP 405 Method Not Allowed: this registry is read-only'],
  subjectNotFound: [40401, 'Subject not found.'],
  versionNotFound: [40402, 'Version not found.'],
  schemaNotFound: [40403, 'Schema not found'],
  versionInvalid: [
    42202,
    'The specified version is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"',
  ],
  internal: [500, 'Internal Server Error'],
} as const satisfies Record<string, readonly [number, string]>;

/** Thrown by what looks something up. */
class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: number;

  constructor(error: keyof typeof errors) {
    const [code, message] = errors[error];
    super(message);
    this.code = code;
  }
}

/** Registers everything under `/schema-registry`. */
export function schemaRegistryRoutes(server: FastifyInstance): void {
  void server.register(
    async (scope) => {
      scope.setErrorHandler((caught, _request, reply) => refuse(reply, caught));
      // Bodies of writes are refused unread.
      scope.removeAllContentTypeParsers();
      scope.addContentTypeParser('*', (_request, payload, done) => {
        payload.resume();
        done(null);
      });
      scope.setNotFoundHandler((request, reply) => {
        const reads = request.method === 'GET' || request.method === 'HEAD';
        return refuse(reply, new Refusal(reads ? 'notFound' : 'methodNotAllowed'));
      });
      for (const [path, read] of Object.entries(answers)) {
        scope.get<{ Params: Params }>(path, (request, reply) => send(reply, 200, read(request.params)));
      }
    },
    { prefix: '/schema-registry' },
  );
}

interface Params {
  readonly id?: string;
  readonly subject?: string;
  readonly version?: string;
}

/** What is answered at each path. */
const answers: Readonly<Record<string, (params: Params) => unknown>> = {
  '/': () => ({}),
  '/mode': () => ({ mode: 'READONLY' }),
  '/config': () => ({ compatibilityLevel }),
  '/config/:subject': (params) => {
    subjectIn(params);
    return { compatibilityLevel };
  },
  '/schemas/types': () => ['AVRO'],
  '/schemas/ids/:id': (params) => ({ schema: schemaIn(params).text }),
  '/schemas/ids/:id/versions': (params) => {
    const { id } = schemaIn(params);
    return subjectTable.flatMap(({ name, versions }) =>
      versions.filter((schema) => schema.id === id).map(({ version }) => ({ subject: name, version })),
    );
  },
  '/subjects': () => subjectTable.map(({ name }) => name),
  '/subjects/:subject/versions': (params) => subjectIn(params).versions.map(({ version }) => version),
  '/subjects/:subject/versions/:version': (params) => {
    const { id, version, text } = versionIn(params);
    return { subject: params.subject, version, id, schema: text };
  },
  '/subjects/:subject/versions/:version/schema': (params) => JSON.parse(versionIn(params).text) as unknown,
};

function schemaIn({ id }: Params): ReleasedSchema {
  const found = releasedSchemas.find((schema) => String(schema.id) === id);
  if (found === undefined) throw new Refusal('schemaNotFound');
  return found;
}

function subjectIn({ subject }: Params): Subject {
  const found = subjectTable.find(({ name }) => name === subject);
  if (found === undefined) throw new Refusal('subjectNotFound');
  return found;
}

function versionIn(params: Params): ReleasedSchema {
  const { versions } = subjectIn(params);
  const { version = '' } = params;
  // -1 is the older spelling of latest.
  const latest = version === 'latest' || version === '-1';
  if (!latest && !isVersion(version)) throw new Refusal('versionInvalid');
  const found = latest ? versions.at(-1) : versions.find((schema) => schema.version === Number(version));
  if (found === undefined) throw new Refusal('versionNotFound');
  return found;
}

const isVersion = (text: string): boolean => /^[1-9]\d{0,9}$/.test(text) && Number(text) < 2 ** 31;

const refuse = (reply: FastifyReply, caught: unknown): FastifyReply => {
  const { code, message } = caught instanceof Refusal ? caught : new Refusal('internal');
  if (code === errors.methodNotAllowed[0]) reply.header('allow', 'GET, HEAD');
  return send(reply, Number(String(code).slice(0, 3)), { error_code: code, message });
};

/** Bytes, not an object: Fastify adds a character set to content types of its own making. */
const send = (reply: FastifyReply, status: number, body: unknown): FastifyReply =>
  reply
    .status(status)
    .header('content-type', contentType)
    .send(Buffer.from(JSON.stringify(body)));
