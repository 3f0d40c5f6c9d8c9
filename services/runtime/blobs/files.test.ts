// Goal: F1 to F3 of the file store, over a folder and over a bucket, on real Postgres.
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { AuditRecorded } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { OperatingError } from '../errors.ts';
import { echoConfiguration } from '../testing/echo-machine.ts';
import { readRecords } from '../testing/person.ts';
import { asOwner } from '../testing/postgres.ts';
import { type FakeS3, startFakeS3 } from '../testing/fake-s3.ts';
import { type TestWorld, openTestWorld, testTenant } from '../testing/runtime.ts';
import type { Runtime } from '../runtime.ts';
import type { Chunks } from '../vault/frames.ts';
import { openS3Store } from './adapters/s3-store.ts';
import { createFileRemovals } from './file-removals.ts';
import type { Files, NewFile } from './files.ts';
import type { ObjectStore } from './object-store.ts';
import { openFiles, openObjectStore } from './postgres-files.ts';

let world: TestWorld;
let runtime: Runtime;
let clock: number;
beforeEach(async () => {
  clock = Date.UTC(2026, 10, 21);
  world = await openTestWorld({ now: () => clock });
  runtime = world.runtime('prosa_worker');
});
afterEach(() => world.close());

async function* pieces(bytes: Buffer, size = 50_000): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
async function* breaksOff(bytes: Buffer): AsyncGenerator<Buffer> {
  yield* pieces(bytes);
  throw new Error('broke off');
}
const whole = async (chunks: Chunks): Promise<Buffer> => {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  return Buffer.concat(parts);
};

const photo = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7) % 256));
const newFile = (more: Partial<NewFile> = {}): NewFile => ({
  tenant: testTenant,
  actor: 'c_1',
  person: 'p_1',
  at: clock,
  id: 'f_1',
  mimetype: 'image/jpeg',
  filename: 'férias.jpg',
  content: pieces(photo),
  ...more,
});
const leftovers = async (): Promise<number> =>
  (await runtime.database.query([testTenant], 'SELECT FROM file_leftovers')).rowCount;
const eraseAll = () =>
  asOwner(
    world.databaseUrl,
    `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = now() WHERE person = 'p_1'`,
  );

/** What a store shows of itself. */
interface Seen {
  readonly store: ObjectStore;
  readonly files: Files;
  /** Bytes of all objects. */
  readonly objects: () => Promise<readonly Buffer[]>;
  readonly loseAll: () => Promise<void>;
  readonly damageAll: () => Promise<void>;
  readonly fail: () => Promise<void>;
}

let s3: FakeS3 | undefined;
afterEach(async () => {
  await s3?.close();
  s3 = undefined;
});

const overFolder = (): Promise<Seen> => {
  const folder = join(runtime.config.dataDir, 'files');
  const paths = async () =>
    (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
  const each = async (work: (path: string) => Promise<void>) => {
    for (const path of await paths()) await work(path);
  };
  const store = openObjectStore(runtime.config);
  return Promise.resolve({
    store,
    files: openFiles(runtime, store),
    objects: async () => Promise.all((await paths()).map((path) => readFile(path))),
    loseAll: () => each((path) => rm(path)),
    damageAll: () => each(async (path) => writeFile(path, damaged(await readFile(path)))),
    // A file where the folder should be.
    fail: async () => {
      await mkdir(dirname(folder), { recursive: true });
      await rm(folder, { recursive: true, force: true });
      await writeFile(folder, '');
    },
  });
};

const overBucket = async (): Promise<Seen> => {
  const bucket = (s3 = await startFakeS3());
  const store = openS3Store(bucket.config, { partBytes: 100_000 });
  return {
    store,
    files: openFiles(runtime, store),
    objects: () => Promise.resolve([...bucket.objects.values()]),
    loseAll: async () => {
      bucket.objects.clear();
    },
    damageAll: async () => {
      for (const [name, bytes] of bucket.objects) bucket.objects.set(name, damaged(bytes));
    },
    fail: async () => {
      bucket.faults.push(503, 503, 503, 503);
    },
  };
};

/** Two frames in each other's place. */
const damaged = (bytes: Buffer): Buffer => {
  const frame = 65_536 + 16;
  const at = (number: number) => bytes.subarray(33 + number * frame, 33 + (number + 1) * frame);
  return Buffer.concat([bytes.subarray(0, 33), at(1), at(0), bytes.subarray(33 + 2 * frame)]);
};

describe.each([
  ['a folder', overFolder],
  ['a bucket', overBucket],
])('over %s', (_, open) => {
  let seen: Seen;
  beforeEach(async () => {
    seen = await open();
  });
  afterEach(() => seen.files.close());

  test('a file is read as it was put, and nothing of it can be seen in the store or the table', async () => {
    const put = await seen.files.put(newFile());
    const sha256 = createHash('sha256').update(photo).digest('hex');
    expect(put).toEqual({ id: 'f_1', actor: 'c_1', mimetype: 'image/jpeg', bytes: 300_000, sha256 });
    const file = await seen.files.read(testTenant, 'f_1');
    if (file?.state !== 'open') throw new Error('not open');
    const { content, ...facts } = file;
    expect((await whole(content)).equals(photo)).toBe(true);
    expect(facts).toEqual({ ...put, filename: 'férias.jpg', state: 'open' });

    const [object] = await seen.objects();
    expect(object?.includes(photo.subarray(0, 64))).toBe(false);
    const row = await runtime.database.query([testTenant], 'SELECT * FROM files');
    expect(JSON.stringify(row.rows)).not.toMatch(new RegExp(`férias|${sha256}`));
    expect(await leftovers()).toBe(0);
  });

  test.each([0, 1, 99_000])('of %i bytes too', async (length) => {
    await seen.files.put(newFile({ content: pieces(photo.subarray(0, length)) }));
    const file = await seen.files.read(testTenant, 'f_1');
    if (file?.state !== 'open') throw new Error('not open');
    expect(await whole(file.content)).toEqual(photo.subarray(0, length));
  });

  test('F1 a second file under an id is the first one, also when both are put at once', async () => {
    const other = () => newFile({ content: pieces(Buffer.from('other')) });
    const results = await Promise.all([seen.files.put(newFile()), seen.files.put(other()), seen.files.put(newFile())]);
    expect(new Set(results.map(({ sha256 }) => sha256)).size).toBe(1);
    expect(await seen.files.put(other())).toEqual(results[0]);
    clock += 3_600_001;
    await seen.files.sweep([testTenant]);
    expect(await seen.objects()).toHaveLength(1);
    expect(await leftovers()).toBe(0);
  });

  test('F1 F2 content that breaks off leaves nothing', async () => {
    await expect(seen.files.put(newFile({ content: breaksOff(photo) }))).rejects.toThrow('broke off');
    expect(await seen.files.read(testTenant, 'f_1')).toBeUndefined();
    expect(await seen.objects()).toEqual([]);
    expect(await leftovers()).toBe(0);
    expect(s3?.uploads.size ?? 0).toBe(0);
  });

  test('F2 what a process that died left behind is swept when it is old, and nothing else', async () => {
    await seen.files.put(newFile());
    await seen.files.put(newFile({ id: 'f_2' }));
    // As if the second had died before its row was written.
    await asOwner(
      world.databaseUrl,
      `WITH gone AS (DELETE FROM files WHERE id = 'f_2' RETURNING tenant, object)
       INSERT INTO file_leftovers SELECT tenant, object, to_timestamp(${clock / 1_000}) FROM gone`,
    );
    clock += 3_599_000;
    expect(await seen.files.sweep([testTenant])).toBe(0);
    clock += 2_000;
    expect(await seen.files.sweep([testTenant])).toBe(1);
    expect(await seen.objects()).toHaveLength(1);
    const file = await seen.files.read(testTenant, 'f_1');
    expect(file?.state).toBe('open');
    if (file?.state === 'open') file.content.destroy();
  });

  test('F3 an erased person has no files', async () => {
    await seen.files.put(newFile());
    await eraseAll();
    const fresh = openFiles(world.runtime('prosa_api'), openObjectStoreOf(seen));
    expect(await fresh.read(testTenant, 'f_1')).toEqual({
      state: 'erased',
      id: 'f_1',
      actor: 'c_1',
      mimetype: 'image/jpeg',
      bytes: 300_000,
    });
    await fresh.close();
  });

  describe('removed', () => {
    const audited = async (): Promise<readonly (readonly [string, string | null, string | null])[]> =>
      ((await readRecords(world, topics.audit, 'c_1')) as AuditRecorded[]).map((one) => [
        one.action,
        one.subject,
        one.outcome,
      ]);
    const removals = () => createFileRemovals(runtime, seen.store);

    test('are those of the erased, with their bytes, name and hash; the audit says which', async () => {
      await seen.files.put(newFile());
      await seen.files.put(newFile({ id: 'f_2', person: 'p_2' }));
      await eraseAll();
      expect(await removals()([testTenant])).toBe(1);
      expect(await seen.objects()).toHaveLength(1);
      expect(await leftovers()).toBe(0);
      expect(await seen.files.read(testTenant, 'f_1')).toMatchObject({ state: 'erased', bytes: 300_000 });
      expect(await audited()).toEqual([['file.deleted', 'f_1', 'person.erased']]);
      expect(await removals()([testTenant])).toBe(0);
      await expect(seen.files.put(newFile())).rejects.toMatchObject({ code: 'vault.key-erased' });
      expect(await seen.objects()).toHaveLength(1);
    });

    test('are those that are older than their tenant keeps files, unless a legal hold keeps them', async () => {
      const setUp = world.runtime('prosa_api');
      await setUp.tenants.configure(testTenant, { ...echoConfiguration, retention: { filesDays: 30 } });
      await seen.files.put(newFile());
      await seen.files.put(newFile({ id: 'f_2', person: 'p_2' }));
      await asOwner(world.databaseUrl, `UPDATE vault_keys SET state = 'held' WHERE person = 'p_2'`);
      clock += 29 * 86_400_000;
      await seen.files.put(newFile({ id: 'f_3' }));
      expect(await removals()([testTenant])).toBe(0);
      clock += 2 * 86_400_000;
      expect(await removals()([testTenant])).toBe(1);
      expect(await seen.files.read(testTenant, 'f_1')).toMatchObject({ state: 'expired' });
      expect(await seen.objects()).toHaveLength(2);
      expect(await audited()).toEqual([['file.deleted', 'f_1', 'retention.over']]);
      expect(await createFileRemovals(runtime, seen.store)([testTenant])).toBe(0);
    });

    test('in spite of a store that was away in the middle, by whoever comes next', async () => {
      await seen.files.put(newFile());
      await eraseAll();
      const failing: ObjectStore = {
        ...seen.store,
        remove: () => Promise.reject(new OperatingError('files.unavailable')),
      };
      await expect(createFileRemovals(runtime, failing)([testTenant])).rejects.toMatchObject({
        code: 'files.unavailable',
      });
      expect(await seen.objects()).toHaveLength(1);
      expect(await removals()([testTenant])).toBe(0);
      expect(await seen.files.sweep([testTenant])).toBe(1);
      expect(await seen.objects()).toEqual([]);
      expect(await audited()).toHaveLength(1);
    });

    test('also when a write ended after the erasure, as long as one may', async () => {
      const open = async () =>
        (
          await runtime.database.query(
            [testTenant],
            'SELECT FROM vault_keys WHERE state = $1 AND files_gone_at IS NULL',
            ['erased'],
          )
        ).rowCount;
      await seen.files.put(newFile());
      await asOwner(
        world.databaseUrl,
        `UPDATE vault_keys SET state = 'erased', wrapped = NULL, erased_at = to_timestamp(${clock / 1_000}) WHERE person = 'p_1'`,
      );
      await removals()([testTenant]);
      // Its key is in memory still.
      await seen.files.put(newFile({ id: 'f_2' }));
      expect(await seen.objects()).toHaveLength(1);
      expect(await removals()([testTenant])).toBe(1);
      expect([await seen.objects(), await open()]).toEqual([[], 1]);
      clock += 3_601_000;
      await removals()([testTenant]);
      expect(await open()).toBe(0);
    });
  });

  test('bytes that were changed end the stream, bytes that are gone are said to be', async () => {
    await seen.files.put(newFile());
    await seen.damageAll();
    const file = await seen.files.read(testTenant, 'f_1');
    if (file?.state !== 'open') throw new Error('not open');
    await expect(whole(file.content)).rejects.toMatchObject({ code: 'vault.tampered' });
    await seen.loseAll();
    expect(await seen.files.read(testTenant, 'f_1')).toMatchObject({ state: 'lost' });
  });

  test('another tenant has no such file', async () => {
    await seen.files.put(newFile());
    expect(await seen.files.read('other', 'f_1')).toBeUndefined();
  });

  test('a store that is away is to be retried', async () => {
    await seen.fail();
    await expect(seen.files.put(newFile())).rejects.toMatchObject({ code: 'files.unavailable', disposition: 'retry' });
    expect(await leftovers()).toBeLessThanOrEqual(1);
  });
});

const openObjectStoreOf = (_seen: Seen) =>
  s3 === undefined ? openObjectStore(runtime.config) : openS3Store(s3.config);

describe('a bucket', () => {
  test('gets a small file in one request, a large one in parts, and is asked again when it stumbles', async () => {
    const bucket = (s3 = await startFakeS3());
    const store = openS3Store(bucket.config, { partBytes: 100_000 });
    await store.write('demo/AA/SMALL', pieces(photo.subarray(0, 100_000)));
    expect(bucket.requests).toEqual(['PUT']);
    bucket.requests.length = 0;
    bucket.faults.push(500, 503);
    await store.write('demo/AA/LARGE', pieces(photo.subarray(0, 250_000)));
    expect(bucket.requests).toEqual([
      'POST ?uploads',
      'POST ?uploads',
      'POST ?uploads',
      'PUT ?partNumber',
      'PUT ?partNumber',
      'PUT ?partNumber',
      'POST ?uploadId',
    ]);
    expect([...bucket.objects].map(([name, bytes]) => [name, bytes.length])).toEqual([
      ['/a%20bucket/prosa/demo/AA/SMALL', 100_000],
      ['/a%20bucket/prosa/demo/AA/LARGE', 250_000],
    ]);
    await store.close();
  });

  test('refuses who signs with another key', async () => {
    const bucket = (s3 = await startFakeS3());
    const store = openS3Store({ ...bucket.config, secretAccessKey: 'another' });
    await expect(store.write('demo/AA/X', pieces(photo))).rejects.toMatchObject({ code: 'files.unavailable' });
    await store.close();
  });
});
