// Goal: what a stock client asks of a schema registry is answered as the protocol says, without a key,
// and nothing can be written. That real clients understand it is shown in services/analysts.broker.test.ts.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { createHttpServer } from '#runtime/http.ts';
import { createLogger } from '#runtime/logger.ts';
import { decodeRecord, encodeRecord, parse, releasedSchemas } from '#schemas/codec.ts';
import { readSample } from '#schemas/samples.ts';
import { subjectTable } from '#schemas/subjects.ts';
import { topics } from '#schemas/topics.ts';

import { schemaRegistryRoutes } from './schema-registry.ts';

const server = createHttpServer({ logger: createLogger('silent'), bodyBytesMax: 1_024 });
const audit = encodeURIComponent(`${topics.audit}-prosa.AuditRecorded`);

beforeAll(async () => {
  schemaRegistryRoutes(server);
  await server.ready();
});
afterAll(() => server.close());

const get = async (path: string, headers: Record<string, string> = {}) => {
  const answer = await server.inject({ method: 'GET', url: `/schema-registry${path}`, headers });
  return { status: answer.statusCode, type: answer.headers['content-type'], body: answer.json<unknown>() };
};

describe('reading', () => {
  test.each(releasedSchemas.map((schema) => [schema.id, schema] as const))(
    'the schema with id %i decodes the records that carry it',
    async (id, schema) => {
      const { status, type, body } = await get(`/schemas/ids/${id}`);
      expect([status, type]).toEqual([200, 'application/vnd.schemaregistry.v1+json']);
      const sample = Buffer.from(readSample(schema)?.value ?? '', 'hex');
      const served = parse((body as { schema: string }).schema);
      expect(
        encodeRecord({ ...(served.fromBuffer(sample.subarray(5)) as object), type: schema.type } as never),
      ).toEqual(encodeRecord(decodeRecord(sample)));
    },
  );

  test('subjects, their versions, and a version by number and as latest', async () => {
    expect((await get('/subjects')).body).toEqual(subjectTable.map(({ name }) => name));
    const { versions = [] } = subjectTable.find(({ name }) => encodeURIComponent(name) === audit) ?? {};
    expect((await get(`/subjects/${audit}/versions`)).body).toEqual(versions.map(({ version }) => version));
    const latest = versions.at(-1);
    const expected = {
      subject: decodeURIComponent(audit),
      version: latest?.version,
      id: latest?.id,
      schema: latest?.text,
    };
    for (const version of ['latest', '-1', String(latest?.version)])
      expect((await get(`/subjects/${audit}/versions/${version}`)).body).toEqual(expected);
    expect((await get(`/subjects/${audit}/versions/latest/schema`)).body).toEqual(JSON.parse(latest?.text ?? ''));
  });

  test('where an id is used: the parked one on every parked topic', async () => {
    const parked = releasedSchemas.find(({ type }) => type === 'record.parked');
    expect((await get(`/schemas/ids/${parked?.id ?? 0}/versions`)).body).toHaveLength(Object.keys(topics).length);
  });

  test('what it is: Avro, fully compatible, read-only', async () => {
    expect((await get('/')).body).toEqual({});
    expect((await get('/schemas/types')).body).toEqual(['AVRO']);
    expect((await get('/mode')).body).toEqual({ mode: 'READONLY' });
    for (const path of ['/config', `/config/${audit}`])
      expect((await get(path)).body).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
  });

  test('with the headers and credentials of a stock client, and its query', async () => {
    const { status } = await get('/schemas/ids/1?fetchMaxId=false&subject=x', {
      accept: 'application/vnd.schemaregistry.v1+json, application/vnd.schemaregistry+json, application/json',
      authorization: 'Basic YW5hbHlzdDpzZWNyZXQ=',
    });
    expect(status).toBe(200);
  });
});

describe('what is not there', () => {
  test.each([
    ['an id', '/schemas/ids/4711', 404, 40403],
    ['an id that is none', '/schemas/ids/one', 404, 40403],
    ['a subject', '/subjects/nobody/versions', 404, 40401],
    ['a version of no subject', '/subjects/nobody/versions/1', 404, 40401],
    ['the configuration of no subject', '/config/nobody', 404, 40401],
    ['a version', `/subjects/${audit}/versions/99`, 404, 40402],
    ['version 0', `/subjects/${audit}/versions/0`, 422, 42202],
    ['a version beyond all', `/subjects/${audit}/versions/2147483648`, 422, 42202],
    ['a version that is none', `/subjects/${audit}/versions/newest`, 422, 42202],
    ['a path', '/exporters', 404, 404],
  ])('%s', async (_, path, status, code) => {
    const answer = await get(path);
    expect(answer).toMatchObject({ status, type: 'application/vnd.schemaregistry.v1+json' });
    expect(answer.body).toEqual({ error_code: code, message: expect.any(String) as string });
  });

  test('a way to write', async () => {
    for (const [method, path] of [
      ['POST', `/subjects/${audit}/versions`],
      ['PUT', `/config/${audit}`],
      ['DELETE', `/subjects/${audit}`],
    ] as const) {
      const answer = await server.inject({
        method,
        url: `/schema-registry${path}`,
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        ...(method === 'DELETE' ? {} : { payload: '{"schema": "\\"string\\""}' }),
      });
      expect(answer.statusCode, method).toBe(405);
      expect(answer.headers.allow).toBe('GET, HEAD');
      expect(answer.json()).toMatchObject({ error_code: 405 });
    }
  });
});
