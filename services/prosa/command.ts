/** What a command is, as data: parsing, help and the test of all of them are made from it. */
import type { ExitCode } from './exit-codes.ts';
import { type Argument, type Option, type ValuesOf, flag, text } from './options.ts';
import type { Session } from './session.ts';

type Arguments = Readonly<Record<string, Argument<unknown>>>;
type Options = Readonly<Record<string, Option<unknown>>>;

/** A command line that is worth showing: what comes after `prosa`, and what it is for. */
export type Example = readonly [line: string, purpose: string];

interface Definition<A extends Arguments, O extends Options> {
  /** One or two words: `conversations ls`. */
  readonly name: string;
  readonly summary: string;
  /** What a user should know besides. */
  readonly description?: string;
  /** In the order in which they are typed. */
  readonly arguments?: A;
  readonly options?: O;
  readonly examples: readonly Example[];
  /** Gives its exit code. Throws `CommandError`. */
  readonly run: (
    input: { readonly args: ValuesOf<A>; readonly options: ValuesOf<O> },
    session: Session,
  ) => Promise<ExitCode>;
}

/** A command, its types erased. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly description: string | undefined;
  readonly arguments: Arguments;
  readonly options: Options;
  readonly examples: readonly Example[];
  readonly run: (
    input: { readonly args: Readonly<Record<string, unknown>>; readonly options: Readonly<Record<string, unknown>> },
    session: Session,
  ) => Promise<ExitCode>;
}

const nothing: Readonly<Record<string, never>> = {};

/** Makes a command. */
export function defineCommand<A extends Arguments = typeof nothing, O extends Options = typeof nothing>(
  definition: Definition<A, O>,
): Command {
  return {
    ...definition,
    description: definition.description,
    arguments: definition.arguments ?? nothing,
    options: definition.options ?? nothing,
    run: (input, session) =>
      definition.run({ args: input.args as ValuesOf<A>, options: input.options as ValuesOf<O> }, session),
  };
}

/** Options of every command. */
export const commonOptions = {
  json: flag('One JSON object, or one per line where results come one by one'),
  url: text('url', 'Where the API is (PROSA_URL; http://127.0.0.1 on PORT or 3000)'),
  'api-key-file': text('file', 'File that holds the API key, - for standard input (PROSA_API_KEY)'),
  quiet: flag('Say nothing but results and errors', 'q'),
  help: flag('Explain the command', 'h'),
} as const satisfies Options;

/** Their values. */
export type CommonValues = ValuesOf<typeof commonOptions>;
