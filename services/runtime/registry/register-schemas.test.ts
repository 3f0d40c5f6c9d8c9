// Goal: after set-up a registry has what the repository has, under the same ids, or set-up refuses and
// says why; and nothing asks the registry afterwards. Method: a registry in memory that follows the
// published protocol, of each kind, and made to misbehave.
import { readFileSync, readdirSync } from 'node:fs';

import { afterEach, describe, expect, test } from 'vitest';

import { decodeRecord, encodeRecord, releasedSchemas } from '#schemas/codec.ts';
import { readSample } from '#schemas/samples.ts';
import { type Subject, subjectTable } from '#schemas/subjects.ts';

import { OperatingError } from '../errors.ts';
import { type TestRegistry, type TestRegistryOptions, startTestRegistry } from '../testing/schema-registry.ts';
import { registerSchemas } from './register-schemas.ts';

const all = subjectTable.reduce((sum, { versions }) => sum + versions.length, 0);
const [audit] = subjectTable.filter(({ name }) => name.endsWith('AuditRecorded'));
if (audit === undefined) throw new Error('there is no audit subject');
const path = `/subjects/${encodeURIComponent(audit.name)}/versions`;
const ours = audit.versions.at(-1);
if (ours === undefined) throw new Error('nothing was released');

const running: TestRegistry[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((registry) => registry.close()));
});

async function open(options: TestRegistryOptions = {}): Promise<TestRegistry> {
  const registry = await startTestRegistry(options);
  running.push(registry);
  return registry;
}

async function call(registry: TestRegistry, method: string, at: string, body?: unknown): Promise<unknown> {
  const response = await fetch(`${registry.url}${at}`, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  return response.json();
}

/** The schema with another field. */
const withField = (field: object): string => {
  const schema = JSON.parse(ours.text) as { fields: object[] };
  return JSON.stringify({ ...schema, fields: [...schema.fields, field] });
};
const compatible = withField({ name: 'added', type: ['null', 'string'], default: null });
const incompatible = withField({ name: 'added', type: 'string' });
const nextId = Math.max(...releasedSchemas.map(({ id }) => id)) + 1;
/** The audit subject with a second version. */
const grown: Subject = {
  ...audit,
  versions: [...audit.versions, { ...ours, id: nextId, version: ours.version + 1, text: compatible }],
};

const failure = async (work: Promise<unknown>): Promise<OperatingError> => {
  const caught: unknown = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (caught instanceof OperatingError) return caught;
  throw new Error('this was to fail with an operating error', { cause: caught });
};
const writes = (registry: TestRegistry) =>
  registry.requests.filter((request) => /^(POST \/subjects|PUT|DELETE)/.test(request));

describe('an empty registry', () => {
  test('gets every version of every subject under the ids of the repository, and no other', async () => {
    const registry = await open({ firstId: 500 });
    expect(await registerSchemas({ url: registry.url })).toEqual({ registered: all, verified: all });
    expect(await call(registry, 'GET', '/subjects')).toEqual(subjectTable.map(({ name }) => name));
    for (const { name, versions } of subjectTable) {
      const subject = encodeURIComponent(name);
      expect(await call(registry, 'GET', `/subjects/${subject}/versions`)).toEqual(
        versions.map(({ version }) => version),
      );
      expect(await call(registry, 'GET', `/config/${subject}`)).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
      // Import mode is over.
      expect(await call(registry, 'GET', `/mode/${subject}`)).toMatchObject({ error_code: 40409 });
    }
    for (const { id, text } of releasedSchemas)
      expect(await call(registry, 'GET', `/schemas/ids/${id}`)).toEqual({ schema: text });
  });

  test.each(['ids-at-any-time', 'own-ids'] as const)('also when it is of the kind %s and starts at 1', async (kind) => {
    const registry = await open({ kind });
    expect(await registerSchemas({ url: registry.url })).toEqual({ registered: all, verified: all });
  });

  test('behind a path, a user and a password', async () => {
    const registry = await open({ credentials: { user: 'prosa', password: 'p@ss/wörd' } });
    const url = new URL(registry.url);
    url.username = 'prosa';
    url.password = 'p@ss/wörd';
    expect(await registerSchemas({ url: url.href, subjects: [audit] })).toMatchObject({ registered: 1 });
    const context = await failure(registerSchemas({ url: `${url.href}contexts/.prosa`, subjects: [audit] }));
    expect(registry.requests.some((request) => request.includes('/contexts/.prosa/subjects/'))).toBe(true);
    expect(context.message).not.toContain('wörd');
  });
});

describe('a registry that has been set up', () => {
  test('is verified and not written to', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    const before = writes(registry).length;
    expect(await registerSchemas({ url: registry.url })).toEqual({ registered: 0, verified: all });
    expect(writes(registry)).toHaveLength(before);
  });

  test('gets the next version of a later release, and an earlier release goes on with it', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    expect(await registerSchemas({ url: registry.url, subjects: [grown] })).toEqual({ registered: 1, verified: 2 });
    expect(await call(registry, 'GET', `${path}/2`)).toMatchObject({ id: nextId, schema: compatible });
    expect(await registerSchemas({ url: registry.url })).toEqual({ registered: 0, verified: all });
  });

  test('gets its level back when somebody took it', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    const level = `/config/${encodeURIComponent(audit.name)}`;
    await call(registry, 'PUT', level, { compatibility: 'NONE' });
    await registerSchemas({ url: registry.url });
    expect(await call(registry, 'GET', level)).toEqual({ compatibilityLevel: 'FULL_TRANSITIVE' });
  });

  test('is brought out of the import mode that a killed run left', async () => {
    const registry = await open();
    const mode = `/mode/${encodeURIComponent(audit.name)}`;
    await registerSchemas({ url: registry.url, subjects: [audit] });
    await call(registry, 'PUT', `${mode}?force=true`, { mode: 'IMPORT' });
    await registerSchemas({ url: registry.url, subjects: [audit] });
    expect(await call(registry, 'GET', mode)).toMatchObject({ error_code: 40409 });
  });

  test('leaves import mode also where a mode cannot be removed', async () => {
    const registry = await open();
    registry.intercept = (request) => (request.startsWith('DELETE') ? { status: 405 } : undefined);
    await registerSchemas({ url: registry.url, subjects: [audit] });
    expect(await call(registry, 'GET', `/mode/${encodeURIComponent(audit.name)}`)).toEqual({ mode: 'READWRITE' });
  });

  test('may be read-only as long as nothing is missing', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    await call(registry, 'PUT', '/mode', { mode: 'READONLY' });
    expect(await registerSchemas({ url: registry.url })).toMatchObject({ registered: 0 });
    const { code, message } = await failure(registerSchemas({ url: registry.url, subjects: [grown] }));
    expect([code, message]).toEqual(['registry.refused', expect.stringContaining('read-only')]);
  });

  test('may write schemas in its own way', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url, subjects: [audit] });
    const { doc: _, ...rewritten } = JSON.parse(ours.text) as Record<string, unknown>;
    const schema = JSON.stringify(Object.fromEntries(Object.entries(rewritten).reverse()), null, 1);
    registry.intercept = (request) =>
      request === `GET ${path}/1`
        ? { status: 200, body: JSON.stringify({ subject: audit.name, version: 1, id: ours.id, schema, guid: 'x' }) }
        : undefined;
    expect(await registerSchemas({ url: registry.url, subjects: [audit] })).toEqual({ registered: 0, verified: 1 });
  });
});

describe('set-up refuses', () => {
  test('when somebody registered an incompatible version after ours', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    await call(registry, 'PUT', `/config/${encodeURIComponent(audit.name)}`, { compatibility: 'NONE' });
    await call(registry, 'POST', path, { schema: incompatible });
    const error = await failure(registerSchemas({ url: registry.url }));
    expect([error.code, error.disposition]).toEqual(['registry.incompatible', 'halt']);
    expect(error.message).toContain(`${audit.name} has a version 2`);
  });

  test.each([
    ['incompatible', incompatible],
    ['compatible', compatible],
    ['no', '{"type": "string"}'],
  ])('when somebody registered another, %s schema before us', async (_, schema) => {
    const registry = await open({ firstId: 900 });
    await call(registry, 'POST', path, { schema });
    const error = await failure(registerSchemas({ url: registry.url, subjects: [audit] }));
    expect([error.code, error.message]).toEqual(['registry.incompatible', expect.stringContaining(audit.name)]);
  });

  test('when what is to be registered does not go with what is there, before it writes', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    const before = writes(registry).length;
    const wrong = { ...grown, versions: [ours, { ...ours, id: nextId, version: 2, text: incompatible }] };
    expect((await failure(registerSchemas({ url: registry.url, subjects: [wrong] }))).code).toBe(
      'registry.incompatible',
    );
    expect(writes(registry)).toHaveLength(before);
  });

  test('when our schema is there under another id', async () => {
    const registry = await open({ firstId: 700 });
    await call(registry, 'POST', path, { schema: ours.text });
    const error = await failure(registerSchemas({ url: registry.url }));
    expect([error.code, error.disposition]).toEqual(['registry.id-differs', 'halt']);
    expect(error.message).toContain('there 700');
  });

  test('when another schema has our id, before it registers anything', async () => {
    const registry = await open({ firstId: ours.id });
    await call(registry, 'POST', '/subjects/of-another-team/versions', { schema: '"string"' });
    const error = await failure(registerSchemas({ url: registry.url }));
    expect([error.code, error.message]).toEqual(['registry.id-differs', expect.stringContaining('of its own')]);
    expect(await call(registry, 'GET', '/subjects')).toEqual(['of-another-team']);
  });

  test('when the registry allows no import mode', async () => {
    const registry = await open({ kind: 'fixed-modes' });
    const error = await failure(registerSchemas({ url: registry.url }));
    expect([error.code, error.message]).toEqual([
      'registry.id-differs',
      expect.stringContaining('must allow import mode'),
    ]);
  });

  test('when the registry gives ids of its own', async () => {
    const registry = await open({ kind: 'own-ids', firstId: 100_001 });
    const first = await failure(registerSchemas({ url: registry.url }));
    expect([first.code, first.message]).toEqual(['registry.id-differs', expect.stringContaining('was given 100001')]);
    expect((await failure(registerSchemas({ url: registry.url }))).code).toBe('registry.id-differs');
  });

  test('when the URL is none, without repeating it', async () => {
    const error = await failure(registerSchemas({ url: 'http://user:secret@:x' }));
    expect(error.code).toBe('config.invalid');
    expect(error.message).not.toContain('secret');
  });
});

describe('a registry that misbehaves', () => {
  test('away: says where, not with what password, and that it may be tried again', async () => {
    const registry = await open();
    await registry.close();
    const url = registry.url.replace('http://', 'http://user:secret@');
    const error = await failure(registerSchemas({ url }));
    expect([error.code, error.disposition]).toEqual(['registry.unavailable', 'retry']);
    expect(error.message).toContain(registry.url);
    expect(error.message).not.toMatch(/secret|user/);
  });

  test.each([
    ['failing', 500, '', 'registry.unavailable'],
    ['overloaded', 429, '', 'registry.unavailable'],
    ['behind a gateway', 503, '<html>', 'registry.unavailable'],
    ['asking for a password', 401, '{"error_code": 401, "message": "Unauthorized"}', 'registry.refused'],
    ['forbidding', 403, '{"error_code": 40301, "message": "Forbidden"}', 'registry.refused'],
    ['somewhere else', 302, '', 'registry.refused'],
    ['a web page', 200, '<html>', 'registry.refused'],
    ['another service', 200, '{"hello": "world"}', 'registry.refused'],
    ['endless', 200, `"${'x'.repeat(2_000_000)}"`, 'registry.refused'],
  ])('%s', async (_, status, body, code) => {
    const registry = await open();
    registry.intercept = () => ({ status, body });
    expect((await failure(registerSchemas({ url: registry.url }))).code).toBe(code);
  });

  test('at any one request: nothing wrong is left, and the next run completes', async () => {
    const whole = await open();
    await registerSchemas({ url: whole.url, subjects: [audit] });
    for (let failing = 0; failing < whole.requests.length; failing++) {
      const registry = await open();
      let count = 0;
      registry.intercept = () => (count++ === failing ? { status: 503 } : undefined);
      const error = await failure(registerSchemas({ url: registry.url, subjects: [audit] }));
      expect(error.code, String(failing)).toBe('registry.unavailable');
      expect(await registerSchemas({ url: registry.url, subjects: [audit] })).toMatchObject({ verified: 1 });
      expect(await call(registry, 'GET', `${path}/1`)).toMatchObject({ id: ours.id });
      expect(await call(registry, 'GET', `/mode/${encodeURIComponent(audit.name)}`)).toMatchObject({
        error_code: 40409,
      });
    }
  });

  test('says that it registered and did not', async () => {
    const registry = await open();
    registry.intercept = (request) =>
      request === `POST ${path}` ? { status: 200, body: JSON.stringify({ id: ours.id }) } : undefined;
    expect((await failure(registerSchemas({ url: registry.url, subjects: [audit] }))).code).toBe('registry.refused');
  });
});

describe('after set-up', () => {
  test('records are written and read with the registry away', async () => {
    const registry = await open();
    await registerSchemas({ url: registry.url });
    const before = registry.requests.length;
    for (const schema of releasedSchemas) {
      const record = decodeRecord(Buffer.from(readSample(schema)?.value ?? '', 'hex'));
      expect(decodeRecord(encodeRecord(record))).toEqual(record);
    }
    expect(registry.requests).toHaveLength(before);
    await registry.close();
    for (const schema of releasedSchemas)
      expect(decodeRecord(Buffer.from(readSample(schema)?.value ?? '', 'hex')).type).toBe(schema.type);
  });

  test('nothing but set-up and the doctor of an installation knows the client', () => {
    const services = new URL('../../', import.meta.url);
    const importers = readdirSync(services, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.startsWith('runtime/registry/'))
      .filter((file) =>
        /from '.*\/registry\/(register-schemas|registry-client)\.ts'/.test(
          readFileSync(new URL(file, services), 'utf8'),
        ),
      );
    expect(importers.filter((file) => !/^(set-up|prosa\/doctor)\//.test(file))).toEqual([]);
  });
});
