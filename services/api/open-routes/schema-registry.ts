/** The schema registry as the documents describe it; it is served by `../schema-registry.ts`. */
import { z } from 'zod';

import { compatibilityLevel, subjectTable } from '#schemas/subjects.ts';
import { topics } from '#schemas/topics.ts';

import type { Operation, OperationAnswer } from '../operation.ts';

const contentType = 'application/vnd.schemaregistry.v1+json';

/** The subject that analysts read first. */
const shown = subjectTable.find(({ name }) => name.startsWith(topics.audit));
const subject = shown?.name ?? '';
const { id = 0, version = 1, text = '{}' } = shown?.versions.at(-1) ?? {};

const fields = {
  id: z.string().describe('Id of a schema, as records carry it'),
  subject: z.string().describe('Topic and record name'),
  version: z.string().describe('A number, or `latest`'),
};

const registryError = z
  .object({ error_code: z.number().int(), message: z.string() })
  .meta({ id: 'RegistryError', description: "A refusal in the registry's own form." });

const refused = (status: 404 | 422, code: number, message: string): OperationAnswer => ({
  status,
  meaning: message,
  contentType,
  shape: registryError,
  example: { error_code: code, message },
});

const unknownSchema = refused(404, 40_403, 'Schema not found');
const unknownSubject = refused(404, 40_401, 'Subject not found.');
const invalidVersion = refused(
  422,
  42_202,
  'The specified version is not a valid version id. Allowed values are between [1, 2^31-1] and the string "latest"',
);

interface Given {
  readonly params?: { readonly id?: string; readonly subject?: string; readonly version?: string };
  readonly shape: z.ZodType;
  readonly answer: unknown;
  readonly refusals?: readonly OperationAnswer[];
}

const reads = (name: string, path: string, summary: string, given: Given): Operation => {
  const { params = {}, shape, answer, refusals = [] } = given;
  const wanted = Object.keys(params) as (keyof typeof fields)[];
  return {
    name: `schema-registry.${name}`,
    tag: 'schema-registry',
    method: 'GET',
    path: `/schema-registry${path}`,
    summary,
    roles: undefined,
    params: z.strictObject(Object.fromEntries(wanted.map((field) => [field, fields[field]]))),
    answers: [{ status: 200, meaning: 'Found.', contentType, shape, example: answer }, ...refusals],
    problems: [],
    operating: false,
    example: { params },
  };
};

const level = z.object({ compatibilityLevel: z.string() });
const ofVersion = { subject, version: 'latest' };

/** The registry, read-only. */
export const schemaRegistryOperations: readonly Operation[] = [
  reads('root', '', 'Whether there is a registry', { shape: z.strictObject({}), answer: {} }),
  reads('mode', '/mode', 'Its mode', { shape: z.object({ mode: z.string() }), answer: { mode: 'READONLY' } }),
  reads('config', '/config', 'What evolution of schemas keeps', { shape: level, answer: { compatibilityLevel } }),
  reads('subject-config', '/config/:subject', 'What evolution of a subject keeps', {
    params: { subject },
    shape: level,
    answer: { compatibilityLevel },
    refusals: [unknownSubject],
  }),
  reads('types', '/schemas/types', 'Kinds of schemas', { shape: z.array(z.string()), answer: ['AVRO'] }),
  reads('schema', '/schemas/ids/:id', 'A schema by its id', {
    params: { id: String(id) },
    shape: z.object({ schema: z.string().describe('Avro, as JSON text') }),
    answer: { schema: text },
    refusals: [unknownSchema],
  }),
  reads('schema-versions', '/schemas/ids/:id/versions', 'Where a schema is used', {
    params: { id: String(id) },
    shape: z.array(z.object({ subject: z.string(), version: z.number().int() })),
    answer: [{ subject, version }],
    refusals: [unknownSchema],
  }),
  reads('subjects', '/subjects', 'All subjects', { shape: z.array(z.string()), answer: [subject] }),
  reads('versions', '/subjects/:subject/versions', 'Versions of a subject', {
    params: { subject },
    shape: z.array(z.number().int()),
    answer: [version],
    refusals: [unknownSubject],
  }),
  reads('version', '/subjects/:subject/versions/:version', 'A version of a subject', {
    params: ofVersion,
    shape: z.object({ subject: z.string(), version: z.number().int(), id: z.number().int(), schema: z.string() }),
    answer: { subject, version, id, schema: text },
    refusals: [unknownSubject, invalidVersion],
  }),
  reads('version-schema', '/subjects/:subject/versions/:version/schema', 'The schema of a version', {
    params: ofVersion,
    shape: z.looseObject({ type: z.string(), name: z.string() }),
    answer: JSON.parse(text),
    refusals: [unknownSubject, invalidVersion],
  }),
];
