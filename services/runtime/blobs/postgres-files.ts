/** Files: facts in Postgres, sealed bytes in the object store that is configured. See `files.ts` (F1 to F3). */
import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';

import type { Config } from '../config.ts';
import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { newUlid } from '../records.ts';
import type { Runtime } from '../runtime.ts';
import type { Chunks } from '../vault/frames.ts';
import type { SealedIn } from '../vault/vault.ts';
import { openS3Store } from './adapters/s3-store.ts';
import type { FileFacts, Files, NewFile } from './files.ts';
import { openFolderStore } from './folder-store.ts';
import type { ObjectStore } from './object-store.ts';

/** Sealed in `about`. */
interface SealedAbout {
  readonly sha256: string;
  readonly filename?: string;
}

type FileRow = { readonly id: string; readonly actor: string; readonly bytes: string; readonly mimetype: string } & (
  | { readonly gone: null; readonly object: string; readonly about: Buffer }
  | { readonly gone: 'erased' | 'expired'; readonly object: null; readonly about: null }
);
type KeptRow = Extract<FileRow, { readonly gone: null }>;

const columns = 'id, actor, object, bytes, mimetype, about, gone';
/** Longer than any write takes. */
export const leftoverAgeMs = 3_600_000;
const sweptAtOnceMax = 100;

/** The object store of a configuration: a bucket, or a folder of the data directory. */
export const openObjectStore = (config: Pick<Config, 's3' | 'dataDir'>): ObjectStore =>
  config.s3 === undefined ? openFolderStore(join(resolve(config.dataDir), 'files')) : openS3Store(config.s3);

/** Opens the files. */
export function openFiles(
  { config, database, vault, now }: Pick<Runtime, 'config' | 'database' | 'vault' | 'now'>,
  store: ObjectStore = openObjectStore(config),
): Files {
  const find = async (tenant: string, id: string): Promise<FileRow | undefined> =>
    (
      await database.query<FileRow>([tenant], `SELECT ${columns} FROM files WHERE tenant = $1 AND id = $2`, [
        tenant,
        id,
      ])
    ).rows[0];

  const known = async (tenant: string, row: KeptRow) => {
    const about = await vault.open<SealedAbout>(sealedIn('file.about', tenant, row), row.about);
    return about.state === 'erased' ? undefined : { ...factsOf(row), sha256: about.value.sha256 };
  };

  const write = async (file: NewFile, object: string) => {
    const hash = createHash('sha256');
    let bytes = 0;
    const counted = async function* (): AsyncGenerator<Uint8Array> {
      for await (const chunk of file.content) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    };
    await store.write(
      object,
      await vault.sealStream(sealedIn('file', file.tenant, file), file.person, file.at, counted()),
    );
    const sha256 = hash.digest('hex');
    const value: SealedAbout = { sha256, ...(file.filename === undefined ? {} : { filename: file.filename }) };
    const about = await vault.seal(sealedIn('file.about', file.tenant, file), file.person, file.at, value);
    return { bytes, sha256, about };
  };

  const put: Files['put'] = async (file) => {
    const { tenant, id, actor, mimetype } = file;
    const before = await find(tenant, id);
    if (before !== undefined) {
      const facts = before.gone === null ? await known(tenant, before) : undefined;
      if (facts === undefined) throw new OperatingError('vault.key-erased');
      return facts;
    }
    const object = objectName(tenant, now());
    await database.query(
      [tenant],
      'INSERT INTO file_leftovers (tenant, object, since) VALUES ($1, $2, to_timestamp($3 / 1000.0))',
      [tenant, object, now()],
    );
    const { bytes, sha256, about } = await write(file, object).catch(async (caught: unknown) => {
      // What cannot be removed now is swept later.
      await forgetObject(database, store, tenant, object).catch(() => undefined);
      throw caught;
    });
    const inserted = await database.transaction([tenant], async (sql) => {
      const rows = await sql.query(
        `INSERT INTO files (tenant, id, actor, object, bytes, mimetype, about, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8 / 1000.0)) ON CONFLICT DO NOTHING`,
        [tenant, id, actor, object, bytes, mimetype, about, now()],
      );
      // One that another process was first with stays a leftover.
      if (rows.rowCount === 1) await sql.query('DELETE FROM file_leftovers WHERE object = $1', [object]);
      return rows.rowCount === 1;
    });
    return inserted ? { id, actor, mimetype, bytes, sha256 } : put(file);
  };

  return {
    put,

    async read(tenant, id) {
      const row = await find(tenant, id);
      if (row === undefined) return undefined;
      const facts = factsOf(row);
      if (row.gone !== null) return { ...facts, state: row.gone };
      const about = await vault.open<SealedAbout>(sealedIn('file.about', tenant, row), row.about);
      if (about.state === 'erased') return { ...facts, state: 'erased' };
      const sealed = await store.read(row.object);
      if (sealed === undefined) return { ...facts, state: 'lost' };
      const opened = await vault
        .openStream(sealedIn('file', tenant, row), whileAvailable(sealed))
        .catch((caught: unknown) => {
          sealed.destroy();
          throw caught;
        });
      if (opened.state === 'erased') {
        sealed.destroy();
        return { ...facts, state: 'erased' };
      }
      const content = Readable.from(opened.value, { objectMode: false });
      // Also when nothing of it was read.
      content.once('close', () => sealed.destroy());
      return { ...facts, ...about.value, state: 'open', content };
    },

    async sweep(tenants) {
      const old = await database.query<{ tenant: string; object: string }>(
        tenants,
        'SELECT tenant, object FROM file_leftovers WHERE since < to_timestamp($1 / 1000.0) ORDER BY since LIMIT $2',
        [now() - leftoverAgeMs, sweptAtOnceMax],
      );
      for (const { tenant, object } of old.rows) await forgetObject(database, store, tenant, object);
      return old.rows.length;
    },

    close: () => store.close(),
  };
}

/** Removes an object that is on record as left behind. The object first: a row that outlives it is swept again. */
export async function forgetObject(
  database: Database,
  store: ObjectStore,
  tenant: string,
  object: string,
): Promise<void> {
  await store.remove(object);
  await database.query([tenant], 'DELETE FROM file_leftovers WHERE object = $1', [object]);
}

/** Opaque; its last letters are random, which spreads objects over a thousand folders. */
function objectName(tenant: string, at: number): string {
  const ulid = newUlid(at);
  return `${tenant}/${ulid.slice(-2)}/${ulid}`;
}

const sealedIn = (
  type: string,
  tenant: string,
  { id, actor }: { readonly id: string; readonly actor: string },
): SealedIn => ({
  tenant,
  actor,
  type,
  eventId: id,
});

const factsOf = ({ id, actor, mimetype, bytes }: FileRow): FileFacts => ({ id, actor, mimetype, bytes: Number(bytes) });

async function* whileAvailable(sealed: Readable): Chunks {
  try {
    yield* sealed as AsyncIterable<Uint8Array>;
  } catch (caught) {
    throw new OperatingError('files.unavailable', undefined, caught);
  }
}
