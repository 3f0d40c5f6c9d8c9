/**
 * Holds answers to the OpenAPI document: status, content type, headers, code and body. Answers are
 * held to the fields that are documented and no other, though the document lets them gain some.
 */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

import type { Method } from '../route.ts';
import type { OpenApiDocument, OpenApiOperation, OpenApiResponse, Reference } from '../openapi-types.ts';

/** An operation with where it is. */
export interface Documented {
  readonly method: Method;
  /** With `{…}` for parameters. */
  readonly path: string;
  readonly operation: OpenApiOperation;
}

/** All of a document. */
export const operationsOf = (document: OpenApiDocument): readonly Documented[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase() as Method,
      path,
      operation,
    })),
  );

/** What is looked at of an answer. */
export interface Seen {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

/** Checks against one document. */
export interface DocumentCheck {
  /** What is wrong with an answer; empty when it is as documented. */
  faultsOf(documented: Documented, seen: Seen): readonly string[];
  /** What is wrong with a value that stands beside a schema of the document; `pointer` is JSON Pointer's. */
  valueFaults(pointer: string, value: unknown): readonly string[];
}

/** Opens the check. */
export function openDocumentCheck(document: OpenApiDocument): DocumentCheck {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  addFormats.default(ajv);
  ajv.addSchema(closed(document), 'document');
  const compiled = new Map<string, ValidateFunction>();

  const valueFaults = (pointer: string, value: unknown): readonly string[] => {
    const validate = compiled.get(pointer) ?? ajv.compile({ $ref: `document#${pointer}` });
    compiled.set(pointer, validate);
    if (validate(value)) return [];
    return (validate.errors ?? []).map((error) => `${pointer} ${error.instancePath} ${error.message ?? ''}`);
  };

  return {
    valueFaults,
    faultsOf({ method, path, operation }, { status, headers, text }) {
      const given = operation.responses[String(status)];
      if (given === undefined) return [`${operation.operationId}: ${status} is not documented; ${text}`];
      const [response, at] = resolved(
        document,
        given,
        `/paths/${escaped(path)}/${method.toLowerCase()}/responses/${status}`,
      );
      const missing = Object.keys(response.headers ?? {}).filter((name) => headers[name.toLowerCase()] === undefined);
      const faults = missing.map((name) => `${operation.operationId} ${status}: no header ${name}`);
      const [type] = Object.keys(response.content ?? {});
      if (type === undefined) return text === '' ? faults : [...faults, `${operation.operationId} ${status}: a body`];
      const sent = String(headers['content-type']).split(';')[0] ?? '';
      if (sent !== type && type !== '*/*')
        return [...faults, `${operation.operationId} ${status}: content type ${sent}`];
      const body: unknown = type.endsWith('json') ? JSON.parse(text) : text;
      const codes = response['x-codes'];
      const { code } = (codes === undefined ? {} : body) as { readonly code?: string };
      if (code !== undefined && codes?.includes(code) !== true)
        faults.push(`${operation.operationId} ${status}: code ${code} is not documented`);
      return [...faults, ...valueFaults(`${at}/content/${escaped(type)}/schema`, body)];
    },
  };
}

/** One part of a JSON Pointer, inside the fragment of a URI. */
export const escaped = (part: string): string => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1'));

function resolved(
  document: OpenApiDocument,
  given: OpenApiResponse | Reference,
  at: string,
): readonly [OpenApiResponse, string] {
  if (!('$ref' in given)) return [given, at];
  const name = given.$ref.split('/').at(-1) ?? '';
  const response = document.components.responses[name];
  if (response === undefined) throw new Error(`${given.$ref} leads nowhere`);
  return [response, `/components/responses/${name}`];
}

/** The same with every object closed that does not say that it is open. */
const closed = (document: OpenApiDocument): object =>
  JSON.parse(JSON.stringify(document), (_, value: unknown) => {
    const isObject = typeof value === 'object' && value !== null && 'properties' in value && 'type' in value;
    return isObject && value.type === 'object' ? { additionalProperties: false, ...value } : value;
  }) as object;
