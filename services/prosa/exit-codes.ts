/** How a command ends. */

/** Stable codes, for scripts to branch on. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  /** Done in part, or a comparison found a difference. */
  differs: 3,
  notFound: 4,
  /** The key is missing, wrong or may not do this, or a rule forbids it. */
  refused: 5,
  /** A part that is needed does not answer. */
  unavailable: 6,
  interrupted: 130,
} as const;

/** One of them. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** A command that cannot do what was asked: what happened in one line, and what to do next. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;
  /** The API's code, when it is the API that refuses. */
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  /** When trying again is said to help. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    exitCode: ExitCode,
    message: string,
    more: {
      readonly hint?: string;
      readonly code?: string;
      readonly requestId?: string;
      readonly retryAfterSeconds?: number;
    } = {},
  ) {
    super(message);
    this.exitCode = exitCode;
    this.hint = more.hint;
    this.code = more.code;
    this.requestId = more.requestId;
    this.retryAfterSeconds = more.retryAfterSeconds;
  }
}

/** What was typed is not a command line of ours. */
export const usageError = (message: string, hint?: string): CommandError =>
  new CommandError(exitCodes.usage, message, hint === undefined ? {} : { hint });
