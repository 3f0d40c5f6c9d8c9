/** From the words that were typed to a command and its input. */
import { parseArgs } from 'node:util';

import { type Command, type CommonValues, commonOptions } from './command.ts';
import { type CommandError, usageError } from './exit-codes.ts';
import { type Option, readValue } from './options.ts';
import { nearest } from './suggestion.ts';

/** What was asked for. */
export type Asked =
  | {
      readonly kind: 'run';
      readonly command: Command;
      readonly common: CommonValues;
      readonly input: Parameters<Command['run']>[0];
    }
  /** Help on commands whose names begin with these words. `asked`: by name, and not because something is missing. */
  | { readonly kind: 'help'; readonly words: readonly string[]; readonly asked: boolean }
  | { readonly kind: 'version' };

/** Reads it. Throws a usage error. */
export function readCommandLine(argv: readonly string[], commands: readonly Command[]): Asked {
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    options: everyOption(commands),
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const given = tokens.filter((token) => token.kind === 'option');
  const wantsHelp = given.some(({ name }) => name === 'help');
  if (given.some(({ name }) => name === 'version')) return { kind: 'version' };
  if (positionals[0] === 'help') return { kind: 'help', words: positionals.slice(1), asked: true };
  const words = positionals as readonly string[];
  const command = commandOf(words, commands);
  if (command === undefined) {
    const known = groupOf(words, commands);
    if (!known) throw unknownCommand(words, commands);
    return { kind: 'help', words, asked: wantsHelp };
  }
  if (wantsHelp) return { kind: 'help', words: command.name.split(' '), asked: true };
  const rest = words.slice(command.name.split(' ').length);
  return runOf(command, given, rest, commands);
}

function runOf(
  command: Command,
  given: readonly Token[],
  words: readonly string[],
  commands: readonly Command[],
): Asked {
  const options = { ...commonOptions, ...command.options };
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(options).map(([name, { absent }]) => [name, absent]),
  );
  for (const token of given) {
    const [name, option] = optionOf(token.name, options, command);
    values[name] = readValue(`--${name}`, () => option.read(rawOf(name, option, token)));
  }
  // After the options: the value of one that is not known is a word.
  if (words.length > Object.keys(command.arguments).length) throw tooManyWords(command, words, commands);
  const input = { args: argumentsOf(command, words), options: values };
  return { kind: 'run', command, common: values as unknown as CommonValues, input };
}

/** All options together, so that it is known which take a value before the command is. A test compares them. */
function everyOption(commands: readonly Command[]) {
  const all = Object.assign({}, commonOptions, ...commands.map(({ options }) => options)) as Record<
    string,
    Option<unknown>
  >;
  return Object.fromEntries(
    Object.entries(all).map(([name, { value, short }]) => [
      name,
      {
        type: value === undefined ? ('boolean' as const) : ('string' as const),
        ...(short === undefined ? {} : { short }),
      },
    ]),
  );
}

function commandOf(words: readonly string[], commands: readonly Command[]): Command | undefined {
  const named = (count: number) => commands.find(({ name }) => name === words.slice(0, count).join(' '));
  return named(2) ?? named(1);
}

/** Whether commands begin with these words, or there are none. */
const groupOf = (words: readonly string[], commands: readonly Command[]): boolean =>
  words.length === 0 || (words.length === 1 && commands.some(({ name }) => name.startsWith(`${words[0] ?? ''} `)));

function unknownCommand(words: readonly string[], commands: readonly Command[]): CommandError {
  const first = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))];
  const isGroup = commands.some(({ name }) => name.startsWith(`${words[0] ?? ''} `));
  const typed = isGroup ? words.slice(0, 2).join(' ') : (words[0] ?? '');
  const meant = nearest(typed, isGroup ? commands.map(({ name }) => name) : first);
  return usageError(
    `There is no command ${typed}.`,
    meant === undefined ? 'prosa --help lists the commands.' : `Did you mean prosa ${meant}?`,
  );
}

function optionOf(
  typed: string,
  options: Readonly<Record<string, Option<unknown>>>,
  command: Command,
): readonly [string, Option<unknown>] {
  const found = Object.hasOwn(options, typed) ? options[typed] : undefined;
  if (found !== undefined) return [typed, found];
  if (typed === 'api-key') {
    throw usageError(
      'A key on the command line would stay in histories and lists of processes.',
      'Put it in PROSA_API_KEY, or in a file named with --api-key-file.',
    );
  }
  const meant = nearest(typed, Object.keys(options));
  const dashes = typed.length === 1 ? '-' : '--';
  throw usageError(
    `${command.name} has no option ${dashes}${typed}.`,
    meant === undefined ? `prosa ${command.name} --help lists its options.` : `Did you mean --${meant}?`,
  );
}

/** An option as `parseArgs` found it. */
interface Token {
  readonly name: string;
  readonly value?: string | undefined;
  readonly inlineValue?: boolean | undefined;
}

function rawOf(name: string, { value }: Option<unknown>, token: Token): string {
  if (value === undefined) {
    if (token.value !== undefined) throw usageError(`--${name} takes no value.`);
    return '';
  }
  // The next option is not a value, however it came to stand there.
  const taken = token.inlineValue === true || token.value === '-' || token.value?.startsWith('-') === false;
  if (token.value === undefined || !taken) throw usageError(`--${name} needs a value: --${name} <${value}>.`);
  return token.value;
}

/** A further word may be the second one of another command. */
function tooManyWords(command: Command, words: readonly string[], commands: readonly Command[]): CommandError {
  const longer = commands.map(({ name }) => name).filter((name) => name.startsWith(`${command.name} `));
  const meant = nearest(`${command.name} ${words[0] ?? ''}`, longer);
  const further = Object.keys(command.arguments).length === 0 ? '' : 'further ';
  return usageError(
    `${command.name} takes no ${further}argument.`,
    meant === undefined ? `prosa ${command.name} --help explains it.` : `Did you mean prosa ${meant}?`,
  );
}

function argumentsOf(command: Command, words: readonly string[]): Readonly<Record<string, unknown>> {
  const specs = Object.entries(command.arguments);
  return Object.fromEntries(
    specs.map(([name, { optional, read }], i) => {
      const raw = words[i];
      if (raw === undefined && !optional) {
        throw usageError(`${command.name} needs <${name}>.`, `prosa ${command.name} --help explains it.`);
      }
      return [name, readValue(`<${name}>`, () => read(raw))];
    }),
  );
}
