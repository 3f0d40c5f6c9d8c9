/** The real nginx with the files of deploy/nginx, their addresses and patience changed for a test. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, rmSync, writeFileSync, closeSync, chmodSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { endProcess, guardProcess } from '#runtime/components/process-guard.ts';

import { projectFolder } from './compose-file.ts';

/** A text of a file, and what stands in its place. */
export type Change = readonly [found: string, replacement: string];

/** A running edge. */
export interface RunningNginx {
  /** Everything that it wrote to stdout and stderr. */
  logs(): string;
  /** Ends it and removes its folder. Idempotent. */
  stop(): Promise<void>;
}

const startTimeoutMs = 10_000;

/** Path and version of nginx: `NGINX`, the search path, where Debian has it. Undefined when there is none. */
export function findNginx(): { readonly path: string; readonly version: readonly number[] } | undefined {
  for (const path of [process.env['NGINX'], 'nginx', '/usr/sbin/nginx']) {
    if (path === undefined || path === '') continue;
    // No text at all where there is no such program.
    const said = spawnSync(path, ['-v'], { encoding: 'utf8' }).stderr as string | null;
    const version = /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(said ?? '');
    if (version !== null) return { path, version: version.slice(1).map(Number) };
  }
  return undefined;
}

/** Whether upstream groups follow their names (`resolve` without a subscription came with 1.27.3). */
export function canResolve([major = 0, minor = 0, patch = 0]: readonly number[]): boolean {
  return major > 1 || (major === 1 && (minor > 27 || (minor === 27 && patch >= 3)));
}

/** Copies the files into `folder` with the changes, each of which must fit exactly one place of all files. */
export function copyConfiguration(folder: string, file: string, changes: readonly Change[]): void {
  const texts = new Map([file, 'edge.conf'].map((name) => [name, readEdgeFile(name)]));
  for (const [found, replacement] of changes) {
    const places = [...texts].filter(([, text]) => text.includes(found));
    const [place] = places;
    if (place === undefined || places.length > 1 || place[1].split(found).length !== 2)
      throw new Error(`not in exactly one place: ${found}`);
    texts.set(
      place[0],
      place[1].replace(found, () => replacement),
    );
  }
  mkdirSync(join(folder, 'temp'), { recursive: true });
  // Its workers may be another user's.
  chmodSync(folder, 0o755);
  for (const [name, text] of texts) writeFileSync(join(folder, name), text);
}

/** A file of deploy/nginx. */
export const readEdgeFile = (name: string): string =>
  readFileSync(join(projectFolder, 'deploy', 'nginx', name), 'utf8');

/** Checks the copied configuration as `nginx -t` does; gives what it complains about, or nothing. */
export function complaintsOf(nginx: string, folder: string, file: string): string {
  const output = join(folder, 'check');
  const log = openSync(output, 'w');
  const { status } = spawnSync(nginx, ['-t', ...places(folder, file)], { stdio: ['ignore', log, log] });
  closeSync(log);
  return status === 0 ? '' : readFileSync(output, 'utf8');
}

/** Starts it on the copied configuration; resolves when it takes connections on `port`. */
export async function startNginx(nginx: string, folder: string, file: string, port: number): Promise<RunningNginx> {
  const logFile = join(folder, 'output');
  // A file: /dev/stdout cannot be opened when it is a socket, as pipes of this process are.
  const log = openSync(logFile, 'a');
  const user = process.getuid?.() === 0 ? 'user root;' : '';
  const child = spawn(nginx, ['-g', `daemon off; master_process off; ${user}`, ...places(folder, file)], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const release = guardProcess(child.pid ?? 0, folder);
  const running: RunningNginx = {
    logs: () => readFileSync(logFile, 'utf8'),
    async stop() {
      await endProcess(child, 'SIGTERM', 2_000);
      release();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  const deadline = Date.now() + startTimeoutMs;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null || Date.now() > deadline) {
      const said = running.logs();
      await running.stop();
      throw new Error(`nginx did not start: ${said}`);
    }
    await sleep(20);
  }
  return running;
}

const places = (folder: string, file: string): readonly string[] => ['-p', folder, '-c', join(folder, file)];

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.on('connect', () => end(true)).on('error', () => end(false));
  });
