/** What the simulator is told when it is started. */
import { parseArgs } from 'node:util';

import { faultKinds, parseFaults } from './faults.ts';
import { type PersonalityName, type SimulatorOptions, personalities } from './simulator.ts';

/** A wrong argument; the message says what is wrong. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What to run. */
export interface CommandLine {
  readonly options: SimulatorOptions;
  /** Milliseconds that people talk; undefined: until a signal. */
  readonly forMs: number | undefined;
  readonly json: boolean;
}

const bounds = { people: 10_000, rate: 500, for: 86_400, patience: 3_600 } as const;

const faultLines = Object.entries(faultKinds).map(([name, kind]) => {
  const ms = 'ms' in kind ? `, ${kind.ms} ms` : '';
  return `  ${name.padEnd(12)}${kind.means}${ms}`;
});

/** What `--help` says. */
export const helpText = `npm run simulator -- --as waha|evolution|cloud|baileys [options]

Pretends to be a server of that kind with people behind it, on the loopback.

  --port N        where it listens; 0 is any (${Object.entries(personalities)
    .map(([name, { port }]) => `${name} ${port}`)
    .join(', ')})
  --webhook URL   where webhooks go; may be told later: POST /simulator/webhook {url, secret}
  --secret TEXT   what they are signed with, or the bearer of Evolution
  --api-key TEXT  what callers must present
  --session NAME  session, instance or phone number id
  --unlinked      no phone is linked: start the session, then POST /simulator/scan
  --people N      people who talk by themselves, at --rate messages a second (5), for --for seconds
                  (until Ctrl-C), waiting --patience seconds (15) for an answer
  --faults LIST   what goes wrong, as name=rate or name=rate:milliseconds
  --seed N        the same seed makes the same choices
  --json          one line when it is ready, one with the report at the end

Faults, with how long they take where nothing else is said:
${faultLines.join('\n')}

By hand, on the same port:
  POST /simulator/messages  {from, text | button {id, title} | location {latitude, longitude}, naming?}
  GET  /simulator/phones/{number}
  POST /simulator/faults    {"duplicate": 0.1, "delay": "0.2:2000"}
  GET  /simulator/report

Examples:
  npm run simulator -- --as waha --webhook http://127.0.0.1:3000/webhooks/waha/TOKEN --secret SECRET
  npm run simulator -- --as waha --webhook … --secret … --people 20 --rate 5 --for 60 --seed 7 \\
    --faults duplicate=0.1,reorder=0.1,delay=0.2:2000,drop=0.05,ambiguous=0.05
  curl -s http://127.0.0.1:3001/simulator/messages -d '{"from": "5511999990001", "text": "Oi"}'
`;

/** Reads the arguments; undefined when help is asked for. Throws `UsageError`. */
export function readCommandLine(given: readonly string[]): CommandLine | undefined {
  const values = valuesIn(given);
  if (values.help) return undefined;
  const as = values.as ?? '';
  if (!isPersonality(as)) throw new UsageError(`--as is one of ${Object.keys(personalities).join(', ')}; see --help`);
  const people = wholeNumber('people', values.people ?? '0', 0, bounds.people);
  const forMs = values.for === undefined ? undefined : wholeNumber('for', values.for, 1, bounds.for) * 1_000;
  const { webhook, secret = '', session } = values;
  const apiKey = values['api-key'];
  const habits = {
    people,
    rate: wholeNumber('rate', values.rate, 1, bounds.rate),
    lines: Infinity,
    patienceMs: wholeNumber('patience', values.patience, 1, bounds.patience) * 1_000,
  };
  return {
    options: {
      as,
      port: wholeNumber('port', values.port ?? String(personalities[as].port), 0, 65_535),
      seed: wholeNumber('seed', values.seed ?? String(Date.now() % 1_000_000), 0, 0xffff_ffff),
      faults: faultsIn(values.faults),
      linked: !values.unlinked,
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(session === undefined ? {} : { session }),
      // As Prosa prints it for Evolution, it is a whole header.
      ...(webhook === undefined ? {} : { webhook: { url: urlIn(webhook), secret: secret.replace(/^Bearer /, '') } }),
      ...(people === 0 ? {} : { habits }),
    },
    forMs,
    json: values.json,
  };
}

function valuesIn(given: readonly string[]) {
  try {
    return parseArgs({
      args: [...given],
      options: {
        as: { type: 'string' },
        port: { type: 'string' },
        webhook: { type: 'string' },
        secret: { type: 'string' },
        'api-key': { type: 'string' },
        session: { type: 'string' },
        unlinked: { type: 'boolean', default: false },
        people: { type: 'string' },
        rate: { type: 'string', default: '5' },
        for: { type: 'string' },
        patience: { type: 'string', default: '15' },
        faults: { type: 'string', default: '' },
        seed: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values;
  } catch (caught) {
    throw new UsageError(caught instanceof Error ? caught.message : 'the arguments are wrong');
  }
}

const isPersonality = (name: string): name is PersonalityName => Object.hasOwn(personalities, name);

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const found = Number(text);
  if (text === '' || !Number.isInteger(found) || found < least || found > most)
    throw new UsageError(`--${name} is a whole number from ${least} to ${most}, not ${text}`);
  return found;
}

function urlIn(text: string): string {
  if (!/^https?:/.test(text) || !URL.canParse(text)) throw new UsageError('--webhook is an http or https address');
  return text;
}

function faultsIn(text: string): SimulatorOptions['faults'] {
  try {
    return parseFaults(text);
  } catch (caught) {
    throw caught instanceof RangeError ? new UsageError(`--faults: ${caught.message}`) : caught;
  }
}
