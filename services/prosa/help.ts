/** Help, from the table of commands. */
import { type Command, commonOptions } from './command.ts';
import { exitCodes, usageError } from './exit-codes.ts';
import type { Option } from './options.ts';
import { nearest } from './suggestion.ts';

const columnsMax = 100;

/** Help on the commands whose names begin with these words. Throws a usage error when there are none. */
export function helpLines(words: readonly string[], commands: readonly Command[]): readonly string[] {
  const name = words.join(' ');
  const command = commands.find((one) => one.name === name);
  const members = commands.filter((one) => name === '' || one.name.startsWith(`${name} `));
  if (command !== undefined) return [...commandLines(command), ...seeAlso(members)];
  if (members.length > 0) return name === '' ? overviewLines(commands) : groupLines(name, members);
  const meant = nearest(
    name,
    commands.map((one) => one.name),
  );
  throw usageError(
    `There is no command ${name}.`,
    meant === undefined ? 'prosa --help lists the commands.' : `Did you mean prosa help ${meant}?`,
  );
}

function overviewLines(commands: readonly Command[]): readonly string[] {
  return [
    'prosa: WhatsApp conversations on a log, from the command line',
    '',
    'Usage: prosa <command> [options], prosa --version',
    '',
    'Examples',
    ...examplesOf([
      ['dev', 'run everything on this machine'],
      ['conversations ls', 'which conversations there are'],
      ['conversations tail c_01M7XY07TEGVRTR4BBJ222T4AY', 'what happens in one of them'],
      ['help conversations tail', 'explain a command; --help does the same'],
    ]),
    '',
    'Commands',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    'Options of every command',
    ...optionLines(commonOptions),
    '',
    'Exit codes',
    ...columns(Object.entries(exitCodeMeanings).map(([code, meaning]) => [code, meaning])),
  ];
}

const exitCodeMeanings: Readonly<Record<string, string>> = {
  [exitCodes.ok]: 'done',
  [exitCodes.failure]: 'it failed',
  [exitCodes.usage]: 'the command line is wrong',
  [exitCodes.differs]: 'done in part, or a comparison found a difference',
  [exitCodes.notFound]: 'there is no such thing',
  [exitCodes.refused]: 'the key or a rule does not allow it',
  [exitCodes.unavailable]: 'a part that is needed does not answer',
  [exitCodes.interrupted]: 'interrupted',
};

const groupLines = (name: string, members: readonly Command[]): readonly string[] => [
  `Usage: prosa ${name} <command> [options]`,
  '',
  'Commands',
  ...columns(members.map((one) => [one.name, one.summary])),
];

const seeAlso = (members: readonly Command[]): readonly string[] =>
  members.length === 0 ? [] : ['', 'See also', ...columns(members.map((one) => [one.name, one.summary]))];

function commandLines(command: Command): readonly string[] {
  const words = Object.entries(command.arguments);
  const usage = words.map(([name, { optional }]) => (optional ? ` [${name}]` : ` <${name}>`)).join('');
  return [
    `prosa ${command.name}: ${command.summary}`,
    '',
    `Usage: prosa ${command.name}${usage} [options]`,
    ...(command.description === undefined ? [] : ['', ...wrapped(command.description, columnsMax)]),
    '',
    'Examples',
    ...examplesOf(command.examples),
    ...(words.length === 0
      ? []
      : ['', 'Arguments', ...columns(words.map(([name, one]) => [`<${name}>`, one.summary]))]),
    '',
    'Options',
    ...optionLines({ ...command.options, ...commonOptions }),
  ];
}

/** Each as a comment and a line, as they would stand in a script. */
const examplesOf = (examples: Command['examples']): readonly string[] =>
  examples.flatMap(([line, purpose]) => [`  # ${purpose}`, `  prosa ${line}`]);

const optionLines = (options: Readonly<Record<string, Option<unknown>>>): readonly string[] =>
  columns(
    Object.entries(options).map(([name, { value, short, summary, otherwise }]) => [
      `${short === undefined ? '' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`,
      `${summary}${otherwise === undefined ? '' : ` (${otherwise} if not given)`}`,
    ]),
  );

/** Two columns; what is too wide for the page goes on below. */
function columns(rows: readonly (readonly [left: string, right: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.flatMap(([left, right]) => {
    const [first = '', ...more] = wrapped(right, Math.max(30, columnsMax - width - 4));
    return [`  ${left.padEnd(width)}  ${first}`, ...more.map((line) => `${' '.repeat(width + 4)}${line}`)];
  });
}

function wrapped(paragraph: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const one of paragraph.split(' ')) {
    if (line !== '' && line.length + one.length + 1 > width) {
      lines.push(line);
      line = one;
    } else line = line === '' ? one : `${line} ${one}`;
  }
  return [...lines, line];
}
