// Goal: the doctor finds what is wrong, says what to do about it, ends accordingly, and repeats no secret.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startTestRegistry } from '#runtime/testing/schema-registry.ts';
import { testDatabase } from '#runtime/testing/postgres.ts';

import { exitCodes } from './exit-codes.ts';
import { type RunEnvironment, prosa } from './testing/prosa.ts';

interface Check {
  readonly name: string;
  readonly status: 'ok' | 'warn' | 'fail';
  readonly detail: string;
  readonly fix?: string;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'prosa-doctor-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Nothing answers at port 1. */
const nothing = 'http://127.0.0.1:1';

async function examine(environment: RunEnvironment = {}, ...argv: readonly string[]) {
  const ran = await prosa(['doctor', '--json', ...argv], {
    PROSA_DATA_DIR: folder,
    PORT: '0',
    PROSA_URL: nothing,
    ...environment,
  });
  const { ok, checks } = JSON.parse(ran.stdout) as { readonly ok: boolean; readonly checks: readonly Check[] };
  const of = (name: string): Check => {
    const found = checks.find((one) => one.name === name);
    if (found === undefined) throw new Error(`nothing was said of ${name}`);
    return found;
  };
  return { ...ran, ok, checks, of };
}

test('a fresh machine has what development needs, and each check has a line', async () => {
  const { code, ok, checks, of } = await examine();
  expect([code, ok]).toEqual([exitCodes.ok, true]);
  expect(checks.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual(['api']);
  expect(of('api').fix).toContain('npm start');

  const { code: again, stdout } = await prosa(['doctor'], { PROSA_DATA_DIR: folder, PORT: '0', PROSA_URL: nothing });
  expect(again).toBe(exitCodes.ok);
  for (const { name, status } of checks) expect(stdout).toMatch(new RegExp(`^${status} +${name} `, 'm'));
});

describe('settings', () => {
  test('that are wrong are named, and nothing else is looked at', async () => {
    const { code, checks } = await examine({ PORT: 'secret' });
    expect(code).toBe(exitCodes.failure);
    expect(checks).toMatchObject([
      { name: 'settings', status: 'fail', detail: expect.stringContaining('PORT') as string },
    ]);
    expect(JSON.stringify(checks)).not.toContain('secret');
  });

  test('that production needs are named', async () => {
    const { code, of } = await examine({}, '--production');
    expect(code).toBe(exitCodes.failure);
    expect(of('settings').detail).toMatch(/PROSA_KEY_FILE, DATABASE_URL, KAFKA_BROKERS/);
  });
});

describe('the machine', () => {
  test('a key file that others can read, or that is none', async () => {
    const file = join(folder, 'keys.json');
    writeFileSync(file, JSON.stringify({ tenants: { demo: Buffer.alloc(32).toString('base64') } }));
    chmodSync(file, 0o644);
    const open = (await examine({ PROSA_KEY_FILE: file })).of('key file');
    expect(open).toMatchObject({ status: 'warn', fix: `chmod 600 ${file}` });
    chmodSync(file, 0o600);
    expect((await examine({ PROSA_KEY_FILE: file })).of('key file').status).toBe('ok');
    writeFileSync(file, '{"tenants":{"demo":"secret"}}');
    const broken = await examine({ PROSA_KEY_FILE: file });
    expect(broken.of('key file').status).toBe('fail');
    expect(broken.code).toBe(exitCodes.failure);
    expect(broken.stdout).not.toContain('secret');
    expect((await examine({ PROSA_KEY_FILE: join(folder, 'none') })).of('key file').status).toBe('fail');
  });

  test('a port that another program has', async () => {
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect((await examine({ PORT: String(port) })).of('port')).toMatchObject({ status: 'warn' });
    await new Promise((resolve) => server.close(resolve));
    expect((await examine({ PORT: String(port) })).of('port')).toMatchObject({ status: 'ok' });
  });

  test('a data folder that cannot be', async () => {
    const file = join(folder, 'a file');
    writeFileSync(file, '');
    expect((await examine({ PROSA_DATA_DIR: join(file, 'below') })).of('data folder')).toMatchObject({
      status: 'fail',
    });
    expect((await examine({ PROSA_DATA_DIR: join(folder, 'new', 'below') })).of('data folder')).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('will be made') as string,
    });
  });
});

describe('what it stands on', () => {
  test('is away: the exit code says that this is all', async () => {
    const { code, of, stdout } = await examine({
      DATABASE_URL: 'postgres://owner:secret@127.0.0.1:1/prosa',
      KAFKA_BROKERS: '127.0.0.1:1',
      REDIS_URL: 'redis://:secret@127.0.0.1:1',
      SCHEMA_REGISTRY_URL: 'http://user:secret@127.0.0.1:1',
    });
    for (const name of ['postgres', 'log', 'redis', 'schemas']) expect(of(name).status).toBe('fail');
    expect(code).toBe(exitCodes.unavailable);
    expect(stdout).not.toContain('secret');
  });

  test('is there but not set up: something has to be done', async () => {
    const [database, registry] = [await testDatabase(), await startTestRegistry()];
    try {
      const environment = { DATABASE_URL: database.url, SCHEMA_REGISTRY_URL: registry.url };
      const { code, of } = await examine(environment);
      expect(of('postgres').status).toBe('ok');
      expect(of('schemas')).toMatchObject({ status: 'fail', fix: expect.stringContaining('set-up') as string });
      expect(code).toBe(exitCodes.failure);
      // Looking changes nothing.
      expect(registry.requests.filter((request) => !request.startsWith('GET '))).toEqual([]);
    } finally {
      await registry.close();
      await database.close();
    }
  });
});
