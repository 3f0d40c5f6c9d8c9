/** Files of our store on their way out: sent whole, refused when they are gone, tried again when the store is away. */
import { Readable } from 'node:stream';

import { afterAll, beforeAll, expect, test } from 'vitest';

import type { Files, OpenFile } from '#runtime/blobs/files.ts';
import { openFiles } from '#runtime/blobs/postgres-files.ts';
import { OperatingError } from '#runtime/errors.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import { fileReader, outgoingFileBytesMax } from './outgoing-files.ts';

const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31) % 256));

let world: TestWorld;
let files: Files;

beforeAll(async () => {
  world = await openTestWorld();
  files = openFiles(world.runtime('prosa_worker'));
  await files.put({
    tenant: testTenant,
    actor: tenantSubject(testTenant),
    person: tenantSubject(testTenant),
    at: Date.now(),
    id: 'f_1',
    mimetype: 'image/png',
    content: Readable.from([bytes]),
  });
});
afterAll(async () => {
  await files.close();
  await world.close();
});

test('a file is read whole', async () => {
  expect(await fileReader(files, 5_000)(testTenant, 'f_1')).toEqual(bytes);
});

test('one that is not there, or is of another tenant, is none', async () => {
  const read = fileReader(files, 5_000);
  expect(await read(testTenant, 'f_2')).toBeUndefined();
  expect(await read('other', 'f_1')).toBeUndefined();
});

const given = (file: Partial<OpenFile>): Pick<Files, 'read'> => ({
  read: () =>
    Promise.resolve({
      state: 'open',
      id: 'f_1',
      actor: 'c_1',
      mimetype: 'image/png',
      sha256: '',
      bytes: 1,
      content: Readable.from([bytes]),
      ...file,
    }),
});
const failing = (error: Error) => new Readable({ read: (): void => undefined, construct: (done) => done(error) });

test('one that is too large to be held is none, and is not read', async () => {
  const content = Readable.from([bytes]);
  expect(await fileReader(given({ bytes: outgoingFileBytesMax + 1, content }), 5_000)('t', 'f_1')).toBeUndefined();
  expect(content.destroyed).toBe(true);
});

test('one that is damaged is none', async () => {
  const damaged = given({ content: failing(new OperatingError('vault.tampered')) });
  expect(await fileReader(damaged, 5_000)('t', 'f_1')).toBeUndefined();
});

test.each(['files.unavailable', 'vault.unavailable', 'database.unavailable'] as const)(
  'while something is away (%s) the store is',
  async (code) => {
    const away = given({ content: failing(new OperatingError(code)) });
    await expect(fileReader(away, 5_000)('t', 'f_1')).rejects.toMatchObject({ code: 'files.unavailable' });
    const unread = { read: () => Promise.reject(new OperatingError(code)) };
    await expect(fileReader(unread, 5_000)('t', 'f_1')).rejects.toMatchObject({ code: 'files.unavailable' });
  },
);

test('a store that takes too long is away', async () => {
  const slow = { read: () => new Promise<never>(() => undefined) };
  await expect(fileReader(slow, 20)('t', 'f_1')).rejects.toMatchObject({ code: 'files.unavailable' });
});
