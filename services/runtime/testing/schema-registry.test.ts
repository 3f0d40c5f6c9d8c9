// Goal: the test registry answers as the published protocol says (Confluent's API reference and its
// migration guide; Redpanda's import mode), so that what passes against it means something. With
// PROSA_TEST_REGISTRY_URL the same cases run against a registry that is there, under subjects and ids
// that nobody else has.
import { randomBytes, randomInt } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type TestRegistry, startTestRegistry } from './schema-registry.ts';

const record = (...fields: readonly object[]): string => JSON.stringify({ type: 'record', name: 'Thing', fields });
const size = { name: 'size', type: 'int' };
const colour = { name: 'colour', type: ['null', 'string'], default: null };
const weight = { name: 'weight', type: 'int' };

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly body: Record<string, unknown>;
}

async function ask(url: string, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' }, body: JSON.stringify(body) }),
  });
  const answer = (await response.json()) as Record<string, unknown>;
  return { status: response.status, type: response.headers.get('content-type'), body: answer };
}

const outside = process.env['PROSA_TEST_REGISTRY_URL'];

const registries = ['the test registry', ...(outside === undefined ? [] : ['the registry at PROSA_TEST_REGISTRY_URL'])];

describe.each(registries)('%s', (name) => {
  describe('keeps the protocol', () => {
    let own: TestRegistry | undefined;
    let url = '';
    beforeAll(async () => {
      if (name === 'the test registry') own = await startTestRegistry();
      url = own?.url ?? outside ?? '';
    });
    afterAll(() => own?.close());

    const call = (method: string, path: string, body?: unknown) => ask(url, method, path, body);
    const refusal = (status: number, code: number) => ({ status, body: { error_code: code } });
    const fresh = () => `test-${randomBytes(6).toString('hex')}`;
    const freshId = () => randomInt(1_000_000, 2_000_000_000);
    /** A schema that nobody else has. */
    const unique = (...fields: readonly object[]) =>
      record({ name: `f${randomBytes(6).toString('hex')}`, type: 'int', default: 0 }, ...fields);

    test('what is registered is read by id, by version and as latest', async () => {
      const [subject, schema] = [fresh(), unique(size)];
      const { status, type, body } = await call('POST', `/subjects/${subject}/versions`, { schema });
      expect([status, type]).toEqual([200, 'application/vnd.schemaregistry.v1+json']);
      const id = Number(body['id']);
      expect(JSON.parse(String((await call('GET', `/schemas/ids/${id}`)).body['schema']))).toEqual(JSON.parse(schema));
      for (const version of ['1', 'latest'])
        expect((await call('GET', `/subjects/${subject}/versions/${version}`)).body).toMatchObject({
          subject,
          version: 1,
          id,
        });
      expect((await call('GET', `/subjects/${subject}/versions`)).body).toEqual([1]);
      expect((await call('POST', `/subjects/${subject}`, { schema })).body).toMatchObject({ subject, version: 1, id });
      expect((await call('GET', '/subjects')).body).toContain(subject);
    });

    test('the same schema again is the same version, and under another subject has the same id', async () => {
      const [subject, schema] = [fresh(), unique(size)];
      const first = await call('POST', `/subjects/${subject}/versions`, { schema });
      const again = await call('POST', `/subjects/${subject}/versions`, { schema });
      const elsewhere = await call('POST', `/subjects/${fresh()}/versions`, { schema });
      expect([again.body['id'], elsewhere.body['id']]).toEqual([first.body['id'], first.body['id']]);
      expect((await call('GET', `/subjects/${subject}/versions`)).body).toEqual([1]);
    });

    test('what is not there has its code', async () => {
      const subject = fresh();
      await call('POST', `/subjects/${subject}/versions`, { schema: unique(size) });
      expect(await call('GET', `/subjects/${fresh()}/versions`)).toMatchObject(refusal(404, 40401));
      expect(await call('GET', `/subjects/${subject}/versions/2`)).toMatchObject(refusal(404, 40402));
      expect(await call('GET', `/schemas/ids/${freshId()}`)).toMatchObject(refusal(404, 40403));
      expect(await call('POST', `/subjects/${subject}`, { schema: unique(size) })).toMatchObject(refusal(404, 40403));
      expect(await call('GET', `/config/${subject}`)).toMatchObject(refusal(404, 40408));
      expect(await call('GET', `/mode/${subject}`)).toMatchObject(refusal(404, 40409));
    });

    test('what is malformed has its code', async () => {
      const subject = fresh();
      expect(await call('POST', `/subjects/${subject}/versions`, { schema: '{"type": "no"}' })).toMatchObject(
        refusal(422, 42201),
      );
      await call('POST', `/subjects/${subject}/versions`, { schema: unique(size) });
      expect(await call('GET', `/subjects/${subject}/versions/newest`)).toMatchObject(refusal(422, 42202));
      expect(await call('PUT', `/config/${subject}`, { compatibility: 'SOME' })).toMatchObject(refusal(422, 42203));
      expect(await call('PUT', `/mode/${subject}`, { mode: 'SOME' })).toMatchObject(refusal(422, 42204));
    });

    // A field with a default may come and go both ways; one without may be dropped by readers, not added.
    const extra = { name: 'extra', type: 'int' };
    test.each([
      ['FULL_TRANSITIVE', [size, colour], true],
      ['FULL_TRANSITIVE', [size, extra], false],
      ['FULL_TRANSITIVE', [], false],
      ['BACKWARD', [], true],
      ['BACKWARD', [size, extra], false],
      ['FORWARD', [size, extra], true],
      ['FORWARD', [], false],
      ['NONE', [weight], true],
    ])('under %s, %j after one field is compatible: %s', async (compatibility, fields, compatible) => {
      const subject = fresh();
      await call('POST', `/subjects/${subject}/versions`, { schema: record(size) });
      expect((await call('PUT', `/config/${subject}`, { compatibility })).body).toEqual({ compatibility });
      expect((await call('GET', `/config/${subject}`)).body).toMatchObject({ compatibilityLevel: compatibility });
      const schema = record(...fields);
      expect((await call('POST', `/compatibility/subjects/${subject}/versions/latest`, { schema })).body).toMatchObject(
        {
          is_compatible: compatible,
        },
      );
      expect((await call('POST', `/subjects/${subject}/versions`, { schema })).status).toBe(compatible ? 200 : 409);
    });

    test('transitive levels look at all versions, the others at the last', async () => {
      const text = { name: 'colour', type: 'string', default: '' };
      for (const [compatibility, status] of [
        ['FULL', 200],
        ['FULL_TRANSITIVE', 409],
      ] as const) {
        const subject = fresh();
        await call('PUT', `/config/${subject}`, { compatibility });
        await call('POST', `/subjects/${subject}/versions`, {
          schema: record(size, { ...text, type: 'int', default: 0 }),
        });
        await call('POST', `/subjects/${subject}/versions`, { schema: record(size) });
        expect((await call('POST', `/subjects/${subject}/versions`, { schema: record(size, text) })).status).toBe(
          status,
        );
      }
    });

    test('ids and versions are given in import mode alone, and the same again is the same', async () => {
      const [subject, schema, id] = [fresh(), unique(size), freshId()];
      const given = { schema, id, version: 3 };
      expect(await call('POST', `/subjects/${subject}/versions`, given)).toMatchObject(refusal(422, 42205));
      expect((await call('PUT', `/mode/${subject}`, { mode: 'IMPORT' })).body).toEqual({ mode: 'IMPORT' });
      for (let times = 0; times < 2; times++)
        expect((await call('POST', `/subjects/${subject}/versions`, given)).body).toMatchObject({ id });
      expect((await call('GET', `/subjects/${subject}/versions/3`)).body).toMatchObject({ version: 3, id });
      // Without ids nothing is registered there, and no id is given twice.
      expect(await call('POST', `/subjects/${subject}/versions`, { schema: unique(size) })).toMatchObject(
        refusal(422, 42205),
      );
      expect(
        (await call('POST', `/subjects/${subject}/versions`, { schema: unique(size), id, version: 4 })).status,
      ).toBe(422);
      expect((await call('DELETE', `/mode/${subject}`)).body).toMatchObject({ mode: 'IMPORT' });
      expect(await call('GET', `/mode/${subject}`)).toMatchObject(refusal(404, 40409));
    });

    test('import mode checks no compatibility', async () => {
      const [subject, id] = [fresh(), freshId()];
      await call('PUT', `/config/${subject}`, { compatibility: 'FULL_TRANSITIVE' });
      await call('PUT', `/mode/${subject}`, { mode: 'IMPORT' });
      for (const [index, fields] of [[size], [weight]].entries()) {
        const body = { schema: unique(...fields), id: id + index, version: index + 1 };
        expect((await call('POST', `/subjects/${subject}/versions`, body)).status).toBe(200);
      }
      await call('DELETE', `/mode/${subject}`);
    });

    test('a subject that has versions needs force to import', async () => {
      const subject = fresh();
      await call('POST', `/subjects/${subject}/versions`, { schema: unique(size) });
      expect(await call('PUT', `/mode/${subject}`, { mode: 'IMPORT' })).toMatchObject(refusal(422, 42205));
      expect((await call('PUT', `/mode/${subject}?force=true`, { mode: 'IMPORT' })).status).toBe(200);
      await call('DELETE', `/mode/${subject}`);
    });

    test('in read-only mode nothing new is registered', async () => {
      const [subject, schema] = [fresh(), unique(size)];
      await call('POST', `/subjects/${subject}/versions`, { schema });
      await call('PUT', `/mode/${subject}`, { mode: 'READONLY' });
      expect(
        (await call('POST', `/subjects/${subject}/versions`, { schema: unique(size, colour) })).body,
      ).toMatchObject({ error_code: 42205 });
      expect((await call('GET', `/subjects/${subject}/versions/latest`)).status).toBe(200);
      await call('DELETE', `/mode/${subject}`);
    });
  });
});

describe('other kinds of registries', () => {
  const given = { schema: record(size), id: 19, version: 1 };
  const withRegistry = async (
    kind: 'fixed-modes' | 'ids-at-any-time' | 'own-ids',
    use: (url: string) => Promise<void>,
  ) => {
    const registry = await startTestRegistry({ kind, firstId: 100_001 });
    try {
      await use(registry.url);
    } finally {
      await registry.close();
    }
  };

  test('with fixed modes refuses import mode and given ids', () =>
    withRegistry('fixed-modes', async (url) => {
      expect((await ask(url, 'PUT', '/mode/s', { mode: 'IMPORT' })).body).toMatchObject({ error_code: 42205 });
      expect((await ask(url, 'POST', '/subjects/s/versions', given)).body).toMatchObject({ error_code: 42205 });
    }));

  test('as Redpanda before 25.3 has no import mode and takes ids', () =>
    withRegistry('ids-at-any-time', async (url) => {
      expect((await ask(url, 'PUT', '/mode/s', { mode: 'IMPORT' })).body).toMatchObject({ error_code: 42204 });
      expect((await ask(url, 'POST', '/subjects/s/versions', given)).body).toEqual({ id: 19 });
    }));

  test('with ids of its own knows no mode and gives the next id', () =>
    withRegistry('own-ids', async (url) => {
      expect((await ask(url, 'PUT', '/mode/s', { mode: 'IMPORT' })).status).toBe(404);
      expect((await ask(url, 'POST', '/subjects/s/versions', given)).body).toEqual({ id: 100_001 });
    }));
});
