/** Goal: what is asked for on the command line is what runs; what makes no sense is refused in words. */
import { expect, test } from 'vitest';

import { UsageError, helpText, readCommandLine } from './command-line.ts';
import { faultKinds } from './faults.ts';

test('everything that can be said', () => {
  const webhook = 'http://127.0.0.1:3000/webhooks/evolution/token';
  const said = `--as evolution --port 0 --webhook ${webhook} --api-key k --session clinica --unlinked
    --people 20 --rate 5 --for 60 --patience 2 --seed 7 --json --faults duplicate=0.1,delay=0.2:500`;
  expect(readCommandLine([...said.split(/\s+/), '--secret', 'Bearer s'])).toEqual({
    options: {
      as: 'evolution',
      port: 0,
      seed: 7,
      faults: { duplicate: { rate: 0.1, ms: 0 }, delay: { rate: 0.2, ms: 500 } },
      linked: false,
      apiKey: 'k',
      session: 'clinica',
      webhook: { url: webhook, secret: 's' },
      habits: { people: 20, rate: 5, lines: Infinity, patienceMs: 2_000 },
    },
    forMs: 60_000,
    json: true,
  });
});

test('as little as can be said', () => {
  const read = readCommandLine(['--as', 'waha']);
  expect(read).toMatchObject({ options: { as: 'waha', port: 3001, linked: true, faults: {} }, json: false });
  expect(read?.options).not.toHaveProperty('habits');
});

test('help has every fault', () => {
  expect(readCommandLine(['--help'])).toBeUndefined();
  for (const name of Object.keys(faultKinds)) expect(helpText).toContain(name);
});

test.each([
  [[], /--as is one of/],
  [['--as', 'telegram'], /--as is one of/],
  [['--as', 'waha', '--people', '10001'], /--people/],
  [['--as', 'waha', '--rate', '0'], /--rate/],
  [['--as', 'waha', '--for', 'ever'], /--for/],
  [['--as', 'waha', '--webhook', 'file:///x'], /--webhook/],
  [['--as', 'waha', '--faults', 'rain=1'], /no fault rain; there are duplicate/],
  [['--as', 'waha', '--loud'], /--loud/],
])('%j is refused', (given, words) => {
  expect(() => readCommandLine(given)).toThrow(UsageError);
  expect(() => readCommandLine(given)).toThrow(words);
});
