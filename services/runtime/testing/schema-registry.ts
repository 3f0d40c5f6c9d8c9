/**
 * A schema registry for tests, in memory, for reading and writing. Follows the protocol as Confluent
 * publishes it (https://docs.confluent.io/platform/current/schema-registry/develop/api.html), error
 * codes included; `schema-registry.test.ts` lists what it promises.
 *
 * Owns: subjects, ids, levels and modes. Ids are global: one schema has one id under all subjects.
 *
 * Differs from real ones: Avro alone, no references, contexts or deletion of schemas; texts are kept
 * as they came; two texts are one schema when their bytes are equal.
 */
import type { AddressInfo } from 'node:net';

import avro from 'avsc';
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify';

const contentType = 'application/vnd.schemaregistry.v1+json';

/** How registries differ in what matters to ids. */
export type RegistryKind =
  /** Ids can be given in import mode only. */
  | 'confluent'
  /** The same with `mode.mutability=false`: no import mode. */
  | 'fixed-modes'
  /** As Redpanda before 25.3: no import mode, ids can be given at any time. */
  | 'ids-at-any-time'
  /** Knows neither modes nor given ids, and gives its own. */
  | 'own-ids';

/** How to run. */
export interface TestRegistryOptions {
  readonly kind?: RegistryKind;
  /** The first id that it gives by itself. Default 1. */
  readonly firstId?: number;
  /** Asked for as basic authentication. */
  readonly credentials?: { readonly user: string; readonly password: string };
}

/** A wrong answer. */
export interface RegistryFault {
  readonly status: number;
  readonly body?: string;
}

/** A running registry. */
export interface TestRegistry {
  readonly url: string;
  /** `METHOD /path` of every request, in order. */
  readonly requests: readonly string[];
  /** Answers instead of the registry where it gives something. */
  intercept: ((request: string) => RegistryFault | undefined) | undefined;
  close(): Promise<void>;
}

const levels = ['NONE', 'BACKWARD', 'BACKWARD_TRANSITIVE', 'FORWARD', 'FORWARD_TRANSITIVE', 'FULL', 'FULL_TRANSITIVE'];
const modes = ['READWRITE', 'READONLY', 'IMPORT'];

interface Version {
  readonly version: number;
  readonly id: number;
  readonly text: string;
}

class ProtocolError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

const subjectNotFound = (subject: string) => new ProtocolError(40401, `Subject '${subject}' not found.`);
const notPermitted = (message: string) => new ProtocolError(42205, message);

/** Starts a registry on the loopback. */
export async function startTestRegistry(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = new Registry(options.kind ?? 'confluent', options.firstId ?? 1);
  const server = fastify({ forceCloseConnections: true });
  const requests: string[] = [];
  const running: TestRegistry = { url: '', requests, intercept: undefined, close: () => server.close() };
  const expected =
    options.credentials &&
    `Basic ${Buffer.from(`${options.credentials.user}:${options.credentials.password}`).toString('base64')}`;

  server.addContentTypeParser(contentType, { parseAs: 'string' }, server.getDefaultJsonParser('error', 'error'));
  server.addHook('onRequest', async (request, reply) => {
    requests.push(`${request.method} ${request.url}`);
    const fault = running.intercept?.(`${request.method} ${request.url}`);
    if (fault !== undefined) return reply.status(fault.status).send(fault.body ?? '');
    if (expected !== undefined && request.headers.authorization !== expected)
      throw new ProtocolError(401, 'Unauthorized');
    return undefined;
  });
  server.setErrorHandler((caught, _request, reply) => {
    if (!(caught instanceof ProtocolError)) throw caught;
    return send(reply, Number(String(caught.code).slice(0, 3)), { error_code: caught.code, message: caught.message });
  });
  server.setNotFoundHandler((_request, reply) => send(reply, 404, { error_code: 404, message: 'HTTP 404 Not Found' }));
  for (const [route, answer] of Object.entries(registry.routes)) {
    const [method = '', url = ''] = route.split(' ');
    server.route({ method, url, handler: (request, reply) => send(reply, 200, answer(inputOf(request))) });
  }
  await server.listen({ host: '127.0.0.1', port: 0 });
  return Object.assign(running, { url: `http://127.0.0.1:${(server.server.address() as AddressInfo).port}` });
}

interface Input {
  readonly subject: string;
  readonly version: string;
  readonly id: string;
  readonly query: Readonly<Record<string, string | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}

const inputOf = ({ params, query, body }: FastifyRequest): Input => ({
  subject: '',
  version: '',
  id: '',
  ...(params as object),
  query: query as Input['query'],
  body: (body ?? {}) as Input['body'],
});

const send = (reply: FastifyReply, status: number, body: unknown) =>
  reply
    .status(status)
    .header('content-type', contentType)
    .send(Buffer.from(JSON.stringify(body)));

class Registry {
  readonly #kind: RegistryKind;
  #nextId: number;
  readonly #subjects = new Map<string, Version[]>();
  readonly #texts = new Map<number, string>();
  /** Under '': of the whole registry. */
  readonly #levels = new Map([['', 'BACKWARD']]);
  readonly #modes = new Map([['', 'READWRITE']]);

  constructor(kind: RegistryKind, firstId: number) {
    this.#kind = kind;
    this.#nextId = firstId;
  }

  get routes(): Readonly<Record<string, (input: Input) => unknown>> {
    return {
      'GET /subjects': () => [...this.#subjects.keys()],
      'GET /subjects/:subject/versions': ({ subject }) => this.#versions(subject).map(({ version }) => version),
      'GET /subjects/:subject/versions/:version': ({ subject, version }) => {
        const found = this.#version(subject, version);
        return { subject, version: found.version, id: found.id, schema: found.text };
      },
      'POST /subjects/:subject': ({ subject, body }) => this.#lookUp(subject, textIn(body)),
      'POST /subjects/:subject/versions': ({ subject, body }) => ({ id: this.#register(subject, body) }),
      'GET /schemas/ids/:id': ({ id }) => {
        const schema = this.#texts.get(Number(id));
        if (schema === undefined) throw new ProtocolError(40403, `Schema ${id} not found`);
        return { schema };
      },
      'POST /compatibility/subjects/:subject/versions/:version': ({ subject, version, body }) => {
        const text = textIn(body);
        const known = this.#subjects.get(subject);
        // Confluent finds anything compatible with nothing.
        if (known === undefined && version === 'latest') return { is_compatible: true };
        return { is_compatible: this.#goesWith(subject, text, [this.#version(subject, version)]) };
      },
      ...this.#levelRoutes,
      ...(this.#kind === 'own-ids' ? {} : this.#modeRoutes),
    };
  }

  get #levelRoutes(): Readonly<Record<string, (input: Input) => unknown>> {
    const put = ({ subject, body }: Input) => {
      const level = String(body['compatibility']).toUpperCase();
      if (!levels.includes(level)) throw new ProtocolError(42203, 'Invalid compatibility level');
      this.#levels.set(subject, level);
      return { compatibility: level };
    };
    return {
      'GET /config': () => ({ compatibilityLevel: this.#levels.get('') }),
      'PUT /config': put,
      'GET /config/:subject': ({ subject, query }) => {
        const level =
          this.#levels.get(subject) ?? (query['defaultToGlobal'] === 'true' ? this.#levels.get('') : undefined);
        if (level !== undefined) return { compatibilityLevel: level };
        throw new ProtocolError(40408, `Subject '${subject}' does not have subject-level compatibility configured`);
      },
      'PUT /config/:subject': put,
    };
  }

  get #modeRoutes(): Readonly<Record<string, (input: Input) => unknown>> {
    const none = (subject: string) =>
      new ProtocolError(40409, `Subject '${subject}' does not have subject-level mode configured`);
    const put = ({ subject, body, query }: Input) => {
      const mode = String(body['mode']).toUpperCase();
      if (!modes.includes(mode) || (mode === 'IMPORT' && this.#kind === 'ids-at-any-time'))
        throw new ProtocolError(42204, 'Invalid mode');
      if (this.#kind === 'fixed-modes') throw notPermitted('Mode changes are not allowed');
      const occupied = subject === '' ? this.#subjects.size > 0 : this.#subjects.has(subject);
      if (mode === 'IMPORT' && this.#modeOf(subject) !== 'IMPORT' && query['force'] !== 'true' && occupied)
        throw notPermitted('Cannot import since found existing subjects');
      this.#modes.set(subject, mode);
      return { mode };
    };
    return {
      'GET /mode': () => ({ mode: this.#modes.get('') }),
      'PUT /mode': put,
      'GET /mode/:subject': ({ subject, query }) => {
        const mode = query['defaultToGlobal'] === 'true' ? this.#modeOf(subject) : this.#modes.get(subject);
        if (mode === undefined) throw none(subject);
        return { mode };
      },
      'PUT /mode/:subject': put,
      'DELETE /mode/:subject': ({ subject }) => {
        const mode = this.#modes.get(subject);
        if (mode === undefined) throw subjectNotFound(subject);
        this.#modes.delete(subject);
        return { mode };
      },
    };
  }

  #modeOf(subject: string): string {
    return this.#modes.get(subject) ?? this.#modes.get('') ?? 'READWRITE';
  }

  #versions(subject: string): readonly Version[] {
    const found = this.#subjects.get(subject);
    if (found === undefined) throw subjectNotFound(subject);
    return found;
  }

  #version(subject: string, version: string): Version {
    const all = this.#versions(subject);
    const latest = version === 'latest' || version === '-1';
    if (!latest && !/^[1-9]\d*$/.test(version)) {
      throw new ProtocolError(
        42202,
        `The specified version '${version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"`,
      );
    }
    const found = latest ? all.at(-1) : all.find((one) => one.version === Number(version));
    if (found === undefined) throw new ProtocolError(40402, `Version ${version} not found.`);
    return found;
  }

  #lookUp(subject: string, text: string): unknown {
    const found = this.#versions(subject).find((one) => one.text === text);
    if (found === undefined) throw new ProtocolError(40403, 'Schema not found');
    return { subject, version: found.version, id: found.id, schema: found.text };
  }

  #register(subject: string, body: Input['body']): number {
    const text = textIn(body);
    const given = this.#kind === 'own-ids' ? {} : { id: numberIn(body, 'id'), version: numberIn(body, 'version') };
    const known = this.#subjects.get(subject) ?? [];
    const same = known.find((one) => one.text === text);
    // What is there already is answered in every mode.
    if (same !== undefined && (given.id === undefined || given.id === same.id)) return same.id;
    this.#checkMode(subject, given.id !== undefined || given.version !== undefined);
    if (this.#modeOf(subject) !== 'IMPORT' && !this.#goesWith(subject, text, known)) {
      throw new ProtocolError(
        409,
        `Schema being registered is incompatible with an earlier schema for subject "${subject}"`,
      );
    }
    const id = this.#idFor(text, given.id);
    const version = given.version ?? (known.at(-1)?.version ?? 0) + 1;
    if (known.some((one) => one.version === version))
      throw notPermitted(`Overwrite new schema with version ${version} is not permitted.`);
    this.#texts.set(id, text);
    const entry = { version, id, text };
    this.#subjects.set(
      subject,
      [...known, entry].sort((one, other) => one.version - other.version),
    );
    return id;
  }

  #checkMode(subject: string, given: boolean): void {
    const mode = this.#modeOf(subject);
    if (mode === 'READONLY') throw notPermitted(`Subject ${subject} is in read-only mode`);
    if (this.#kind === 'ids-at-any-time') return;
    if (given && mode !== 'IMPORT') throw notPermitted(`Subject ${subject} is not in import mode`);
    if (!given && mode !== 'READWRITE') throw notPermitted(`Subject ${subject} is not in read-write mode`);
  }

  #idFor(text: string, given: number | undefined): number {
    if (given === undefined) {
      for (const [id, known] of this.#texts) if (known === text) return id;
      while (this.#texts.has(this.#nextId)) this.#nextId++;
      return this.#nextId;
    }
    const holder = this.#texts.get(given);
    if (holder !== undefined && holder !== text)
      throw notPermitted(`Overwrite new schema with id ${given} is not permitted.`);
    return given;
  }

  /** By the level of the subject; levels that are not transitive look at the last version alone. */
  #goesWith(subject: string, text: string, versions: readonly Version[]): boolean {
    const level = this.#levels.get(subject) ?? this.#levels.get('') ?? 'NONE';
    const against = level.endsWith('_TRANSITIVE') ? versions : versions.slice(-1);
    return against.every(
      (one) =>
        (!/^(BACKWARD|FULL)/.test(level) || reads(text, one.text)) &&
        (!/^(FORWARD|FULL)/.test(level) || reads(one.text, text)),
    );
  }
}

const parsed = (text: string): avro.Type => avro.Type.forSchema(JSON.parse(text) as avro.Schema);

/** Whether a reader with one schema understands what was written with the other. */
function reads(reader: string, writer: string): boolean {
  try {
    parsed(reader).createResolver(parsed(writer));
    return true;
  } catch {
    return false;
  }
}

function textIn(body: Input['body']): string {
  const text = body['schema'];
  try {
    if (typeof text !== 'string') throw new Error('no text');
    parsed(text);
    return text;
  } catch {
    throw new ProtocolError(42201, 'Invalid schema');
  }
}

const numberIn = (body: Input['body'], field: string): number | undefined =>
  typeof body[field] === 'number' && body[field] > 0 ? body[field] : undefined;
