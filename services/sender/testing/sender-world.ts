/**
 * The sender for tests, against a real Postgres, the Postgres log, the simulated phone and fake WAHAs.
 * Opened before the first test of a file, closed after its last; what a test starts ends with it.
 */
import { afterAll, afterEach, beforeAll } from 'vitest';

import type { OutboundContent } from '#schemas/content.ts';
import type { ReplyRequested } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import type { Instance } from '#runtime/instances/instances.ts';
import type { SendLimits } from '#runtime/instances/send-limits.ts';
import { createLogger } from '#runtime/logger.ts';
import { derivedId, newUlid, outgoing, recordOf } from '#runtime/records.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { type FakeWaha, type FakeWahaOptions, startFakeWaha } from '#runtime/testing/fake-waha.ts';
import { type TestWorld, openTestWorld } from '#runtime/testing/runtime.ts';

import { type SenderOptions, startSender } from '../sender.ts';

export const tenant = 'demo';
export const apiKey = 'key-of-the-fake';

/** A sender that waits for little. */
export const quick = {
  pollMs: 30,
  retryDelaysMs: [0, 40, 80, 160],
  lookupDelaysMs: [30, 60, 90],
  callTimeoutMs: 400,
  leaseMs: 900,
  chatPauseMs: 50,
  gates: { failuresMax: 50, pauseMs: 100, pauseMsMax: 400, coldPauseMs: 600, coldPauseMsMax: 1_000 },
} as const satisfies SenderOptions;

/** For a sender whose calls are never cut off, however busy the machine: each is one request. */
export const patient = { callTimeoutMs: 5_000, leaseMs: 9_000 } as const satisfies SenderOptions;

/** A chat with a person of its own. */
export interface Chat {
  readonly conversation: string;
  readonly person: string;
  readonly phone: string;
  readonly instance: Instance;
}

type Said = string | OutboundContent;

/** A row of `deliveries`. */
export interface Row {
  readonly id: string;
  readonly status: string;
  readonly reason: string | null;
  readonly cause: string | null;
  readonly attempts: number;
  readonly lane: number;
  readonly next_attempt_at: Date | number;
  readonly provider_message_index: string | null;
  readonly report_due_at: Date | null;
  readonly result: Buffer | null;
}

const settled = new Set(['sent', 'failed', 'unknown', 'manual', 'cancelled']);

/** Resolves with the first look that finds something. */
export async function eventually<T>(look: () => Promise<T | undefined>, withinMs = 25_000): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (Date.now() > until) throw new Error('it did not happen');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** What a fake received in a chat, in order. */
export const texts = (fake: FakeWaha, chat: Chat): readonly string[] =>
  fake.messages.filter(({ chatId, fromMe }) => chatId === `${chat.phone}@c.us` && fromMe).map(({ text }) => text);

/** Registers the hooks of a test file. */
export function useSenderWorld() {
  let world: TestWorld;
  let api: Runtime;
  let worker: Runtime;
  let serial = 0;
  const cleanups: (() => Promise<unknown>)[] = [];
  const logLines: string[] = [];
  const logger = createLogger('debug', 'sender', { write: (line: string) => void logLines.push(line) });
  const workerRuntime = (): Runtime => ({ ...world.runtime('prosa_worker'), logger });

  beforeAll(async () => {
    world = await openTestWorld();
    api = world.runtime('prosa_api');
    worker = workerRuntime();
  });

  afterAll(async () => {
    await world.close();
  });

  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  async function sender(options: SenderOptions = {}, runtime = worker): Promise<RunningService> {
    const service = await startSender(runtime, { ...quick, ...options });
    cleanups.push(() => service.stop());
    return service;
  }

  async function waha(
    options: FakeWahaOptions = {},
    limits: SendLimits = { perChatPerMinute: null, initiatedPerMinute: null },
  ): Promise<{ fake: FakeWaha; instance: Instance }> {
    const fake = await startFakeWaha({ apiKey, ...options });
    cleanups.push(() => fake.close());
    serial += 1;
    const settings = { baseUrl: fake.url, session: 'default', engine: options.engine ?? ('NOWEB' as const), limits };
    const wanted = { tenant, provider: 'waha' as const, name: `waha-${serial}`, settings, apiKey };
    return { fake, instance: await api.instances.create(wanted, Date.now()) };
  }

  async function chatOn(instance: Instance, ...addresses: readonly string[]): Promise<Chat> {
    serial += 1;
    const phone = `55119${String(40_000_000 + serial)}`;
    const entry = await api.directory.resolve({
      tenant,
      line: instance.line,
      addresses: addresses.length > 0 ? addresses : [`${phone}@c.us`],
      group: false,
      at: Date.now(),
    });
    return { conversation: entry.conversation, person: entry.person, phone, instance };
  }

  async function replyTo(chat: Chat, said: Said, given: Partial<ReplyRequested> = {}): Promise<ReplyRequested> {
    const eventId = derivedId('e', newUlid(Date.now()));
    const content: OutboundContent = typeof said === 'string' ? { kind: 'text', text: said } : said;
    const where = { tenant, actor: chat.conversation, type: 'reply.requested', eventId };
    return {
      type: 'reply.requested',
      tenant,
      actor: chat.conversation,
      eventId,
      causationId: null,
      occurredAt: Date.now(),
      providerAt: null,
      revision: 'r_1',
      instance: chat.instance.id,
      messageId: null,
      origin: 'machine',
      priority: 'normal',
      kind: content.kind,
      sealed: await api.vault.seal(where, chat.person, Date.now(), { content }),
      ...given,
    };
  }

  async function ask(chat: Chat, ...said: readonly Said[]): Promise<readonly string[]> {
    const replies = [];
    for (const one of said) replies.push(await replyTo(chat, one));
    await world.log.append(replies.map((reply) => outgoing(reply)));
    return replies.map(({ eventId }) => eventId);
  }

  const rows = async (ids: readonly string[]): Promise<readonly Row[]> => {
    const found = await worker.database.transaction([tenant], (sql) =>
      sql.query<Row>('SELECT * FROM deliveries WHERE id = ANY ($1) ORDER BY log_offset', [ids]),
    );
    return found.rows;
  };

  /** Waits until all are settled and reported. */
  async function outcome(ids: readonly string[]): Promise<readonly Row[]> {
    return eventually(async () => {
      const found = await rows(ids);
      const done = found.filter((row) => settled.has(row.status) && row.report_due_at === null);
      return done.length === ids.length ? found : undefined;
    });
  }

  async function recordsOf<T extends { readonly type: string }>(type: T['type'], ids: readonly string[]) {
    const topic = type === 'delivery.updated' ? topics.events : topics.audit;
    const found: T[] = [];
    for (let partition = 0; partition < world.log.partitionCount; partition++) {
      for await (const batch of world.log.readRange({ topic, partition, from: 0 })) {
        for (const logged of batch) {
          const record = recordOf(logged);
          const of = 'deliveryId' in record ? record.deliveryId : 'subject' in record ? record.subject : null;
          if (record.type === type && of !== null && ids.includes(of)) found.push(record as unknown as T);
        }
      }
    }
    return found;
  }

  const attemptsOf = async (id: string) => {
    const found = await worker.database.transaction([tenant], (sql) =>
      sql.query<{ number: number; outcome: string; code: string | null; http_status: number | null }>(
        'SELECT * FROM delivery_attempts WHERE delivery = $1 ORDER BY number',
        [id],
      ),
    );
    return found.rows.map(({ number, outcome: became, code, http_status }) => [number, became, code, http_status]);
  };

  const shown = async (chat: Chat) => {
    const phone = openSimulatorPhone(api.database, api.vault);
    return (await phone.read({ tenant, phone: chat.phone, limit: 1_000 })).items;
  };

  /** A row as a process leaves it that was killed between the claim and the result. */
  async function killedDuring(chat: Chat, said: string, lease = '-1 second'): Promise<string> {
    const [id = ''] = await ask(chat, said);
    const service = await startSender(worker, { ...quick, perInstance: 0 });
    await eventually(async () => ((await rows([id])).length === 1 ? true : undefined));
    await service.stop();
    await worker.database.transaction([tenant], (sql) =>
      sql.query(
        `UPDATE deliveries SET status = 'sending', claimed_by = 'gone', claimed_at = now(), first_claimed_at = now(),
         claim = claim + 1, attempts = 1, lease_until = now() + $2::interval WHERE id = $1`,
        [id, lease],
      ),
    );
    return id;
  }

  return {
    get world() {
      return world;
    },
    get api() {
      return api;
    },
    get worker() {
      return worker;
    },
    get simulator() {
      return world.instance;
    },
    /** What was logged, line by line. */
    logLines,
    /** Run after the test, the last first. */
    cleanups,
    workerRuntime,
    /** Starts a sender. */
    sender,
    /** Starts a fake WAHA with an instance of its own, without limits unless they are given. */
    waha,
    /** A chat by these addresses, or else by a number of its own. */
    chatOn,
    replyTo,
    ask,
    rows,
    outcome,
    recordsOf,
    attemptsOf,
    shown,
    killedDuring,
  };
}
