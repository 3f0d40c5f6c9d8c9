/**
 * The npm packages of the peers, in `adapters/node_modules`: installed when a bench asks for them and
 * the lock file is not the one they were installed by. No install script runs.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { inheritedEnvironment } from '#runtime/config.ts';

import type { Stage } from '../stage.ts';

const run = promisify(execFile);

const folder = fileURLToPath(new URL('adapters/', import.meta.url));
const modules = join(folder, 'node_modules');
const stampFile = join(modules, '.lock-hash');
const installTimeoutMs = 300_000;

/** Installs them unless they are there; returns their folder. Throws when npm fails. */
export async function installPackages(stage: Stage): Promise<string> {
  const lock = createHash('sha256')
    .update(await readFile(join(folder, 'package-lock.json')))
    .digest('hex');
  if ((await readFile(stampFile, 'utf8').catch(() => '')) === lock) return modules;
  stage.say('peers: installing their packages (250 MB, once)');
  await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    env: environmentOfNpm(),
    timeout: installTimeoutMs,
  });
  await writeFile(stampFile, lock);
  return modules;
}

/** Ours without what an outer npm says of its own run. */
function environmentOfNpm(): Record<string, string | undefined> {
  const own = /^npm_(package_|lifecycle_|command$|config_(json|local_prefix|global|prefix|loglevel|omit|production)$)/i;
  return Object.fromEntries(Object.entries(inheritedEnvironment()).filter(([name]) => !own.test(name)));
}
