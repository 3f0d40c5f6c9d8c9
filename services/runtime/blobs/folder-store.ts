/**
 * Objects as files of a folder. Several processes of one machine (or with one volume) may share it.
 *
 * A file appears by a rename of what is whole and on disk, so that no reader and no crash sees half of one.
 */
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import { OperatingError } from '../errors.ts';
import type { ObjectStore } from './object-store.ts';

/** Folders and letters that names are made of; nothing else becomes a path. */
const namePattern = /^[a-z0-9-]+\/[A-Z0-9]+\/[A-Z0-9]+$/;

/** Opens the store; makes its folders when they are needed. */
export function openFolderStore(folder: string): ObjectStore {
  const pathOf = (name: string): string => {
    if (!namePattern.test(name)) throw new Error('not the name of an object');
    return join(folder, name);
  };

  return {
    async write(name, bytes) {
      const path = pathOf(name);
      const unfinished = `${path}.unfinished`;
      await asStore(mkdir(dirname(path), { recursive: true, mode: 0o700 }));
      const file = await asStore(open(unfinished, 'wx', 0o600));
      try {
        try {
          for await (const chunk of bytes) await asStore(file.writeFile(chunk));
          await asStore(file.sync());
        } finally {
          await file.close();
        }
        await asStore(rename(unfinished, path));
        await asStore(syncFolder(dirname(path)));
      } catch (caught) {
        // Where it fails, whoever sweeps removes it.
        await rm(unfinished, { force: true }).catch(() => undefined);
        throw caught;
      }
    },

    async read(name) {
      const stream = createReadStream(pathOf(name));
      try {
        await once(stream, 'open');
        return stream;
      } catch (caught) {
        if (isMissing(caught)) return undefined;
        throw new OperatingError('files.unavailable', undefined, caught);
      }
    },

    async remove(name) {
      const path = pathOf(name);
      await asStore(Promise.all([rm(path, { force: true }), rm(`${path}.unfinished`, { force: true })]));
    },

    close: () => Promise.resolve(),
  };
}

/** A rename is on disk once its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const isMissing = (caught: unknown): boolean => caught instanceof Error && 'code' in caught && caught.code === 'ENOENT';

/** A disk that is full or away may come back. */
async function asStore<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (caught) {
    throw new OperatingError('files.unavailable', undefined, caught);
  }
}
