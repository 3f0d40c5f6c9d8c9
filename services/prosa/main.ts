/** `prosa`: the command line. Not a service: it ends when its command is done. */
import { readFileSync } from 'node:fs';

import { commands } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import type { Stream } from './output.ts';
import { runProsa } from './run.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

/** The first interrupt asks the command to end, a second one ends it. One press may arrive more than once. */
const onePressMs = 400;
const interrupted = new AbortController();
let firstAt: number | undefined;
const interrupt = (): void => {
  if (firstAt !== undefined && Date.now() - firstAt > onePressMs) process.exit(exitCodes.interrupted);
  firstAt ??= Date.now();
  interrupted.abort();
};
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, interrupt);
// A launcher that was killed takes its command along.
if (process.connected) {
  process.on('disconnect', () => process.exit(exitCodes.interrupted));
  process.channel?.unref();
}
// A reader that has seen enough (`| head`) is no failure.
process.stdout.on('error', (caught: Error & { readonly code?: string }) => {
  if (caught.code === 'EPIPE') process.exit(exitCodes.ok);
  throw caught;
});

const stdout: Stream = process.stdout;
const exitCode = await runProsa(process.argv.slice(2), {
  commands,
  version,
  stdout,
  stderr: process.stderr,
  environment: undefined,
  signal: interrupted.signal,
});
// What was written is out before the end.
stdout.write('', () => process.exit(exitCode));
