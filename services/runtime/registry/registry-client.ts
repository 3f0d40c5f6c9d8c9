/**
 * The part of Confluent's schema registry protocol that set-up needs, for the registries of Confluent
 * and Redpanda (https://docs.confluent.io/platform/current/schema-registry/develop/api.html).
 *
 * Every method throws `registry.unavailable` when nobody answers in time or the answer is a failure of
 * the registry's own, and `registry.refused` when it is not one that the protocol knows. Messages name
 * host and path, never the credentials of the URL.
 */
import { z } from 'zod';

import { OperatingError } from '../errors.ts';

/** Patience with one request. */
const requestMsMax = 10_000;
/** A schema may be as long as registries take; no other answer is longer. */
const answerBytesMax = 1_048_576;

const mediaType = 'application/vnd.schemaregistry.v1+json';

/** One version of a subject, as the registry has it. */
export interface RegisteredSchema {
  readonly id: number;
  readonly version: number;
  /** Empty when it is no Avro schema. */
  readonly text: string;
}

/** What is asked of a registry. */
export interface RegistryClient {
  /** Versions of a subject, ascending; none when there is no such subject. */
  versionsOf(subject: string): Promise<readonly number[]>;
  version(subject: string, version: number): Promise<RegisteredSchema>;
  /** The schema with this id; undefined when the id is free. */
  schemaWithId(id: number): Promise<string | undefined>;
  /** Whether a schema goes with a version, by the compatibility level in force. */
  goesWith(subject: string, version: number, text: string): Promise<boolean>;
  /** The subject's own compatibility level; undefined when it has none. */
  compatibilityOf(subject: string): Promise<string | undefined>;
  setCompatibility(subject: string, level: string): Promise<void>;
  /** The subject's own mode, or that of the whole registry; undefined when there is none. */
  modeOf(subject?: string): Promise<string | undefined>;
  /** Sets the subject's own mode, or removes it. False when the registry does not do that. */
  setMode(subject: string, mode: string | undefined): Promise<boolean>;
  /**
   * Registers a schema under a given id and version. Gives the id that it has then, or why it was not
   * taken. The same again is the same. Only in import mode does the protocol promise to obey.
   */
  register(subject: string, schema: RegisteredSchema): Promise<number | Refusal>;
}

/** An answer of the protocol that is no success. */
export interface Refusal {
  readonly status: number;
  /** The protocol's code. Some registries repeat the status. */
  readonly code: number;
}

const versions = z.array(z.int().positive());
const registered = z.object({
  id: z.int(),
  version: z.int(),
  schema: z.string(),
  schemaType: z.string().optional(),
});
const schemaText = z.object({ schema: z.string(), schemaType: z.string().optional() });
const compatibility = z.object({ is_compatible: z.boolean() });
// Confluent answers a request with the one word, a question with the other.
const level = z.object({ compatibilityLevel: z.string() });
const mode = z.object({ mode: z.string() });
const anyAnswer = z.unknown();
const givenId = z.object({ id: z.int() });
const refusal = z.object({ error_code: z.int() });

const avroText = (answer: { readonly schema: string; readonly schemaType?: string | undefined }): string =>
  (answer.schemaType ?? 'AVRO') === 'AVRO' ? answer.schema : '';

/** The registry at a URL, which may hold user and password and a path. Asks nothing yet. Throws `config.invalid`. */
export function openRegistry(url: string): RegistryClient {
  const connection = connectionOf(url);
  const ask = <T>(shape: z.ZodType<T>, method: Method, path: string, body?: unknown) =>
    call(connection, shape, method, path, body);
  const of = (subject: string) => encodeURIComponent(subject);

  return {
    async versionsOf(subject) {
      const answer = await ask(versions, 'GET', `subjects/${of(subject)}/versions`);
      return absent(answer) ? [] : done(answer).toSorted((one, other) => one - other);
    },
    async version(subject, version) {
      const answer = done(await ask(registered, 'GET', `subjects/${of(subject)}/versions/${version}`));
      return { id: answer.id, version: answer.version, text: avroText(answer) };
    },
    async schemaWithId(id) {
      const answer = await ask(schemaText, 'GET', `schemas/ids/${id}`);
      return absent(answer) ? undefined : avroText(done(answer));
    },
    async goesWith(subject, version, text) {
      const path = `compatibility/subjects/${of(subject)}/versions/${version}`;
      return done(await ask(compatibility, 'POST', path, { schema: text })).is_compatible;
    },
    async compatibilityOf(subject) {
      const answer = await ask(level, 'GET', `config/${of(subject)}`);
      return absent(answer) ? undefined : done(answer).compatibilityLevel;
    },
    async setCompatibility(subject, to) {
      done(await ask(anyAnswer, 'PUT', `config/${of(subject)}`, { compatibility: to }));
    },
    async modeOf(subject) {
      const answer = await ask(mode, 'GET', subject === undefined ? 'mode' : `mode/${of(subject)}`);
      return absent(answer) ? undefined : done(answer).mode;
    },
    async setMode(subject, to) {
      // Without force, import mode is for empty subjects, and removes what was deleted softly.
      const answer =
        to === undefined
          ? await ask(anyAnswer, 'DELETE', `mode/${of(subject)}`)
          : await ask(anyAnswer, 'PUT', `mode/${of(subject)}?force=true`, { mode: to });
      if (answer.kind === 'answer') return true;
      if (absent(answer) || answer.status === 405 || answer.status === 422) return false;
      return refused(answer);
    },
    async register(subject, { id, version, text }) {
      const answer = await ask(givenId, 'POST', `subjects/${of(subject)}/versions`, { schema: text, id, version });
      if (answer.kind === 'answer') return answer.value.id;
      return answer.status === 409 || answer.status === 422 ? answer : refused(answer);
    },
  };
}

// ----------------------------------------------------------------- requests

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

type Outcome<T> =
  { readonly kind: 'answer'; readonly value: T } | ({ readonly kind: 'refusal'; readonly where: string } & Refusal);

/** There is no such thing. */
const absent = (outcome: Outcome<unknown>): boolean => outcome.kind === 'refusal' && outcome.status === 404;

function done<T>(outcome: Outcome<T>): T {
  return outcome.kind === 'answer' ? outcome.value : refused(outcome);
}

function refused(outcome: Outcome<unknown>): never {
  if (outcome.kind === 'answer') throw new Error('an answer is no refusal');
  throw new OperatingError('registry.refused', `(${outcome.where}: ${outcome.status}, code ${outcome.code})`);
}

interface Connection {
  /** Ends with a slash. */
  readonly base: string;
  readonly authorization: string | undefined;
}

function connectionOf(text: string): Connection {
  try {
    const url = new URL(text);
    const [user, password] = [decodeURIComponent(url.username), decodeURIComponent(url.password)];
    return {
      base: `${url.protocol}//${url.host}${url.pathname.replace(/\/*$/, '/')}`,
      authorization: user === '' ? undefined : `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
    };
  } catch {
    // The error of the parser repeats its input.
    throw new OperatingError('config.invalid', 'SCHEMA_REGISTRY_URL is not a URL');
  }
}

async function call<T>(
  { base, authorization }: Connection,
  shape: z.ZodType<T>,
  method: Method,
  path: string,
  body: unknown,
): Promise<Outcome<T>> {
  const where = `${method} ${base}${path}`;
  const { status, text } = await exchange(where, `${base}${path}`, {
    method,
    headers: {
      accept: `${mediaType}, application/json`,
      ...(body === undefined ? {} : { 'content-type': mediaType }),
      ...(authorization === undefined ? {} : { authorization }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    redirect: 'manual',
  });
  if (status >= 500 || status === 408 || status === 429) {
    throw new OperatingError('registry.unavailable', `(${where}: ${status})`);
  }
  const success = status >= 200 && status < 300;
  const value = shape.safeParse(jsonOf(text));
  if (success && value.success) return { kind: 'answer', value: value.data };
  if (success) throw new OperatingError('registry.refused', `(${where}: ${status} with another body)`);
  const { data } = refusal.safeParse(jsonOf(text));
  return { kind: 'refusal', where, status, code: data?.error_code ?? status };
}

/** One request and its whole answer, in bounded time and memory. */
async function exchange(
  where: string,
  url: string,
  request: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(url, { ...request, signal: AbortSignal.timeout(requestMsMax) });
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > answerBytesMax) throw new OperatingError('registry.refused', `(${where}: the answer is too large)`);
      chunks.push(chunk);
    }
    return { status: response.status, text: Buffer.concat(chunks).toString('utf8') };
  } catch (caught) {
    if (caught instanceof OperatingError) throw caught;
    throw new OperatingError('registry.unavailable', `(${where})`, caught);
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
