/** The command line inside a test: what it wrote, and how it ended. */
import { Writable } from 'node:stream';

import { commands } from '../commands.ts';
import type { ExitCode } from '../exit-codes.ts';
import { runProsa } from '../run.ts';

/** A stream that keeps what is written. */
export class Paper extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A run that ended. */
export interface Ran {
  readonly code: ExitCode;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run that goes on. */
export interface Running {
  readonly stdout: () => string;
  readonly stderr: () => string;
  /** As Ctrl-C does. */
  interrupt(): void;
  readonly ended: Promise<Ran>;
}

/** Environment of a run. A data folder that does not exist: no key lies about. */
export type RunEnvironment = Readonly<Record<string, string>>;

const bare: RunEnvironment = { PROSA_DATA_DIR: '/nonexistent' };

/** Starts a command line. */
export function startProsa(argv: readonly string[], environment: RunEnvironment = {}): Running {
  const [stdout, stderr] = [new Paper(), new Paper()];
  const interrupted = new AbortController();
  const ended = runProsa(argv, {
    commands,
    version: '0.0.0',
    stdout,
    stderr,
    environment: { ...bare, ...environment },
    signal: interrupted.signal,
  }).then((code) => ({ code, stdout: stdout.text, stderr: stderr.text }));
  return {
    stdout: () => stdout.text,
    stderr: () => stderr.text,
    interrupt: () => interrupted.abort(),
    ended,
  };
}

/** Runs a command line to its end. */
export const prosa = (argv: readonly string[], environment?: RunEnvironment): Promise<Ran> =>
  startProsa(argv, environment).ended;
