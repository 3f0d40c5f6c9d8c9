/**
 * The load process: sends signed WAHA webhooks to a server on the loopback. Reads a `LoadPlan` from the
 * first line of its standard input and writes a line; for each further line it is given it runs the
 * next phase and writes its `PhaseReport`.
 *
 * The webhooks of a phase are made and signed before its clock starts. Bounded in count, time and
 * connections.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { Pool } from 'undici';

import { signWahaWebhook } from '#runtime/testing/fake-waha.ts';

import {
  type LoadPlan,
  type OpenLoop,
  type Phase,
  type PhaseReport,
  chatAddress,
  wahaMessage,
} from '../webhook-plan.ts';

const connectionsMax = 64;
const answerTimeoutMs = 10_000;

interface Webhook {
  readonly chat: number;
  readonly body: Buffer;
  readonly headers: Record<string, string>;
}

/** Makes every message of a load another one. */
let serial = 0;

function webhookOf(chat: number, text: string, secret: string): Webhook {
  const at = Date.now();
  const address = chatAddress(chat);
  serial += 1;
  const stanza = `3EB0${serial.toString(16).toUpperCase().padStart(18, '0')}`;
  const body = wahaMessage({ chat: address, text, stanza, at });
  return { chat, body, headers: signWahaWebhook(body, secret) };
}

/** Counts what becomes of webhooks. */
class Tally {
  readonly refused: Record<string, number> = {};
  readonly latencies: number[] = [];
  accepted = 0;

  answered(status: number, accepted: boolean, latencyMs: number): void {
    this.latencies.push(latencyMs);
    if (accepted) this.accepted += 1;
    else this.refused[status] = (this.refused[status] ?? 0) + 1;
  }
}

/** Sends one; its latency counts from `since` (as of `performance.now()`). */
async function send(pool: Pool, path: string, { body, headers }: Webhook, since: number, tally: Tally): Promise<void> {
  try {
    const response = await pool.request({ method: 'POST', path, headers, body });
    const answer = (await response.body.json()) as { readonly accepted?: number };
    tally.answered(response.statusCode, answer.accepted === 1, performance.now() - since);
  } catch {
    tally.answered(0, false, performance.now() - since);
  }
}

async function sendPhase(pool: Pool, plan: LoadPlan, { name, loop, texts }: Phase): Promise<PhaseReport> {
  const count = loop.kind === 'closed' ? loop.requestsMax : loop.requests;
  const webhooks = Array.from({ length: count }, (_, i) => {
    const text = texts[Math.min(Math.floor(i / plan.chats), texts.length - 1)] ?? '';
    return webhookOf(i % plan.chats, text, plan.secret);
  });
  const tally = new Tally();
  const begun = performance.now();
  const sending = (webhook: Webhook, since: number): Promise<void> => send(pool, plan.path, webhook, since, tally);
  const due = loop.kind === 'closed' ? [] : dueTimes(webhooks, loop, begun);
  if (loop.kind === 'closed') await sendClosed(webhooks, loop.inFlight, begun + loop.seconds * 1_000, sending);
  else await sendOpen(webhooks, due, sending);
  const { accepted, refused, latencies } = tally;
  return {
    name,
    sent: latencies.length,
    accepted,
    refused,
    seconds: (performance.now() - begun) / 1_000,
    latencies,
    due: due.map((at, i) => [webhooks[i]?.chat ?? 0, performance.timeOrigin + at]),
  };
}

async function sendClosed(
  webhooks: readonly Webhook[],
  inFlight: number,
  until: number,
  sending: (webhook: Webhook, since: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  const loop = async (): Promise<void> => {
    for (let webhook = webhooks[next++]; webhook !== undefined; webhook = webhooks[next++]) {
      const now = performance.now();
      if (now >= until) return;
      await sending(webhook, now);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, loop));
}

const dueTimes = (webhooks: readonly Webhook[], { perSecond }: OpenLoop, begun: number): number[] =>
  webhooks.map((_, i) => begun + (i * 1_000) / perSecond);

async function sendOpen(
  webhooks: readonly Webhook[],
  due: readonly number[],
  sending: (webhook: Webhook, since: number) => Promise<void>,
): Promise<void> {
  const answers: Promise<void>[] = [];
  for (const [i, webhook] of webhooks.entries()) {
    const at = due[i] ?? 0;
    // A timer never fires early; what it is late by counts as latency.
    while (performance.now() < at) await sleep(at - performance.now());
    answers.push(sending(webhook, at));
  }
  await Promise.all(answers);
}

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const plan = JSON.parse((await input.next()).value ?? '') as LoadPlan;
if (!['127.0.0.1', 'localhost'].includes(new URL(plan.origin).hostname))
  throw new Error('the load goes to the loopback only');
const pool = new Pool(plan.origin, {
  connections: connectionsMax,
  pipelining: 1,
  headersTimeout: answerTimeoutMs,
  bodyTimeout: answerTimeoutMs,
});
process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);
for (const phase of plan.phases) {
  if ((await input.next()).done === true) break;
  process.stdout.write(`${JSON.stringify(await sendPhase(pool, plan, phase))}\n`);
}
await pool.close();
process.stdin.destroy();
