/** What this machine must have: Node, a data folder, keys, a port. */
import { constants } from 'node:fs';
import { access, readdir, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join, resolve } from 'node:path';

import type { Config } from '#runtime/config.ts';
import { processStart } from '#runtime/database/data-directory-lock.ts';
import { codeOf } from '#runtime/errors.ts';
import { demoTenant } from '#runtime/tenants/demo-tenant.ts';
import { openKeyFile } from '#runtime/vault/key-file.ts';

import { root } from '../session.ts';
import { type Check, check, fail, ok, warn } from './check.ts';

const nodeMajor = 26;
const freeBytesMin = 1_073_741_824;

const nameFolder = 'Name a folder that can be written with PROSA_DATA_DIR.';

/** The checks. */
export const machineChecks = (config: Config): readonly Check[] => [
  check('node', 'Start with npx prosa or npm start, which fetch the right one.', () =>
    Number(process.versions.node.split('.')[0]) >= nodeMajor
      ? ok(process.version)
      : fail(`${process.version} is too old.`, 'Start with npx prosa or npm start, which fetch the right one.'),
  ),
  check('data folder', nameFolder, () => dataFolder(folderOf(config))),
  check('key file', 'Name the right one with PROSA_KEY_FILE.', () => keyFile(config)),
  check('port', 'Name another with PORT.', () => port(config)),
];

const folderOf = ({ dataDir }: Config): string => resolve(root, dataDir);

async function dataFolder(folder: string) {
  const there = await stat(folder).catch(() => undefined);
  const nearest = there === undefined ? await existingParent(folder) : folder;
  if (!(await stat(nearest)).isDirectory()) return fail(`${nearest} is not a folder.`, nameFolder);
  await access(nearest, constants.W_OK);
  const { bavail, bsize } = await statfs(nearest);
  if (bavail * bsize < freeBytesMin) return warn(`${folder} has less than 1 GiB left.`, 'Make room on its disk.');
  if (there === undefined) return ok(`${folder} will be made`);
  const owner = await ownerOf(folder);
  return ok(owner === undefined ? folder : `${folder}, in use by process ${owner}`);
}

async function existingParent(folder: string): Promise<string> {
  const parent = dirname(folder);
  return (await stat(parent).catch(() => undefined)) === undefined ? existingParent(parent) : parent;
}

/** Pid of the program that runs on the folder (`data-directory-lock.ts` writes the claims). */
async function ownerOf(folder: string): Promise<number | undefined> {
  for (const name of await readdir(folder)) {
    const [, pid, start] = /^owner\.(\d+)\.([\w-]+)$/.exec(name) ?? [];
    if (pid !== undefined && (await processStart(Number(pid))) === start) return Number(pid);
  }
  return undefined;
}

async function keyFile(config: Config) {
  const path = config.keyFile ?? join(folderOf(config), 'tenant-keys.json');
  const there = await stat(path).catch(() => undefined);
  if (there === undefined) {
    return config.keyFile === undefined
      ? ok('will be made at the first start')
      : fail(`${path} is not there or cannot be read.`, 'Name the right one with PROSA_KEY_FILE.');
  }
  const keys = openKeyFile(path);
  if (config.mode === 'development') keys.keyOf(demoTenant);
  if ((there.mode & 0o077) !== 0) return warn(`${path} can be read by other users.`, `chmod 600 ${path}`);
  return ok(path);
}

async function port({ host, port: number }: Config) {
  if (number === 0) return ok('any that is free');
  const busy = await new Promise<string | undefined>((done) => {
    const server = createServer();
    server.once('error', (caught) => done(codeOf(caught)));
    server.listen(number, host, () => server.close(() => done(undefined)));
  });
  if (busy === undefined) return ok(`${host}:${number} is free`);
  if (busy !== 'EADDRINUSE') return fail(`${host}:${number} cannot be listened on (${busy}).`, 'Set HOST and PORT.');
  const url = `http://${host}:${number}/livez`;
  const alive = await fetch(url, { signal: AbortSignal.timeout(2_000) }).then(
    (answer) => answer.ok,
    () => false,
  );
  return alive
    ? ok(`${host}:${number}, where a program of ours answers`)
    : warn(`${host}:${number} is taken by another program.`, 'The next free port will be used; PORT names another.');
}
