/**
 * Many messages through a server that fails in every way: a fifth of errors, a twentieth that are not answered in time,
 * a hundredth that are cut off after they were taken, by seed.
 */
import { expect } from 'vitest';

import type { SendLimits } from '#runtime/instances/send-limits.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { chanceOf } from '#runtime/log/adapters/simulated/chance.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { GateOptions } from '../gates.ts';
import { peakOf } from './limited-senders.ts';
import { type Chat, type Row, eventually, tenant, type useSenderWorld } from './sender-world.ts';

/** Messages for each provider; `SENDER_FAULT_MESSAGES=10000` is the full run (services/README.md). */
const faultMessages = Number(process.env['SENDER_FAULT_MESSAGES'] ?? 250);

/** Enough for all of them, on a busy machine too. */
export const faultTestMs = 90_000 + faultMessages * 400;

/** What every provider can do wrong; of errors, those that are no answer about the message. */
export type CommonFault =
  | { readonly kind: 'status'; readonly status: number }
  | { readonly kind: 'slow'; readonly ms: number }
  | { readonly kind: 'drop-before' | 'drop-after' | 'garbled' };

/** What goes wrong with the next send. */
export type Misbehaviour = () => CommonFault | undefined;

/** A server with its account. */
export interface FaultyServer {
  readonly instance: Instance;
  /** The texts of the messages that a person has, in the order in which they came. */
  readonly arrivedAt: (phone: string) => readonly string[];
  /** When each request to send came, by the server's clock. */
  readonly sendsAt: () => readonly number[];
}

/** Of the account. */
const perSecond = 100;
export const faultyLimits: SendLimits = { perSecond, perChatPerMinute: null, initiatedPerMinute: null };

const perChat = 8;
const callTimeoutMs = 1_500;
const gates: GateOptions = {
  failuresMax: 5,
  pauseMs: 100,
  pauseMsMax: 200,
  coldPauseMs: 60_000,
  coldPauseMsMax: 60_000,
};
const open = new Set(['queued', 'sending', 'scheduled']);

/** By seed, the shares of faults above; in the middle a row of errors that opens the breaker. */
function misbehaviour(): Misbehaviour {
  const chance = chanceOf(20_261_121);
  let asked = 0;
  return () => {
    asked += 1;
    const drawn = chance.share();
    const outage = Math.floor(faultMessages / 2);
    if (asked > outage && asked <= outage + 2 * gates.failuresMax) return { kind: 'status', status: 503 };
    if (drawn < 0.12) return { kind: 'status', status: 503 };
    if (drawn < 0.17) return { kind: 'status', status: 502 };
    if (drawn < 0.2) return { kind: 'status', status: 429 };
    if (drawn < 0.25) return { kind: 'slow', ms: 2 * callTimeoutMs };
    if (drawn < 0.26) return { kind: 'drop-after' };
    if (drawn < 0.27) return { kind: 'drop-before' };
    if (drawn < 0.28) return { kind: 'garbled' };
    return undefined;
  };
}

/**
 * Sends them all by each server at the same time; expects each message to be at its server once and in the order of its
 * chat, or to be shown as unknown or left to people with its cause, the account's limit to hold by the server's clock,
 * and its breaker to have opened. Resolves with the rows.
 */
export async function throughFaults(
  here: ReturnType<typeof useSenderWorld>,
  servers: readonly ((behave: Misbehaviour) => Promise<FaultyServer>)[],
  runtime?: Runtime,
): Promise<readonly Row[]> {
  const opened = await Promise.all(
    servers.map(async (serve) => {
      const server = await serve(misbehaviour());
      const chats: Chat[] = [];
      for (let i = 0; i < faultMessages / perChat; i++) chats.push(await here.chatOn(server.instance));
      return { server, chats };
    }),
  );
  const retryDelaysMs = [0, 20, 40, 60, 80, 100];
  const concurrency = 32 * servers.length;
  await here.sender({ retryDelaysMs, callTimeoutMs, leaseMs: 4_000, concurrency, perInstance: 32, gates }, runtime);
  const asked = new Map<Chat, readonly string[]>();
  for (const chat of opened.flatMap(({ chats }) => chats))
    asked.set(chat, await here.ask(chat, ...Array.from({ length: perChat }, (_, i) => `${chat.phone}/${i}`)));
  const settled = await settledOf(here, [...asked.values()].flat());
  const rowOf = new Map(settled.map((row) => [row.id, row]));
  for (const { server, chats } of opened) {
    for (const chat of chats) {
      const rows = (asked.get(chat) ?? []).flatMap((id) => rowOf.get(id) ?? []);
      expectAccountedFor(server.instance.provider, rows, server.arrivedAt(chat.phone));
    }
    expect(peakOf(server.sendsAt()), server.instance.provider).toBeLessThanOrEqual(perSecond);
    expect(await hasOpened(here, server.instance), server.instance.provider).toBe(true);
  }
  // Else nothing was shown of them.
  expect(settled.filter(({ status }) => status === 'sent').length).toBeGreaterThan(settled.length / 2);
  return settled;
}

/** Of the messages of one chat: what arrived did so once and in order, what did not has its cause. */
function expectAccountedFor(label: string, rows: readonly Row[], arrived: readonly string[]): void {
  const places = arrived.map((text) => Number(text.split('/')[1]));
  expect(places, label).toEqual([...new Set(places)].sort((a, b) => a - b));
  for (const [place, { status, reason, cause }] of rows.entries()) {
    if (status === 'unknown') expect(reason, label).toEqual(expect.any(String));
    else if (status === 'sent') expect([label, place, places.includes(place)]).toEqual([label, place, true]);
    else
      expect([label, status, reason, cause, places.includes(place)]).toEqual([
        label,
        'manual',
        expect.any(String),
        expect.any(String),
        false,
      ]);
  }
}

/** The rows of deliveries once all of them are over. */
function settledOf(here: ReturnType<typeof useSenderWorld>, ids: readonly string[]): Promise<readonly Row[]> {
  return eventually(async () => {
    // Of many, so that looking is not most of the work.
    await new Promise((resolve) => setTimeout(resolve, ids.length / 10));
    const found = await here.rows(ids);
    return found.length === ids.length && found.every(({ status }) => !open.has(status)) ? found : undefined;
  }, faultTestMs - 20_000);
}

/** Whether the breaker of an account ever opened. */
async function hasOpened(here: ReturnType<typeof useSenderWorld>, { id }: Instance): Promise<boolean> {
  const found = await here.worker.database.query(
    [tenant],
    'SELECT FROM sending_gates WHERE tenant = $1 AND instance = $2 AND opened_at IS NOT NULL',
    [tenant, id],
  );
  return found.rowCount > 0;
}
