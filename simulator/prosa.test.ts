/**
 * Goal: Prosa as a whole with each provider, through everything that the simulator can do to it: what people
 * wrote is answered once, and every answer is at its phone once and in order, or shown with a cause.
 * Method: the program as a process, one simulator per provider, faults by seed, and both sides' books.
 *
 * `SIMULATOR_PEOPLE=40 SIMULATOR_SEED=7 npx vitest run simulator/prosa.test.ts` is the long form: more people
 * who say more, and sessions that go away.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';

import { Program } from '../services/testing/program.ts';
import { type FaultRates, parseFaults } from './faults.ts';
import { numberOf } from './people.ts';
import { type PersonalityName, type Simulator, personalities, startSimulator } from './simulator.ts';

const people = Number(process.env['SIMULATOR_PEOPLE'] ?? 2);
const isLong = people > 2;
const lines = isLong ? 15 : 5;
const settleTimeoutMs = isLong ? 900_000 : 25_000;

const seed = Number(process.env['SIMULATOR_SEED'] ?? 234);
const key = 'an invented key';
const names = Object.keys(personalities) as readonly PersonalityName[];

const faults: FaultRates = parseFaults(
  [
    'duplicate=0.2,reorder=0.1:300,delay=0.2:300,drop=0.05,lid-switch=0.1',
    'slow=0.1:300,ambiguous=0.1:200,error=0.1',
    ...(isLong ? ['disconnect=0.005:2000'] : []),
  ].join(','),
);

interface Message {
  readonly direction: 'in' | 'out';
  readonly origin: string;
  readonly text: string;
}

interface Delivery {
  readonly status: string;
  readonly reason: string | null;
  readonly attempts: number;
}

interface Found {
  readonly id: string;
  readonly instanceId: string;
  readonly status: string;
}

let program: Program;
const simulators = new Map<PersonalityName, Simulator>();
const of = (name: PersonalityName): Simulator => {
  const found = simulators.get(name);
  if (found === undefined) throw new Error(`there is no ${name}`);
  return found;
};

beforeAll(async () => {
  const habits = { people, rate: 20, lines, patienceMs: isLong ? 15_000 : 1_500 };
  for (const [i, as] of names.entries())
    simulators.set(as, await startSimulator({ as, port: 0, seed: seed + i, apiKey: key, faults: {}, habits }));
  program = await Program.start({
    PROSA_LOG_LEVEL: 'warn',
    WAHA_BASE_URL: of('waha').url,
    WAHA_API_KEY: key,
    EVOLUTION_BASE_URL: of('evolution').url,
    EVOLUTION_API_KEY: key,
    CLOUD_BASE_URL: of('cloud').url,
    CLOUD_API_KEY: key,
    CLOUD_PHONE_NUMBER_ID: personalities.cloud.session,
    BAILEYS_GATEWAY_URL: of('baileys').url,
    BAILEYS_GATEWAY_KEY: key,
  });
  for (const as of names) {
    const { webhook, secret, headers } = program.instance(as);
    const bearer = headers?.['authorization']?.replace('Bearer ', '');
    of(as).connect({ url: `${program.ready.url}${webhook}`, secret: secret ?? bearer ?? '' });
  }
});

afterAll(async () => {
  await program.close();
  for (const simulator of simulators.values()) await simulator.close();
});

const conversationsOf = async (as: PersonalityName, phone: string): Promise<readonly Found[]> => {
  const { body } = await program.api('POST', '/v1/conversations/search', { phone });
  const { id } = program.instance(as);
  return (body as { items: Found[] }).items.filter(({ instanceId }) => instanceId === id);
};

const historyOf = async (conversation: string): Promise<readonly Message[]> => {
  const { body } = await program.api('GET', `/v1/conversations/${conversation}/messages?limit=200`);
  return (body as { items: Message[] }).items;
};

const deliveriesOf = async (conversation: string): Promise<readonly Delivery[]> => {
  const { body } = await program.api('GET', `/v1/deliveries?conversation=${conversation}&limit=200`);
  return (body as { items: Delivery[] }).items;
};

const received = (as: PersonalityName, phone: string): readonly string[] =>
  of(as)
    .phone(phone)
    .filter(({ by }) => by === 'business')
    .map(({ text }) => text);

const there = new Set(['sent', 'delivered', 'read']);
/** Nothing more happens to it by itself. */
const ended = new Set([...there, 'failed', 'unknown', 'manual', 'cancelled']);

describe('small talk through faults', () => {
  test(
    'is answered once, each answer at its phone once and in order, or shown with a cause',
    {
      timeout: settleTimeoutMs + 60_000,
    },
    async () => {
      for (const simulator of simulators.values()) {
        simulator.setFaults(faults);
        simulator.begin();
      }
      await eventually(
        () =>
          Promise.resolve([...simulators.values()].filter((one) => !one.done() || one.report().webhooks.waiting > 0)),
        (busy) => busy.length === 0,
        settleTimeoutMs,
      ).catch((caught: unknown) => {
        throw new Error(`not settled: ${JSON.stringify([...simulators.values()].map((one) => one.report()))}`, {
          cause: caught,
        });
      });
      for (const as of names) for (const phone of of(as).people) await judge(as, phone);

      const struck = names.map((as) => of(as).report().faults);
      for (const name of Object.keys(faults) as (keyof typeof faults)[])
        expect(Math.max(...struck.map((one) => one[name] ?? 0)), name).toBeGreaterThan(0);
      for (const as of names) expect(of(as).report().messages, as).toMatchObject({ doubled: 0, nowhere: 0 });
    },
  );

  async function judge(as: PersonalityName, phone: string): Promise<void> {
    const label = `${as} ${of(as).people.indexOf(phone)}, seed ${seed}`;
    const [conversation, ...others] = await conversationsOf(as, phone);
    expect(others, label).toEqual([]);
    if (conversation === undefined) throw new Error(`${label}: no conversation`);
    const deliveries = await eventually(
      () => deliveriesOf(conversation.id),
      (all) => all.every((delivery) => isAccountedFor(delivery, all)),
      settleTimeoutMs,
    );
    const history = await historyOf(conversation.id);
    const shown = of(as).phone(phone);
    const wrote = shown.filter(({ by }) => by === 'person');
    const lost = new Set(of(as).report().webhooks.lostMessages);
    const heard = history.filter(({ direction }) => direction === 'in');
    // A send that is not yet known to have gone out is there once more, as its echo.
    const said = history.filter(({ origin }) => origin === 'machine');
    // A dropped webhook is a dropped message, unless a repair after a disconnect found it; nothing else is. What
    // came twice is one.
    const told = wrote.filter(({ id }) => !lost.has(id));
    expect(heard.length, label).toBeGreaterThanOrEqual(told.length);
    expect(heard.length, label).toBeLessThanOrEqual(isLong ? wrote.length : told.length);
    expect(said.length, label).toBeLessThanOrEqual(heard.length);
    expect(said.length, label).toBeGreaterThan(0);

    expect(deliveries.length, label).toBe(said.length);
    const arrived = received(as, phone);
    const words = said.map(({ text }) => text);
    expect(isSubsequence(arrived, words), `${label}: ${JSON.stringify({ arrived, words })}`).toBe(true);
    const missing = words.length - arrived.length;
    const unsure = deliveries.filter(({ status }) => !there.has(status)).length;
    expect(missing, `${label}: ${JSON.stringify(deliveries)}`).toBeLessThanOrEqual(unsure);
  }

  /** It is there, or shows why not; in the short form also what is to be tried again in a minute, and what is behind it. */
  const isAccountedFor = ({ status, reason, attempts }: Delivery, all: readonly Delivery[]): boolean =>
    there.has(status) ||
    (ended.has(status) && reason !== null) ||
    (!isLong && status === 'queued' && (attempts > 0 || all.some((other) => waits(other))));
  const waits = ({ status, attempts }: Delivery): boolean => status === 'queued' && attempts > 0;
});

const isSubsequence = (part: readonly string[], whole: readonly string[]): boolean => {
  let at = 0;
  for (const text of whole) if (part[at] === text) at++;
  return at === part.length;
};

describe.each(['waha', 'evolution', 'cloud', 'baileys'] as const)(
  'a person of %s who goes on under a hidden id',
  (as) => {
    const say = async (phone: string, text: string, naming: 'number' | 'both' | 'hidden'): Promise<string> => {
      of(as).setFaults({});
      const before = received(as, phone).length;
      of(as).says(phone, { kind: 'text', text }, naming);
      const now = await eventually(
        () => Promise.resolve(received(as, phone)),
        (all) => all.length > before,
      );
      expect(now).toHaveLength(before + 1);
      return now.at(-1) ?? '';
    };

    test('that comes with the number is in the same conversation', async () => {
      const phone = numberOf(seed, 90_001);
      expect(await say(phone, 'Oi', 'number')).toMatch(/LGPD/);
      expect(await say(phone, 'sim', 'both')).not.toMatch(/LGPD/);
      expect(await say(phone, 'Maria da Silva', 'hidden')).toMatch(/Maria/);
      expect(await conversationsOf(as, phone)).toHaveLength(1);
    });

    test('and has two conversations by then, has one again, which goes on; nothing is answered twice', async () => {
      const phone = numberOf(seed, 90_002);
      expect(await say(phone, 'Oi', 'number')).toMatch(/LGPD/);
      // Nobody can know who this is.
      expect(await say(phone, 'Olá', 'hidden')).toMatch(/LGPD/);
      expect(await say(phone, 'sim', 'both')).not.toMatch(/LGPD/);
      expect(await say(phone, 'Maria da Silva', 'number')).toMatch(/Maria/);
      expect(await say(phone, 'meus dados', 'hidden')).toMatch(/Maria da Silva/);
      expect(received(as, phone)).toHaveLength(5);
      const found = await conversationsOf(as, phone);
      expect(found.map(({ status }) => status).filter((status) => status !== 'merged')).toEqual(['active']);
    });
  },
);
