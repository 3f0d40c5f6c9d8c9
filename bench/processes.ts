/**
 * Processes that a bench starts and looks at: they say one JSON line when they are ready, and are gone
 * when `stop` resolves, or when the bench itself is killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

import { endProcess, guardProcess } from '#runtime/components/process-guard.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

const startTimeoutMs = 90_000;
/** A drain takes nine seconds at most, that of the cluster a drain for each kind of part. */
const stopGraceMs = 30_000;
const errorTailCharacters = 2_000;

/** Lines of JSON, parsed. */
type Lines = AsyncIterator<unknown, undefined>;

/** A process that is ready. */
export interface StartedProcess {
  readonly pid: number;
  /** The line by which it said so. */
  readonly ready: unknown;
  /** The next lines of its standard output, parsed. Ends with the process. */
  readonly lines: Lines;
  /** Its exit code when it has ended; null when a signal ended it. */
  readonly ended: Promise<number | null>;
  /** Writes a line to its standard input, as JSON. */
  tell(value: unknown): void;
  /** Asks it to end, and kills it when it does not. Idempotent. */
  stop(): Promise<void>;
}

/** How to start one. */
export interface ProcessOptions {
  readonly arguments?: readonly string[];
  /** Node's own options. */
  readonly flags?: readonly string[];
  readonly environment: Environment;
  /** The first line of its standard input, as JSON. */
  readonly input?: unknown;
  /** Told what it writes to its standard error. */
  readonly onError?: (text: string) => void;
}

/** Starts a program of the repository (`services/ingest/main.ts`); rejects when it ends before it is ready. */
export async function startProcess(file: string, options: ProcessOptions): Promise<StartedProcess> {
  const path = fileURLToPath(new URL(`../${file}`, import.meta.url));
  const child = spawn(process.execPath, [...(options.flags ?? []), path, ...(options.arguments ?? [])], {
    env: { ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const { pid } = child;
  const release = pid === undefined ? (): void => undefined : guardProcess(pid);
  const stop = async (): Promise<void> => {
    if (pid !== undefined) await endProcess(child, 'SIGTERM', stopGraceMs);
    release();
  };
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.stdin.on('error', () => undefined);
  child.stderr.on('data', (chunk: Buffer) => options.onError?.(chunk.toString()));
  const tell = (value: unknown): void => void child.stdin.write(`${JSON.stringify(value)}\n`);
  if (options.input !== undefined) tell(options.input);
  const lines = linesOf(child);
  try {
    const ready = await firstLine(child, file, lines);
    return { pid: pid ?? 0, ready, lines, ended, tell, stop };
  } catch (caught) {
    await stop();
    throw caught;
  }
}

async function* linesOf({ stdout }: ChildProcess): AsyncGenerator<unknown, undefined> {
  if (stdout === null) return undefined;
  for await (const line of createInterface({ input: stdout })) yield JSON.parse(line) as unknown;
  return undefined;
}

async function firstLine(child: ChildProcess, file: string, lines: Lines): Promise<unknown> {
  let errors = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    errors = (errors + chunk.toString()).slice(-errorTailCharacters);
  });
  const failed = Promise.withResolvers<never>();
  child.once('error', failed.reject);
  const timeout = setTimeout(
    () => failed.reject(new Error(`${file} was not ready in time: ${errors}`)),
    startTimeoutMs,
  );
  try {
    const { done, value } = await Promise.race([lines.next(), failed.promise]);
    if (done !== true) return value;
    if (child.exitCode === null && child.signalCode === null) await Promise.race([once(child, 'exit'), failed.promise]);
    throw new Error(`${file} ended with ${child.exitCode ?? 'a signal'} before it was ready: ${errors}`);
  } finally {
    clearTimeout(timeout);
  }
}
