/**
 * Golden histories: event streams with what the machine made of them, one JSON value per line.
 *
 *   {"machine", "version", "settings", "carried"?, "at"}   how the first episode began
 *   {"event", "episode", "value", "actions"}               one line per event, timers included
 *   {"final": {"status", "value", "context", "output"?}}   where it ended
 *
 * A file with the first line and `{"event"}` lines alone is a new one, to be recorded.
 */
import { findMachine } from '#machines/registry.ts';
import { type Folded, type ToldEvent, begin, tell } from './fold.ts';

interface Header {
  readonly machine: string;
  readonly version: string;
  readonly settings: unknown;
  readonly carried?: unknown;
  readonly at: number;
}

interface Line {
  readonly event: ToldEvent;
  readonly episode?: number;
  readonly value?: unknown;
  readonly actions?: readonly unknown[];
}

/** A history as its file has it. */
export interface History {
  readonly header: Header;
  readonly lines: readonly Line[];
  /** Undefined in a new one. */
  readonly final: unknown;
}

/** Reads a file's text. Throws on what is not a history. */
export function parseHistory(text: string): History {
  const [header, ...rest] = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
  if (header === undefined || rest.length === 0) throw new Error('a history has a first line and events');
  const last = rest.at(-1) as { readonly final?: unknown };
  const lines = (last.final === undefined ? rest : rest.slice(0, -1)) as readonly Line[];
  return { header: header as Header, lines, final: last.final };
}

/** True if nothing has been recorded in it yet. A half recorded one is not new: it must be repaired by hand. */
export const isNew = ({ lines, final }: History): boolean =>
  final === undefined && lines.every(({ value, actions }) => value === undefined && actions === undefined);

/** The history with what the machine makes of its events now. Throws if the machine or its version is gone. */
export function fold({ header, lines }: History): History {
  const entry = findMachine(header.machine, header.version);
  if (entry === undefined) throw new Error(`no machine ${header.machine} ${header.version}`);
  const start = { settings: header.settings, ...(header.carried === undefined ? {} : { carried: header.carried }) };
  let folded: Folded = begin(entry.machine, start, header.at);
  const seen = lines.map(({ event }) => {
    folded = tell(entry.machine, folded, event, start);
    return plain({ event, episode: folded.episode, value: folded.snapshot.value, actions: folded.actions }) as Line;
  });
  const { status, value, context, output } = folded.snapshot;
  return { header, lines: seen, final: plain({ status, value, context, output }) };
}

/** The file's text. */
export const textOf = ({ header, lines, final }: History): string =>
  [header, ...lines, { final }].map((line) => `${JSON.stringify(line)}\n`).join('');

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
