// Goal: results and messages do not mix, a terminal obeys nothing that a person wrote, nobody gets
// colour who does not want it.
import { WriteStream } from 'node:tty';

import { afterEach, describe, expect, test, vi } from 'vitest';

import { CommandError, exitCodes } from './exit-codes.ts';
import { type Stream, openOutput, printable, tableLines } from './output.ts';
import { Paper } from './testing/prosa.ts';
import { progressLine, startProgress } from './progress.ts';

const streams = (isTTY: boolean) => {
  const made = (): Paper & Stream =>
    Object.assign(new Paper(), { isTTY, columns: 80, getColorDepth: () => WriteStream.prototype.getColorDepth() });
  return [made(), made()] as const;
};

const plain = { json: false, quiet: false };

afterEach(() => vi.unstubAllEnvs());

test('a text cannot make a terminal do anything', () => {
  expect(printable('a\u001b[2Jb\u0007\u009bc\u202ed\r\ne\tf')).toBe('a\u{FFFD}[2Jb\u{FFFD}\u{FFFD}c\u{FFFD}d  e f');
  expect(printable('Olá, João 👋🏽')).toBe('Olá, João 👋🏽');
});

test('columns stand under their names, numbers to the right, what is not there as a dash', () => {
  const [stdout, stderr] = streams(false);
  expect(
    tableLines(
      openOutput(stdout, stderr, plain),
      ['ID', 'COUNT', 'NAME'],
      [
        ['a', 5, 'long name'],
        ['bcd', 12_345, null],
      ],
    ),
  ).toEqual(['ID   COUNT  NAME', 'a        5  long name', 'bcd  12345  -']);
});

test('under JSON a result is one line of it, and notes and errors stay out of it', () => {
  const [stdout, stderr] = streams(false);
  const out = openOutput(stdout, stderr, { json: true, quiet: false });
  out.item({ text: 'a\nb' }, () => ['never']);
  out.note('a note');
  out.error(new CommandError(exitCodes.notFound, 'gone', { code: 'not-found', requestId: 'r' }));
  expect(stdout.text).toBe('{"text":"a\\nb"}\n');
  expect(stderr.text.split('\n')).toEqual([
    'a note',
    '{"error":{"message":"gone","hint":null,"code":"not-found","requestId":"r","exitCode":4}}',
    '',
  ]);
});

test('quiet leaves results and errors', () => {
  const [stdout, stderr] = streams(true);
  const out = openOutput(stdout, stderr, { json: false, quiet: true });
  out.note('a note');
  expect(out.terminal).toBeUndefined();
  expect(stderr.text).toBe('');
});

describe('colour', () => {
  const bold = (isTTY: boolean): string => {
    const [stdout, stderr] = streams(isTTY);
    return openOutput(stdout, stderr, plain).styled('bold', 'x');
  };

  test('is for terminals that show it', () => {
    vi.stubEnv('NO_COLOR', undefined);
    vi.stubEnv('FORCE_COLOR', undefined);
    vi.stubEnv('TERM', 'xterm-256color');
    // Node takes a terminal of an unknown CI for one without colours.
    vi.stubEnv('CI', undefined);
    expect(bold(true)).toBe('\u001b[1mx\u001b[22m');
    expect(bold(false)).toBe('x');
  });

  test.each([
    ['NO_COLOR', '1'],
    ['TERM', 'dumb'],
  ])('is left out with %s=%s', (name, value) => {
    vi.stubEnv('FORCE_COLOR', undefined);
    vi.stubEnv(name, value);
    expect(bold(true)).toBe('x');
  });
});

describe('progress', () => {
  test('tells rate and time left', () => {
    expect(progressLine('records', 50, 200, 25)).toBe('25 % 50 of 200 records, 25/s, 6 s left');
    expect(progressLine('records', 50, undefined, 2.345)).toBe('50 records, 2.3/s');
    expect(progressLine('records', 1, 100_000, 2)).toBe('0 % 1 of 100000 records, 2.0/s, 13 h 53 min left');
    expect(progressLine('records', 0, 10, undefined)).toBe('0 % 0 of 10 records');
  });

  test('is drawn over one line of a terminal, and taken away', () => {
    const [stdout, stderr] = streams(true);
    let now = 0;
    const progress = startProgress(openOutput(stdout, stderr, plain), 'messages', () => now);
    for (now = 0; now <= 1_000; now += 10) progress.at(now / 10, 100);
    progress.end();
    const drawn = stderr.text.split('\r\u001b[2K');
    expect(drawn.length).toBeLessThan(15);
    expect(drawn.at(-2)).toBe('100 % 100 of 100 messages, 100/s, 0 s left');
    expect(drawn.at(-1)).toBe('');
    expect(stdout.text).toBe('');
  });

  test('is not drawn where there is no terminal', () => {
    const [stdout, stderr] = streams(false);
    const progress = startProgress(openOutput(stdout, stderr, plain), 'messages');
    progress.at(1, 2);
    progress.end();
    expect(stderr.text).toBe('');
  });
});
