/**
 * Many messages through servers of the unofficial providers that fail in every way (the Cloud API's are
 * in `cloud.test.ts`). `SENDER_FAULT_MESSAGES` is their number for each provider: 10 000 in the full run.
 */
import { expect, test } from 'vitest';

import type { Instance } from '#runtime/instances/instances.ts';
import { startFakeEvolution } from '#runtime/testing/fake-evolution.ts';

import { apiKey, eventually, tenant, useSenderWorld } from './testing/sender-world.ts';

const messagesMax = Number(process.env['SENDER_FAULT_MESSAGES'] ?? 160);
const perChat = 8;

const here = useSenderWorld();

type Fault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'drop-before' | 'drop-after' | 'garbled' };

/** A fifth of errors, and some that leave nobody any wiser. */
function faultOf(chance: number): Fault | undefined {
  if (chance < 0.12) return { kind: 'status', status: 503 };
  if (chance < 0.17) return { kind: 'status', status: 502 };
  if (chance < 0.2) return { kind: 'status', status: 429 };
  if (chance < 0.25) return { kind: 'slow', ms: 900 };
  if (chance < 0.26) return { kind: 'drop-after' };
  if (chance < 0.27) return { kind: 'drop-before' };
  if (chance < 0.28) return { kind: 'garbled' };
  return undefined;
}

/** A server with its account, and what arrived of a chat, in order. */
interface Served {
  readonly instance: Instance;
  readonly arrivedAt: (phone: string) => readonly string[];
}

const limits = { perChatPerMinute: null, initiatedPerMinute: null };

async function waha(behave: () => Fault | undefined): Promise<Served> {
  const { fake, instance } = await here.waha({ behave });
  return {
    instance,
    arrivedAt: (phone) =>
      fake.messages
        .filter(({ chatId }) => chatId === `${phone}@c.us`)
        .flatMap(({ text, sends }) => Array.from({ length: sends }, () => text)),
  };
}

async function evolution(behave: () => Fault | undefined): Promise<Served> {
  const fake = await startFakeEvolution({ apiKey, behave });
  here.cleanups.push(() => fake.close());
  const settings = { baseUrl: fake.url, session: 'clinica', limits };
  const wanted = { tenant, provider: 'evolution' as const, name: 'evolution', settings, apiKey };
  return {
    instance: await here.api.instances.create(wanted, Date.now()),
    arrivedAt: (phone) =>
      fake.messages
        .filter(({ remoteJid }) => remoteJid === `${phone}@s.whatsapp.net`)
        .map(({ message }) => String(message['conversation'])),
  };
}

const open = new Set(['queued', 'sending', 'scheduled']);

test.each([
  ['waha', waha],
  ['evolution', evolution],
] as const)(
  'through faults of %s each message arrives once and in order, or is shown with its cause',
  { timeout: 60_000 + messagesMax * 100 },
  async (_, serve) => {
    const chance = seeded(20_261_121);
    const { instance, arrivedAt } = await serve(() => faultOf(chance()));
    const chats = [];
    for (let i = 0; i < messagesMax / perChat; i++) chats.push(await here.chatOn(instance));
    const gates = { failuresMax: 5, pauseMs: 100, pauseMsMax: 200, coldPauseMs: 60_000, coldPauseMsMax: 60_000 };
    await here.sender({ retryDelaysMs: [0, 20, 40, 60, 80, 100], concurrency: 32, perInstance: 32, gates });
    const asked = [];
    for (const chat of chats)
      asked.push(await here.ask(chat, ...Array.from({ length: perChat }, (__, i) => `${chat.phone}/${i}`)));
    const ids = asked.flat();
    const settled = await eventually(
      async () => {
        // Of many, so that looking is not most of the work.
        await new Promise((resolve) => setTimeout(resolve, ids.length / 10));
        const found = await here.rows(ids);
        return found.length === ids.length && found.every(({ status }) => !open.has(status)) ? found : undefined;
      },
      60_000 + messagesMax * 60,
    );
    const rowOf = new Map(settled.map((row) => [row.id, row]));
    for (const [c, chat] of chats.entries()) {
      const arrived = arrivedAt(chat.phone);
      const places = arrived.map((text) => Number(text.split('/')[1]));
      // Each once, in order.
      expect(places).toEqual([...new Set(places)].sort((a, b) => a - b));
      for (const [place, id] of (asked[c] ?? []).entries()) {
        const { status = '', reason = null } = rowOf.get(id) ?? {};
        if (status === 'unknown') expect(reason).toEqual(expect.any(String));
        else if (status === 'sent') expect([id, places.includes(place)]).toEqual([id, true]);
        else expect([id, status, reason, places.includes(place)]).toEqual([id, 'manual', expect.any(String), false]);
      }
    }
    // Else nothing was shown of them.
    expect(settled.filter(({ status }) => status === 'sent').length).toBeGreaterThan(ids.length / 2);
  },
);

/** Mulberry32. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
