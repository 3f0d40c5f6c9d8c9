/** One run of the command line, from the words typed to the exit code. */
import { OperatingError } from '#runtime/errors.ts';

import type { Command } from './command.ts';
import { readCommandLine } from './command-line.ts';
import { CommandError, type ExitCode, exitCodes } from './exit-codes.ts';
import { helpLines } from './help.ts';
import { type Stream, openOutput } from './output.ts';
import { type Environment, openSession } from './session.ts';

/** What surrounds a run. */
export interface Surroundings {
  readonly commands: readonly Command[];
  readonly version: string;
  readonly stdout: Stream;
  readonly stderr: Stream;
  readonly environment: Environment;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}

/** Runs it. Never throws what is expected; a defect is thrown on. */
export async function runProsa(argv: readonly string[], surroundings: Surroundings): Promise<ExitCode> {
  const { commands, stdout, stderr, environment, signal } = surroundings;
  let out = openOutput(stdout, stderr, { json: argv.includes('--json'), quiet: false });
  try {
    const asked = readCommandLine(argv, commands);
    if (asked.kind === 'version') {
      out.result({ version: surroundings.version }, () => [surroundings.version]);
      return exitCodes.ok;
    }
    if (asked.kind === 'help') {
      // Help that was asked for is a result; otherwise it is a complaint.
      const lines = helpLines(asked.words, commands);
      (asked.asked ? stdout : stderr).write(`${lines.join('\n')}\n`);
      return asked.asked ? exitCodes.ok : exitCodes.usage;
    }
    out = openOutput(stdout, stderr, asked.common);
    const session = openSession({ out, environment, signal }, asked.common);
    const exitCode = await asked.command.run(asked.input, session);
    return signal.aborted ? exitCodes.interrupted : exitCode;
  } catch (caught) {
    if (signal.aborted) return exitCodes.interrupted;
    const error = asCommandError(caught);
    if (error === undefined) throw caught;
    out.error(error);
    return error.exitCode;
  }
}

/** Expected failures of parts that are used directly, in the words of commands. */
function asCommandError(caught: unknown): CommandError | undefined {
  if (caught instanceof CommandError) return caught;
  if (!(caught instanceof OperatingError)) return undefined;
  const away = caught.disposition === 'retry' || caught.disposition === 'yield';
  const exitCode =
    caught.code === 'config.invalid' ? exitCodes.usage : away ? exitCodes.unavailable : exitCodes.failure;
  return new CommandError(exitCode, caught.message, { code: caught.code, hint: 'prosa doctor looks for the cause.' });
}
