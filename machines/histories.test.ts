/**
 * Golden histories must still fold to what was recorded: a released version never changes what it
 * does (`registry.ts`). How to record a new one: `README.md`. One that has been recorded is never
 * overwritten here.
 */
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { machines } from './registry.ts';
import { fold, isNew, parseHistory, textOf } from './testing/history.ts';

const files = globSync('*/histories/*.jsonl', { cwd: import.meta.dirname }).sort();
const pathOf = (file: string): string => join(import.meta.dirname, file);
const read = (file: string) => parseHistory(readFileSync(pathOf(file), 'utf8'));

if (process.env['RECORD_HISTORIES'] === '1')
  for (const file of files) {
    const history = read(file);
    if (isNew(history)) writeFileSync(pathOf(file), textOf(fold(history)));
  }

describe('golden histories', () => {
  it('are there for every version of a machine that talks', () => {
    const told = files.map((file) => read(file).header).map(({ machine, version }) => `${machine}@${version}`);
    for (const key of machines.keys()) expect(told, key).toContain(key);
    expect(told.filter((key) => key.startsWith('conversation@')).length).toBeGreaterThanOrEqual(6);
  });

  it('lead into every state', () => {
    const values = new Set(files.flatMap((file) => read(file).lines.map(({ value }) => value)));
    for (const state of ['idle', 'consent', 'name', 'menu', 'waitingForPerson', 'declined', 'withdrawn', 'expired'])
      expect(values, state).toContain(state);
  });

  it.each(files)('%s folds to what was recorded', (file) => {
    const history = read(file);
    expect(isNew(history), 'record it first: machines/README.md').toBe(false);
    const now = fold(history);
    now.lines.forEach((line, index) => {
      expect(line, `event ${(index + 1).toString()}`).toEqual(history.lines[index]);
    });
    expect(now.final).toEqual(history.final);
  });

  it('notice a single changed word', () => {
    const [file = ''] = files.filter((name) => name.endsWith('/happy-path.jsonl'));
    const text = readFileSync(pathOf(file), 'utf8');
    const changed = parseHistory(text.replace('Responda *SIM*', 'Responda *SIN*'));
    expect(fold(changed)).not.toEqual(changed);
    expect(fold(parseHistory(text))).toEqual(parseHistory(text));
  });
});
