/**
 * One live process per data directory.
 *
 * Owns the files `owner.<pid>.<start>` in the data directory. A *claim* is such a file; its name is
 * the identity of a process (pid, and when it started, so that a reused pid is another identity).
 *
 * - L1 A process holds the lock when it wrote its claim and *then* found no other live claim. Of two
 *   that hold, the later to look would have seen the other's claim, so two never hold.
 * - L2 A holder never withdraws; one that finds another live claim withdraws its own and tries again.
 * - L3 Claims of dead processes are removed by whoever meets them. No process can get a dead one's
 *   identity, so this takes nobody's lock: kill -9 leaves nothing to clean up by hand.
 *
 * Two containers with different pid name spaces on one volume are not told apart; do not share one.
 */
import { execFile } from 'node:child_process';
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { codeOf, OperatingError } from '../errors.ts';

const run = promisify(execFile);

/** Milliseconds that a dying predecessor is given to let go. */
const waitMsDefault = 2_000;

/** A held lock. */
export interface DataDirectoryLock {
  /** Lets go. Idempotent. */
  release(): Promise<void>;
}

/**
 * Takes the data directory (which must exist) for this process, waiting up to `waitMs` for a
 * predecessor. Throws `data-directory.in-use`, naming the owner's pid, when it stays.
 */
export async function lockDataDirectory(dataDir: string, waitMs = waitMsDefault): Promise<DataDirectoryLock> {
  const start = await processStart(process.pid);
  const mine = `owner.${process.pid}.${start ?? 'unknown'}`;
  const path = join(dataDir, mine);
  const deadline = Date.now() + waitMs;
  for (;;) {
    const owner = await claim(dataDir, mine);
    if (owner === undefined) return { release: () => rm(path, { force: true }) };
    if (Date.now() >= deadline) {
      throw new OperatingError('data-directory.in-use', `Process ${owner} uses ${dataDir}.`);
    }
    // Unequal pauses, so that two which withdrew for each other do not meet again.
    await sleep(30 + Math.random() * 70);
  }
}

/** Pid of the live process in the way, or undefined when the lock is now ours. */
async function claim(dataDir: string, mine: string): Promise<number | undefined> {
  try {
    await writeFile(join(dataDir, mine), '', { flag: 'wx' });
  } catch (caught) {
    // This very process holds it already: a second start inside one program.
    if (codeOf(caught) === 'EEXIST') return process.pid;
    throw caught;
  }
  const other = await liveClaim(dataDir, mine);
  if (other !== undefined) await rm(join(dataDir, mine), { force: true });
  return other;
}

async function liveClaim(dataDir: string, mine: string): Promise<number | undefined> {
  for (const name of await readdir(dataDir)) {
    const [, pid, start] = /^owner\.(\d+)\.([\w-]+)$/.exec(name) ?? [];
    if (pid === undefined || name === mine) continue;
    const running = await processStart(Number(pid));
    if (running !== undefined && running === start) return Number(pid);
    await rm(join(dataDir, name), { force: true });
  }
  return undefined;
}

/**
 * When the process with this pid started, as an opaque word that no other process of that pid ever
 * has; undefined when there is no such process, or only its unreaped remains.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') return linuxProcessStart(pid);
  try {
    const { stdout } = await run('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      env: { ...pathOnly, LC_ALL: 'C' },
    });
    const line = stdout.trim();
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '').replaceAll(/\W+/g, '-');
  } catch {
    return undefined;
  }
}

const pathOnly = { PATH: '/usr/bin:/bin:/usr/sbin:/sbin' };

/** proc(5): after the parenthesised name come state (field 3) and, as field 22, the start in ticks since boot. */
async function linuxProcessStart(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, ticks] = [fields[0], fields[19]];
    if (ticks === undefined || state === 'Z' || state === 'X') return undefined;
    return `${ticks}-${await bootId()}`;
  } catch {
    return undefined;
  }
}

/** Ticks start anew at every boot. */
async function bootId(): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).slice(0, 8);
  } catch {
    return '0';
  }
}
