/** Disks that are soon full: small tmpfs mounts, where this user may mount (root on Linux). */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Scope } from '../bench/stage.ts';

const run = promisify(execFile);

const size = '400m';
const fillerBytes = 1_048_576;

/** Whether disks can be mounted here. */
export const canMount = (): boolean => process.platform === 'linux' && process.getuid?.() === 0;

/** Mounts one for as long as the scope; its folder. Throws where mounting is not allowed. */
export async function mountSmallDisk(scope: Scope): Promise<string> {
  const folder = await scope.temporaryFolder();
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size},mode=0755`, 'chaos', folder]);
  scope.defer(() => run('umount', ['-l', folder]));
  return folder;
}

/** Fills a disk to the last byte; returns what frees it. */
export async function fill(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, 'filler');
  const file = await open(path, 'w');
  const block = Buffer.alloc(fillerBytes, 1);
  try {
    for (;;) await file.write(block);
  } catch (caught) {
    if ((caught as NodeJS.ErrnoException).code !== 'ENOSPC') throw caught;
  } finally {
    await file.close();
  }
  return () => rm(path);
}
