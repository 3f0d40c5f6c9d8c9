// Goal: what is typed is understood or refused with what was meant, and help tells the truth. Method:
// the real table of commands, no server.
import { readFileSync } from 'node:fs';

import { describe, expect, test } from 'vitest';

import { readCommandLine } from './command-line.ts';
import { commonOptions } from './command.ts';
import { commands } from './commands.ts';
import { exitCodes } from './exit-codes.ts';
import { nearest } from './suggestion.ts';
import { prosa } from './testing/prosa.ts';

const asked = (line: string) => readCommandLine(line.split(' '), commands);

describe('the table of commands', () => {
  test('gives an option the same form everywhere, so that it may stand before the command', () => {
    const forms = new Map<string, boolean>();
    for (const options of [commonOptions, ...commands.map((one) => one.options)]) {
      for (const [name, { value }] of Object.entries(options)) {
        expect([name, forms.get(name) ?? value !== undefined]).toEqual([name, value !== undefined]);
        forms.set(name, value !== undefined);
      }
    }
    const shorts = Object.values(commonOptions).flatMap((one) => ('short' in one ? [one.short] : []));
    expect(shorts).toHaveLength(new Set(shorts).size);
    expect(commands.flatMap(({ options }) => Object.values(options)).filter((one) => one.short !== undefined)).toEqual(
      [],
    );
  });

  test('has each name once, of one word or two', () => {
    const names = commands.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[a-z]+( [a-z-]+)?$/);
  });

  test.each(commands.map((one) => [one.name, one] as const))(
    '%s: every example is one of its command lines',
    (_, one) => {
      expect(one.examples.length).toBeGreaterThan(0);
      for (const [line] of one.examples) {
        const understood = asked(line.replace(/ \|.*$/, ''));
        expect(understood).toMatchObject({ kind: 'run', command: { name: one.name } });
      }
    },
  );
});

describe('a command line', () => {
  test('may have options before, between and after the words of its command', () => {
    for (const line of [
      '--limit 3 conversations ls --json',
      'conversations --limit=3 ls --json',
      'conversations ls --json --limit 3',
    ]) {
      expect(asked(line)).toMatchObject({
        kind: 'run',
        command: { name: 'conversations ls' },
        common: { json: true },
        input: { options: { limit: 3, state: undefined } },
      });
    }
  });

  test('gives arguments in order, as what they are', () => {
    expect(asked('parked redrive some.topic 3 48213')).toMatchObject({
      input: { args: { topic: 'some.topic', partition: 3, offset: 48_213 } },
    });
  });

  test('takes a moment as ISO 8601 or as how long ago', () => {
    const read = (line: string) =>
      (asked(line) as unknown as { input: { options: { from: string } } }).input.options.from;
    expect(read('audit tail --from 2026-11-21T01:00:00-03:00')).toBe('2026-11-21T04:00:00.000Z');
    expect(Date.now() - Date.parse(read('audit tail --from 2h'))).toBeLessThan(2 * 3_600_000 + 60_000);
  });

  test.each([
    ['conversation ls', 'There is no command conversation.', 'Did you mean prosa conversations?'],
    ['conversations tial c_1', 'There is no command conversations tial.', 'Did you mean prosa conversations tail?'],
    ['doktor', 'There is no command doktor.', 'Did you mean prosa doctor?'],
    ['xyzzy', 'There is no command xyzzy.', 'prosa --help lists the commands.'],
    ['deliveries --stauts sent', 'deliveries has no option --stauts.', 'Did you mean --status?'],
    ['deliveries --repair', 'deliveries has no option --repair.', 'prosa deliveries --help lists its options.'],
    ['deliveries -x', 'deliveries has no option -x.', 'lists its options'],
    ['deliveries --status lost', '--status must be one of queued', ''],
    ['deliveries --limit 0', '--limit must be a whole number from 1 to 10000.', ''],
    ['deliveries --limit --quiet', '--limit needs a value: --limit <n>.', ''],
    ['deliveries --json=yes', '--json takes no value.', ''],
    ['deliveries elsewhere', 'deliveries takes no argument.', 'prosa deliveries --help'],
    ['topics grwo', 'topics takes no argument.', 'Did you mean prosa topics grow?'],
    ['conversations show', 'conversations show needs <id>.', 'prosa conversations show --help'],
    ['parked redrive a b 1', '<partition> must be a whole number', ''],
    ['audit tail --from yesterday', '--from must be a moment', ''],
    ['load --duration 2h', '--duration must be a time such as 30s, at most 10m.', ''],
    ['conversations show c_1 --messages --timeline', 'Only one of', ''],
    ['replay what-if', 'One of --machine and --module is needed.', ''],
    ['topics --url ftp://x', 'The address is not one such as', 'PROSA_URL'],
    ['topics --url http://user:word@127.0.0.1', 'The address is not one such as', 'PROSA_URL'],
    ['topics --api-key-file /nonexistent', '--api-key-file must name a small file', ''],
    ['help conversation', 'There is no command conversation.', ''],
  ])('%s is refused: %s', async (line, message, hint) => {
    const { code, stdout, stderr } = await prosa(line.split(' '));
    expect(code).toBe(exitCodes.usage);
    expect(stdout).toBe('');
    expect(stderr.startsWith(`prosa: ${message}`)).toBe(true);
    expect(stderr).toContain(hint);
  });

  test('with a key in it is refused without repeating the key', async () => {
    for (const line of ['topics --api-key prosa_secret', 'topics --api-key=prosa_secret']) {
      const { code, stderr } = await prosa(line.split(' '));
      expect(code).toBe(exitCodes.usage);
      expect(stderr).toContain('PROSA_API_KEY');
      expect(stderr).not.toContain('secret');
    }
  });

  test('that is wrong is told as JSON to who asked for JSON', async () => {
    const { stderr } = await prosa(['deliveries', '--limit', 'x', '--json']);
    expect(JSON.parse(stderr)).toMatchObject({
      error: { exitCode: exitCodes.usage, message: expect.any(String) as string },
    });
  });
});

test('the word that was meant is the nearest one, if any is near', () => {
  const known = ['verify', 'rebuild', 'what-if'];
  expect(nearest('verfy', known)).toBe('verify');
  expect(nearest('rebiuld', known)).toBe('rebuild');
  expect(nearest('wha', known)).toBe('what-if');
  expect(nearest('steps', known)).toBeUndefined();
  expect(nearest('', known)).toBeUndefined();
});

describe('help', () => {
  test('lists every command, and is a result when it was asked for', async () => {
    for (const line of ['--help', '-h', 'help']) {
      const { code, stdout, stderr } = await prosa(line.split(' '));
      expect([code, stderr]).toEqual([exitCodes.ok, '']);
      for (const { name, summary } of commands) {
        expect(stdout).toContain(`\n  ${name} `);
        expect(stdout).toContain(` ${summary}\n`);
      }
    }
  });

  test('is a complaint when something is missing', async () => {
    for (const line of [[], ['conversations'], ['replay']]) {
      const { code, stdout, stderr } = await prosa(line);
      expect([code, stdout]).toEqual([exitCodes.usage, '']);
      expect(stderr).toContain('Usage: prosa');
    }
  });

  test.each(commands.map(({ name, options }) => [name, options] as const))(
    '%s explains itself, the same by help and --help',
    async (name, options) => {
      const { code, stdout } = await prosa([...name.split(' '), '--help']);
      expect(code).toBe(exitCodes.ok);
      expect((await prosa(['help', ...name.split(' ')])).stdout).toBe(stdout);
      for (const option of Object.keys({ ...options, ...commonOptions })) expect(stdout).toContain(`--${option}`);
      expect(
        Math.max(
          ...stdout
            .split('\n')
            .filter((line) => !line.startsWith('  prosa '))
            .map((line) => line.length),
        ),
      ).toBeLessThanOrEqual(104);
    },
  );

  test('reads as it was read over', async () => {
    const read = (name: string) => readFileSync(new URL(`testing/help/${name}.txt`, import.meta.url), 'utf8');
    expect((await prosa(['--help'])).stdout).toBe(read('prosa'));
    expect((await prosa(['conversations', 'tail', '--help'])).stdout).toBe(read('conversations-tail'));
    expect((await prosa(['help', 'replay'])).stdout).toBe(read('replay'));
  });

  test('of a command names those that begin with it', async () => {
    expect((await prosa(['topics', '--help'])).stdout).toContain('See also\n  topics grow ');
  });

  test('the version is told', async () => {
    expect(await prosa(['--version'])).toEqual({ code: exitCodes.ok, stdout: '0.0.0\n', stderr: '' });
  });
});
