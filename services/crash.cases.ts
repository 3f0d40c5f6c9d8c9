/**
 * The crash cases, for any log: a scripted conversation during which the program is killed at random
 * points. Each message is sent until it is accepted, as a provider would.
 */
import { expect } from 'vitest';

import { chanceOf } from '#runtime/log/adapters/simulated/chance.ts';
import { type FakeWaha, signWahaWebhook, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { eventually } from '#runtime/testing/person.ts';

import { Program } from './testing/program.ts';

/**
 * What the person writes: through consent, name, menu and agents, out by PARAR, and in again. Only what is answered
 * at once: messages that come while an effect is awaited are joined, so that a kill would change what they mean. Kills
 * between effects: `evals/crashes.test.ts`.
 */
const script = [
  'Oi',
  'sim',
  'Maria da Silva',
  'quero marcar',
  '2',
  'menu',
  'meus dados',
  'quero me inscrever',
  'Maria',
  'menu',
  'meus dados',
  'PARAR',
  'Oi',
  'por quê?',
  'sim',
  'João Pereira',
  'quero marcar',
  '1',
  'menu',
  'meus dados',
];

/** A kill comes at some moment within this time after a message is sent. */
const killWithinMs = 250;
const settleTimeoutMs = 60_000;

/** Two runs of the same script say the same but for the time of day in some texts. */
const withoutClock = (text: string): string => text.replaceAll(/\d{2}\/\d{2}\/\d{4} às \d{2}:\d{2}/g, '<time>');

/**
 * Runs the script on both a simulated phone and WAHA, with a kill at each message, or at each `every`th from a random
 * one on.
 */
export async function surviveKills(
  environment: Readonly<Record<string, string>>,
  seed: number,
  every = 1,
): Promise<void> {
  const waha = await startFakeWaha();
  const program = await Program.start({ WAHA_BASE_URL: waha.url, ...environment });
  try {
    const undisturbed = await run(program, waha, 'undisturbed', () => Promise.resolve());
    const chance = chanceOf(seed);
    const first = chance.below(every);
    let kills = 0;
    const killed = await run(program, waha, 'killed', async (index) => {
      if (index % every !== first) return;
      kills += 1;
      await new Promise((resolve) => setTimeout(resolve, chance.share() * killWithinMs));
      await program.end('SIGKILL');
      await program.start();
    });
    compare(undisturbed, killed, kills, seed);
  } finally {
    await program.close();
    await waha.close();
  }
}

/** What came of a run. */
interface Outcome {
  readonly state: unknown;
  readonly phone: readonly string[];
  readonly waha: readonly string[];
  readonly sendsMost: number;
  readonly unknown: number;
}

function compare(undisturbed: Outcome, killed: Outcome, kills: number, seed: number): void {
  const label = `seed ${seed}`;
  expect(undisturbed.phone.length, label).toBe(script.length);
  expect(killed.state, label).toEqual(undisturbed.state);
  // No reply lost, each exactly once, in order.
  expect(killed.phone, label).toEqual(undisturbed.phone);
  // At WAHA each once, or shown as unknown, of which there is at most one per kill.
  expect(killed.sendsMost, label).toBe(1);
  expect(killed.unknown, label).toBeLessThanOrEqual(kills);
  expect(isSubsequence(killed.waha, undisturbed.waha), `${label}: ${JSON.stringify(killed.waha)}`).toBe(true);
  expect(killed.waha.length + killed.unknown, label).toBeGreaterThanOrEqual(undisturbed.waha.length);
}

const isSubsequence = (part: readonly string[], whole: readonly string[]): boolean => {
  let at = 0;
  for (const text of whole) if (part[at] === text) at++;
  return at === part.length;
};

async function run(
  program: Program,
  waha: FakeWaha,
  name: 'undisturbed' | 'killed',
  disturb: (index: number) => Promise<void>,
): Promise<Outcome> {
  const phone = name === 'killed' ? '5511999990001' : '5511999990002';
  const chat = name === 'killed' ? '5511888880001@c.us' : '5511888880002@c.us';
  let replied = 0;
  let conversation = '';
  for (const [index, text] of script.entries()) {
    const said = untilAccepted(async () => {
      ({ conversationId: conversation } = await program.says(phone, text, `${name}-${index}`));
      await sayOnWaha(program, chat, text, `${name}${index}`);
    });
    await disturb(index);
    await said;
    // In an undisturbed run each message is answered before the next; in a killed one they may pile up.
    if (name === 'undisturbed') {
      replied = (
        await eventually(
          () => program.phone(phone),
          (received) => received.length > replied,
          settleTimeoutMs,
        )
      ).length;
    }
  }
  const settled = await settle(program, waha, phone, chat);
  const detail = await program.api('GET', `/v1/conversations/${conversation}`);
  return { state: withoutTimes((detail.body as { state: unknown }).state), ...settled };
}

async function untilAccepted(say: () => Promise<void>): Promise<void> {
  const until = Date.now() + settleTimeoutMs;
  for (;;) {
    try {
      await say();
      return;
    } catch (caught) {
      if (Date.now() > until) throw caught;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

async function sayOnWaha(program: Program, chat: string, text: string, id: string): Promise<void> {
  const { webhook, secret } = program.instance('waha');
  const stanza = `3EB0${Buffer.from(id.padEnd(9, '.')).toString('hex').toUpperCase()}`;
  const body = JSON.stringify({
    id: `evt_${id}`,
    event: 'message',
    session: 'default',
    engine: 'NOWEB',
    timestamp: Date.now(),
    payload: {
      id: `false_${chat}_${stanza}`,
      timestamp: Math.floor(Date.now() / 1000),
      from: chat,
      fromMe: false,
      body: text,
      hasMedia: false,
    },
  });
  const response = await fetch(`${program.ready.url}${webhook}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...signWahaWebhook(body, secret ?? '') },
    body,
    signal: AbortSignal.timeout(15_000),
  });
  if (response.status !== 200) throw new Error(`not accepted: ${response.status}`);
}

/** Waits until nothing more comes and no delivery is open. */
async function settle(program: Program, waha: FakeWaha, phone: string, chat: string): Promise<Omit<Outcome, 'state'>> {
  const look = async () => {
    const received = (await program.phone(phone)).map(({ text }) => withoutClock(text));
    const sent = waha.messages.filter(({ chatId, fromMe }) => chatId === chat && fromMe);
    const unknown = await unknownDeliveries(program, chat);
    return {
      phone: received,
      waha: sent.map(({ text }) => withoutClock(text)),
      sendsMost: Math.max(...sent.map(({ sends }) => sends)),
      unknown: unknown.unknown,
      open: unknown.open,
    };
  };
  let last = '';
  let same = 0;
  const { open, ...settled } = await eventually(
    look,
    (now) => {
      const seen = JSON.stringify(now);
      same = seen === last ? same + 1 : 0;
      last = seen;
      return now.open === 0 && same >= 50;
    },
    settleTimeoutMs,
  );
  expect(open).toBe(0);
  return settled;
}

async function unknownDeliveries(
  program: Program,
  chat: string,
): Promise<{ readonly unknown: number; readonly open: number }> {
  const found = await program.api('POST', '/v1/conversations/search', { phone: chat.split('@')[0] });
  const id = (found.body as { items: { id: string }[] }).items[0]?.id;
  if (id === undefined) return { unknown: 0, open: 1 };
  const { body } = await program.api('GET', `/v1/conversations/${id}/messages?limit=200`);
  const outbound = (body as { items: { direction: string; status: string }[] }).items.filter(
    ({ direction }) => direction === 'out',
  );
  return {
    unknown: outbound.filter(({ status }) => status === 'unknown').length,
    open: outbound.filter(({ status }) => status === 'queued' || status === 'sending').length,
  };
}

/** Times and ids differ between two runs of the same script; nothing else may. */
function withoutTimes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTimes);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      key === 'at' || key.endsWith('At') || key === 'eventId' ? [] : [[key, withoutTimes(inner)]],
    ),
  );
}
