/** Servers and workers that are no programs of ours: started as children, ready when they say or answer so, gone with the scope. */
import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

import { endProcess, guardProcess } from '#runtime/components/process-guard.ts';

import { type Environment, startProcess } from '../processes.ts';
import type { Scope } from '../stage.ts';
import type { Worker } from './peer.ts';

const startTimeoutMs = 60_000;
const stopGraceMs = 10_000;
const outputTailCharacters = 2_000;
const lookIntervalMs = 50;

/** How to start one. */
export interface ServerOptions {
  readonly command: string;
  readonly arguments: readonly string[];
  readonly environment: Environment;
  /** Whether it serves, by what it printed so far and by asking it. */
  readonly isReady: (output: string) => boolean | Promise<boolean>;
}

/** Starts it; rejects when it ends before it is ready. It ends with the scope. */
export async function startServer(scope: Scope, options: ServerOptions): Promise<Worker> {
  const { command } = options;
  const child = spawn(command, [...options.arguments], {
    env: { ...options.environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-outputTailCharacters));
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  let failed: unknown;
  child.once('error', (caught) => (failed = caught));
  const { pid = 0 } = child;
  const release = pid === 0 ? (): void => undefined : guardProcess(pid);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (pid !== 0) await endProcess(child, signal, stopGraceMs);
    release();
  };
  scope.defer(() => end('SIGTERM'));
  const until = performance.now() + startTimeoutMs;
  while (!(await options.isReady(output))) {
    if (failed !== undefined || hasEnded(child) || performance.now() > until)
      throw new Error(`${command} did not get ready: ${failed instanceof Error ? failed.message : output}`);
    await sleep(lookIntervalMs);
  }
  return { pid, kill: () => end('SIGKILL'), stop: () => end('SIGTERM') };
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null;

/** Starts a program of the repository as a worker; it ends with the scope. */
export async function startWorkerProgram(
  scope: Scope,
  file: string,
  options: { readonly environment: Environment; readonly input?: unknown },
): Promise<Worker> {
  const started = await startProcess(file, options);
  scope.defer(() => started.stop());
  return {
    pid: started.pid,
    async kill() {
      process.kill(started.pid, 'SIGKILL');
      await started.stop();
    },
    stop: () => started.stop(),
  };
}
