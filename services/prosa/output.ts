/**
 * What a command says. Results go to standard output, everything else to standard error, so that a pipe
 * carries results alone.
 *
 * People's own words may be among results: what is written for a terminal holds no control characters,
 * which could move its cursor or retitle it. JSON is written as it is, one line per value.
 */
import type { Writable } from 'node:stream';
import { styleText } from 'node:util';

import type { CommandError } from './exit-codes.ts';

/** A stream that may be a terminal. */
export type Stream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

/** A cell of a table, or what stands beside a name. */
export type Cell = string | number | boolean | null | undefined;

type Style = 'bold' | 'dim' | 'green' | 'yellow' | 'red';

/** Where a command says things. */
export interface Output {
  /** Results are JSON. */
  readonly json: boolean;
  /** A result that is whole: the value as JSON, or the lines for people. */
  result(value: unknown, lines: () => readonly string[]): void;
  /** One of results that come one by one. */
  item(value: unknown, lines: () => readonly string[]): void;
  /** Something for people who watch; not a result. */
  note(line: string): void;
  /** Why a command ends. */
  error(error: CommandError): void;
  /** Emphasis, where results go to a terminal that shows it and NO_COLOR is not set. */
  styled(style: Style, line: string): string;
  /** Where progress is drawn; undefined when nobody watches. */
  readonly terminal: Stream | undefined;
}

/** Opens it. */
export function openOutput(
  stdout: Stream,
  stderr: Stream,
  { json, quiet }: { readonly json: boolean; readonly quiet: boolean },
): Output {
  const write = (line: string): void => {
    stdout.write(`${line}\n`);
  };
  const say = (value: unknown, lines: () => readonly string[]): void => {
    if (json) write(JSON.stringify(value));
    else for (const line of lines()) write(line);
  };
  const styled = (style: Style, line: string): string =>
    stdout.isTTY === true ? styleText(style, line, { stream: stdout }) : line;
  return {
    json,
    result: say,
    item: say,
    note: (line) => {
      if (!quiet) stderr.write(`${printable(line)}\n`);
    },
    error: (error) => stderr.write(json ? `${JSON.stringify(errorBody(error))}\n` : errorLines(error, stderr)),
    styled,
    terminal: stderr.isTTY === true && !quiet && !json ? stderr : undefined,
  };
}

function errorBody({ message, hint, code, requestId, exitCode }: CommandError) {
  return { error: { message, hint: hint ?? null, code: code ?? null, requestId: requestId ?? null, exitCode } };
}

function errorLines({ message, hint, requestId }: CommandError, stderr: Stream): string {
  const name = stderr.isTTY === true ? styleText('red', 'prosa:', { stream: stderr }) : 'prosa:';
  const request = requestId === undefined ? '' : ` (request ${printable(requestId)})`;
  return `${name} ${printable(message)}${request}\n${hint === undefined ? '' : `  ${printable(hint)}\n`}`;
}

/** C0, DEL, C1, and the marks that change the direction of writing. */
const unprintable = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text on one line, with nothing in it that a terminal would obey. */
export const printable = (text: string): string =>
  text.replaceAll(unprintable, (found) => (/[\t\n\r\u2028\u2029]/.test(found) ? ' ' : '\u{FFFD}'));

const cellText = (cell: Cell): string => (cell == null || cell === '' ? '-' : printable(String(cell)));

/** Columns under their names; numbers to the right. */
export function tableLines(
  out: Output,
  columns: readonly string[],
  rows: readonly (readonly Cell[])[],
): readonly string[] {
  if (rows.length === 0) return [];
  const texts = rows.map((row) => row.map(cellText));
  const widths = columns.map((name, i) => Math.max(name.length, ...texts.map((row) => row[i]?.length ?? 0)));
  const isNumber = columns.map((_, i) => rows.every((row) => row[i] == null || typeof row[i] === 'number'));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (isNumber[i] === true ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [out.styled('bold', line(columns)), ...texts.map(line)];
}

/** Names with what they are, one a line. */
export function factLines(out: Output, facts: readonly (readonly [name: string, value: Cell])[]): readonly string[] {
  const width = Math.max(...facts.map(([name]) => name.length));
  return facts.map(([name, value]) => `${out.styled('dim', name.padEnd(width))}  ${cellText(value)}`);
}
