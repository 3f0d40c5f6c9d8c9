/**
 * One Cloud number through the whole scheduler: replies that wait on the log, the sender as a process of
 * its own, a Graph API in another, which checks order and counts by its own clock. Beside it undici
 * alone, which posts the same bodies to the same server.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { OutboundContent } from '#schemas/content.ts';

import type { Instance } from '#runtime/instances/instances.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';
import { newUlid, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { GraphReport } from './graph-server.ts';
import { type Installation, type LogKind, openInstallation, quietEnvironment } from './installation.ts';
import { total, watchParts } from './peers/accounting.ts';
import { hasProcessTable } from './process-table.ts';
import { type StartedProcess, startProcess } from './processes.ts';
import { type Measure, type Outcome, measure, percentilesOf } from './result.ts';
import type { Scope, Stage } from './stage.ts';

const token = 'an invented access token';
const perSecondLimit = 1_000;
/** Meta takes 45 messages in 270 s from a number to one person: all rounds of a number stay below. */
const perChat = 12;
const perChatToWarmUp = 2;
const recordsPerAppend = 1_000;
/** Made together. */
const chatsAtOnce = 20;
const lookIntervalMs = 20;
/** Without any progress for this long it is stuck. */
const patienceMs = 60_000;

const aims = { perSecond: { atLeast: perSecondLimit }, ratio: { below: 3 } } as const;

/** A number, and how soon it is answered. */
interface Variant {
  readonly title: string;
  readonly limits: SendLimits;
  readonly answerAfterMs: number;
  readonly aim?: typeof aims.perSecond;
  /** Beside undici alone, which knows no limits. */
  readonly compared: boolean;
}

const variants: readonly Variant[] = [
  {
    title: 'limit of 1 000/s',
    limits: { perSecond: perSecondLimit },
    answerAfterMs: 0,
    aim: aims.perSecond,
    compared: false,
  },
  {
    title: 'limit of 1 000/s, answers after 100 ms',
    limits: { perSecond: perSecondLimit },
    answerAfterMs: 100,
    compared: false,
  },
  { title: 'no limit', limits: { perSecond: null }, answerAfterMs: 0, compared: true },
];

/** What the peer is given. */
export interface BarePosts {
  readonly url: string;
  readonly path: string;
  readonly token: string;
  readonly bodies: readonly string[];
}

/** One round. */
interface Round {
  readonly perSecond: number;
  readonly perSecondMost: number;
  /** Processor time per message, milliseconds, by part. */
  readonly cpuMs: ReadonlyMap<string, number>;
}

/** Runs it on every log that can be had here. */
export async function benchSending(stage: Stage): Promise<Outcome> {
  const chats = stage.size(1_000, 100);
  const rounds = stage.size(3, 1);
  const notes = [
    `${chats * perChat} messages to ${chats} people, in order of their chats; medians of ${rounds} rounds, side by side`,
    'replies of machines, of which none is marked as read; what the sender spends until all is told to the log',
  ];
  const [measures, failures]: [Measure[], string[]] = [[], []];
  for (const log of ['postgres', 'kafka'] as const) {
    if (log === 'kafka' && (await stage.broker()) === undefined) {
      notes.push('no broker here: the Kafka log was not measured');
      continue;
    }
    try {
      measures.push(...(await stage.scoped((scope) => run(stage, scope, log, { chats, rounds, notes }))));
    } catch (caught) {
      failures.push(`${log}: ${caught instanceof Error ? caught.message : 'unknown failure'}`);
    }
  }
  return { measures, notes, failures };
}

interface Sizes {
  readonly chats: number;
  readonly rounds: number;
  readonly notes: string[];
}

async function run(stage: Stage, scope: Scope, log: LogKind, sizes: Sizes): Promise<readonly Measure[]> {
  const installation = await openInstallation(stage, scope, log);
  const platform = await installation.platform();
  const runtime = platform.runtime('prosa_api', 'bench');
  const sender = await installation.start('sender');
  const title = log === 'postgres' ? 'postgres log' : 'Kafka';
  const numbers: OpenNumber[] = [];
  for (const variant of variants) numbers.push(await openNumber(scope, installation, runtime, variant, sizes.chats));
  const said = new Map<Variant, Round[]>();
  const bare: Round[] = [];
  for (const number of numbers) await drain(runtime, sender, number, perChatToWarmUp);
  for (let round = 0; round < sizes.rounds; round++) {
    for (const number of numbers) {
      stage.say(`sending: ${title}, round ${round + 1}, ${number.variant.title}`);
      const { report, cpuMs } = await drain(runtime, sender, number, perChat);
      said.set(number.variant, [...(said.get(number.variant) ?? []), roundOf(report, cpuMs)]);
      if (!number.variant.compared) continue;
      bare.push(await stage.scoped((own) => postBare(own, installation, number, report)));
    }
  }
  return variants.flatMap((variant) => measuresOf(title, variant, said.get(variant) ?? [], bare, sizes.notes));
}

function measuresOf(
  log: string,
  { title, aim, compared, limits }: Variant,
  rounds: readonly Round[],
  bare: readonly Round[],
  notes: string[],
): readonly Measure[] {
  const name = `${log}, ${title}`;
  const each = rounds.map(({ perSecond }) => Math.round(perSecond)).join(', ');
  notes.push(
    `${name}: rounds of ${each} per s, at most ${Math.max(...rounds.map((one) => one.perSecondMost))} in a second`,
  );
  const most = Math.max(...rounds.map(({ perSecondMost }) => perSecondMost));
  const rate = measure(`${name}: sent`, median(rounds.map(({ perSecond }) => perSecond)), 'per s', aim);
  const limited =
    limits.perSecond == null
      ? []
      : [measure(`${name}: most in a second`, most, 'per s', { below: limits.perSecond + 1 })];
  if (!hasProcessTable) return [rate, ...limited];
  const own = [...(rounds[0]?.cpuMs.keys() ?? [])].map((part) =>
    measure(
      `${name}: ${part}, of processor time per message`,
      median(rounds.map(({ cpuMs }) => cpuMs.get(part) ?? 0)),
      'ms',
    ),
  );
  if (!compared) return [rate, ...limited, ...own];
  const [cost, bareCost] = [rounds, bare].map((of) => median(of.map(({ cpuMs }) => total(cpuMs)))) as [number, number];
  return [
    rate,
    ...own,
    measure(`${log}, undici alone: sent`, median(bare.map(({ perSecond }) => perSecond)), 'per s'),
    measure(`${log}, undici alone: processor time per message`, bareCost, 'ms'),
    measure(`${name}: sender and Postgres to undici alone`, cost / bareCost, 'ratio', aims.ratio),
  ];
}

const median = (values: readonly number[]): number => percentilesOf(values).p50;

const roundOf = (report: GraphReport, cpuMs: ReadonlyMap<string, number>): Round => ({
  perSecond: (report.messages - 1) / report.seconds,
  perSecondMost: report.perSecondMost,
  cpuMs,
});

interface Chat {
  readonly conversation: string;
  readonly person: string;
}

/** A number with its people, and the server that answers for it. */
interface OpenNumber {
  readonly variant: Variant;
  readonly url: string;
  readonly instance: Instance;
  readonly chats: readonly Chat[];
}

async function openNumber(
  scope: Scope,
  { tenant }: Installation,
  runtime: Runtime,
  variant: Variant,
  count: number,
): Promise<OpenNumber> {
  const server = await startProcess('bench/graph-server.ts', {
    arguments: ['--answer-after', String(variant.answerAfterMs)],
    environment: quietEnvironment(),
  });
  scope.defer(() => server.stop());
  const { url } = server.ready as { readonly url: string };
  const at = runtime.now();
  const settings = { baseUrl: url, phoneNumberId: '106540352242922', limits: variant.limits, markRead: false };
  const instance = await runtime.instances.create(
    { tenant, provider: 'cloud', name: variant.title, settings, apiKey: token },
    at,
  );
  const chats: Chat[] = [];
  for (let from = 0; from < count; from += chatsAtOnce) {
    const phones = Array.from({ length: Math.min(chatsAtOnce, count - from) }, (_, i) => 50_000_000 + from + i);
    const made = phones.map((phone) =>
      runtime.directory.resolve({ tenant, line: instance.line, addresses: [`55119${phone}`], group: false, at }),
    );
    chats.push(...(await Promise.all(made)));
  }
  return { variant, url, instance, chats };
}

/** Gives a sender that stands still its work, then lets it go until all is sent and told. */
async function drain(
  runtime: Runtime,
  sender: StartedProcess,
  number: OpenNumber,
  each: number,
): Promise<{ readonly report: GraphReport; readonly cpuMs: ReadonlyMap<string, number> }> {
  // So that appending neither overlaps with sending nor counts.
  process.kill(sender.pid, 'SIGSTOP');
  try {
    await ask(runtime, number, each);
  } finally {
    process.kill(sender.pid, 'SIGCONT');
  }
  const cpu = await watchParts({ kind: { servers: ['Postgres'] }, worker: sender.pid });
  const messages = number.chats.length * each;
  await eventually(messages, async () => ((await askServer(number, 'GET', 'count')) as GraphReport).messages);
  await eventually(1, async () => ((await isTold(runtime, number.instance)) ? 1 : 0));
  const spent = await cpu();
  const report = (await askServer(number, 'POST', 'take')) as GraphReport;
  if (report.messages !== messages || report.outOfOrder > 0)
    throw new Error(`of ${messages} messages ${report.messages} came, ${report.outOfOrder} of them out of order`);
  return { report, cpuMs: perMessage(spent, messages) };
}

const perMessage = (seconds: ReadonlyMap<string, number>, messages: number): ReadonlyMap<string, number> =>
  new Map([...seconds].map(([part, of]) => [part === 'worker' ? 'sender' : part, (of * 1_000) / messages]));

/** Replies to everybody in turn, on the log. */
async function ask({ vault, log, now }: Runtime, { instance, chats }: OpenNumber, each: number): Promise<void> {
  const { tenant, id } = instance;
  const type = 'reply.requested' as const;
  for (let n = 0; n < each; n++) {
    const content: OutboundContent = { kind: 'text', text: String(n) };
    const replies = await Promise.all(
      chats.map(async ({ conversation, person }) => {
        const header = { tenant, actor: conversation, eventId: `e_${newUlid(now())}`, occurredAt: now() };
        return outgoing({
          ...header,
          type,
          causationId: null,
          providerAt: null,
          revision: 'r_1',
          instance: id,
          messageId: null,
          origin: 'machine',
          priority: 'normal',
          kind: content.kind,
          sealed: await vault.seal({ ...header, type }, person, header.occurredAt, { content }),
        });
      }),
    );
    for (let from = 0; from < replies.length; from += recordsPerAppend)
      await log.append(replies.slice(from, from + recordsPerAppend));
  }
}

/** Whether everything of an instance is sent, and the log told. */
async function isTold({ database }: Runtime, { tenant, id }: Instance): Promise<boolean> {
  const { rows } = await database.query<{ readonly left: boolean }>(
    [tenant],
    `SELECT EXISTS (SELECT FROM deliveries WHERE instance = $1 AND (status <> 'sent' OR report_due_at IS NOT NULL)) AS left`,
    [id],
  );
  return rows[0]?.left === false;
}

async function askServer({ url }: OpenNumber, method: 'GET' | 'POST', what: 'count' | 'take'): Promise<unknown> {
  return (await fetch(`${url}/${what}`, { method })).json();
}

/** Resolves when `count` reaches `wanted`; throws when it does not move for a minute. */
async function eventually(wanted: number, count: () => Promise<number>): Promise<void> {
  let moved = { at: performance.now(), count: 0 };
  for (;;) {
    const now = { at: performance.now(), count: await count() };
    if (now.count >= wanted) return;
    if (now.count > moved.count) moved = now;
    if (now.at - moved.at > patienceMs) throw new Error(`stuck at ${now.count} of ${wanted}`);
    await sleep(lookIntervalMs);
  }
}

/** undici alone, with what the sender has just sent. */
async function postBare(
  scope: Scope,
  { environment }: Installation,
  number: OpenNumber,
  { path, bodies }: GraphReport,
): Promise<Round> {
  const input: BarePosts = { url: number.url, path, token, bodies };
  const peer = await startProcess('bench/adapters/bare-posts.ts', { environment, input });
  scope.defer(() => peer.stop());
  const go = async (): Promise<void> => {
    peer.tell({ event: 'go' });
    if ((await peer.lines.next()).done === true) throw new Error('undici alone ended early');
  };
  await go();
  await askServer(number, 'POST', 'take');
  const cpu = await watchParts({ kind: { servers: [] }, worker: peer.pid });
  await go();
  const spent = await cpu();
  const report = (await askServer(number, 'POST', 'take')) as GraphReport;
  if (report.messages !== bodies.length) throw new Error(`undici alone sent ${report.messages} of ${bodies.length}`);
  return roundOf(report, perMessage(spent, report.messages));
}
