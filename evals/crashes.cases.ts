/**
 * The deaths of processes in a turn, for any log: the real programs of effects and of conversations, which kill themselves
 * with SIGKILL at a named moment of a named effect, each once; another process takes over. A conversation for each death, and
 * one without, which all others have to come to in the end.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { expect } from 'vitest';

import { conversationVersion } from '#machines/conversation/machine.ts';
import { findMachine } from '#machines/registry.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';
import { Person, eventually, readRecords } from '#runtime/testing/person.ts';
import { asOwner } from '#runtime/testing/postgres.ts';
import { type TestWorld, openTestWorld, testTenant } from '#runtime/testing/runtime.ts';
import { openKeyFile, provisionKeyFile } from '#runtime/vault/key-file.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { quietEnvironment } from '../bench/installation.ts';
import type { Environment } from '../bench/processes.ts';
import { Crew } from '../chaos/crew.ts';
import { type Crash, effectPoints } from '../chaos/programs/plan.ts';
import { demoSettings } from '../services/demo-settings.ts';
import { recordedOnLog } from '../services/replay/log-source.ts';
import { Throttle } from '../services/replay/throttle.ts';
import { verify } from '../services/replay/verify.ts';
import { startSender } from '../services/sender/sender.ts';
import { type Turn, arrival } from '../services/testing/arrival.ts';
import { addressOf, mailedOrNot, notMailed, talks, withoutOwn } from './crash-talks.ts';
import { startMailServer } from './mail-server.ts';
import { type ModelServers, startModels } from './models.ts';

/** A Wednesday morning. */
const beginning = Date.UTC(2026, 11, 16, 12);
const patienceMs = 90_000;
const lookEveryMs = 50;
/** Of a commit, on every log: what follows from a record is made, written beside the log, committed. */
const commitPoints = ['transition', 'snapshot-written', 'commit-acknowledged'] as const;

/** Who dies: the process that carries effects out, or the host of conversations. */
const dying = { effect: 'rest', commit: 'host-1' } as const;

/** A death in a turn. */
export interface Death {
  readonly talk: Talk;
  readonly of: keyof typeof dying;
  readonly source: string;
  readonly point: Crash['point'];
}

/** What is to be done, with the effects of its turns in their order. */
const sources = {
  booking: ['model.propose', 'calendar.find', 'calendar.hold', 'calendar.book', 'mail.confirm'],
  registration: ['participants.save'],
} as const;
type Talk = keyof typeof sources;

/** Every moment at which something is written or told, each once. */
export const deaths: readonly Death[] = (Object.keys(sources) as Talk[]).flatMap((talk) =>
  sources[talk].flatMap((source) => [
    ...effectPoints.map((point): Death => ({ talk, of: 'effect', source, point })),
    ...commitPoints.map((point): Death => ({ talk, of: 'commit', source, point })),
  ]),
);

/** In the words of a test's name. */
export const nameOf = ({ of, source, point }: Death): string =>
  of === 'effect' ? `the effects at ${source}, ${point}` : `the host that asks for ${source}, ${point}`;

/** Where processes die: a log, and what programs are told to find it; the Postgres log unless given. */
export interface CrashGround {
  /** Conversations that there will be. */
  readonly conversations: number;
  readonly log?: RecordLog;
  readonly environment?: Environment;
}

/** Somebody who is expected. */
interface Guest {
  readonly serial: number;
  readonly phone: string;
  readonly person: Person;
}

/** What came of a conversation. */
interface Outcome {
  /** Of each record that it was told, what came out. */
  readonly turns: readonly string[];
  readonly replies: readonly string[];
  readonly mails: number;
  readonly rows: number;
}

/** An installation whose processes die. */
export class Mortals {
  readonly #world: TestWorld;
  readonly #worker: Runtime;
  readonly #crew: Crew;
  readonly #mails: readonly string[];
  readonly #closers: readonly (() => Promise<unknown>)[];
  readonly #isOnPostgres: boolean;
  readonly #undisturbed = new Map<Talk, Promise<Outcome>>();
  readonly #guests: Guest[] = [];
  #talked = 0;

  private constructor(
    world: TestWorld,
    crew: Crew,
    mails: readonly string[],
    isOnPostgres: boolean,
    closers: readonly (() => Promise<unknown>)[],
  ) {
    this.#world = world;
    this.#worker = world.runtime('prosa_worker', 'look');
    this.#crew = crew;
    this.#mails = mails;
    this.#isOnPostgres = isOnPostgres;
    this.#closers = closers;
  }

  /** Starts it: the two processes that die, and a sender that does not. Everybody has said who they are then. */
  static async open({ conversations, log, environment }: CrashGround): Promise<Mortals> {
    const closers: (() => Promise<unknown>)[] = [];
    try {
      const folder = await mkdtemp(join(tmpdir(), 'prosa-crashes-'));
      closers.unshift(() => rm(folder, { recursive: true, force: true }));
      const keyFile = join(folder, 'keys.json');
      provisionKeyFile(keyFile, [testTenant]);
      const models = await startModels();
      closers.unshift(() => models.close());
      const mailServer = await startMailServer();
      closers.unshift(() => mailServer.close());
      const clockOffsetMs = beginning - Date.now();
      const world = await openTestWorld({
        ...(log === undefined ? {} : { log }),
        partitionCount: 1,
        keys: openKeyFile(keyFile),
        configuration: {
          machines: { conversation: { version: conversationVersion, settings: settings(models) } },
          answerGroups: false,
        },
        now: () => Date.now() + clockOffsetMs,
      });
      closers.unshift(() => world.close());
      const sender: RunningService = await startSender(world.runtime('prosa_worker', 'sender'), { soleOwner: true });
      closers.unshift(() => sender.stop());
      const crew = new Crew({
        environment: {
          ...quietEnvironment(),
          KAFKA_BROKERS: undefined,
          DATABASE_URL: world.databaseUrl,
          PROSA_KEY_FILE: keyFile,
          PROSA_DATA_DIR: folder,
          PROSA_PARTITIONS: '1',
          PROSA_LOG_LEVEL: 'warn',
          SMTP_HOST: '127.0.0.1',
          SMTP_PORT: mailServer.port.toString(),
          SMTP_TLS: 'none',
          DEFAULT_FROM_EMAIL: 'clinica@example.com',
          ...environment,
        },
        seed: 1,
        plan: { product: true },
      });
      crew.clockOffsetMs = clockOffsetMs;
      closers.unshift(() => crew.close());
      await Promise.all([crew.start('host-1'), crew.start('rest')]);
      const mortals = new Mortals(world, crew, mailServer.mails, log === undefined, closers);
      await mortals.#arrive(conversations);
      return mortals;
    } catch (caught) {
      for (const closer of closers) await closer();
      throw caught;
    }
  }

  /** Ends everything. */
  async close(): Promise<void> {
    for (const closer of this.#closers) await closer();
  }

  /** Has a process die in a conversation. Nothing is lost, nothing is done twice, and it comes to what it comes to without. */
  async survives(death: Death): Promise<void> {
    const undisturbed = await this.undisturbed(death.talk);
    const outcome = await this.#talk(death.talk, death);
    expect(outcome.turns).toEqual(undisturbed.turns);
    expect(outcome.rows).toBe(1);
    expect(outcome.replies.map(withoutOwn)).toEqual(
      // Whether a mail left that was under way nobody knows, and the person is told that it may not have.
      death.source === 'mail.confirm'
        ? [...undisturbed.replies.slice(0, -1).map(withoutOwn), expect.stringMatching(mailedOrNot)]
        : undisturbed.replies.map(withoutOwn),
    );
    const isMailed = !notMailed.test(outcome.replies.at(-1) ?? '');
    expect(isMailed ? [1] : [0, 1]).toContain(outcome.mails);
  }

  /** A conversation in which nobody dies. */
  undisturbed(talk: Talk): Promise<Outcome> {
    const known = this.#undisturbed.get(talk) ?? this.#talk(talk);
    this.#undisturbed.set(talk, known);
    return known;
  }

  /** Folds every conversation from its records: each record is what follows from those before. */
  async replays(): Promise<void> {
    const { log } = this.#world;
    const lags = await eventually(
      () => log.lag('conversation', topics.events),
      (found) => found.every(({ lag }) => lag === 0),
    );
    const ports = { ...this.#worker, find: findMachine };
    const throttle = new Throttle(100_000, new AbortController().signal);
    const pass = { tenant: testTenant, partition: 0, share: 0, shares: 1, only: undefined };
    const end = lags[0]?.committed ?? 0;
    const verdicts: string[] = [];
    for await (const recorded of recordedOnLog(ports, { ...pass, end }, () => Promise.resolve())) {
      const { verdict, divergence } = await verify(ports, recorded, throttle);
      verdicts.push(verdict === 'same' ? verdict : JSON.stringify(divergence));
    }
    expect(verdicts.length).toBeGreaterThanOrEqual(this.#talked);
    expect(verdicts).toEqual(verdicts.map(() => 'same'));
  }

  /** All at once. */
  async #arrive(conversations: number): Promise<void> {
    const meet = async (serial: number): Promise<Guest> => {
      const phone = `5511990${(20_000 + serial).toString()}`;
      const person = await Person.meet(this.#world, this.#world.runtime('prosa_ingest', 'ingest'), phone);
      await this.#says(person, arrival);
      return { serial, phone, person };
    };
    this.#guests.push(...(await Promise.all(Array.from({ length: conversations }, (_, serial) => meet(serial)))));
  }

  async #talk(talk: Talk, death?: Death): Promise<Outcome> {
    const guest = this.#guests[this.#talked++];
    if (guest === undefined) throw new Error('nobody else was expected');
    await Promise.all([
      this.#says(guest.person, talks[talk](guest.serial)),
      death === undefined ? undefined : this.#dies(death),
    ]);
    return this.#outcomeOf(guest);
  }

  async #says(person: Person, turns: readonly Turn[]): Promise<void> {
    for (const [says, answer] of turns) {
      await person.says(says);
      await this.#hears(person, answer);
    }
  }

  /** Waits for an answer that reads so. */
  async #hears(person: Person, answer: RegExp): Promise<void> {
    const until = Date.now() + patienceMs;
    for (;;) {
      const texts = await person.replies();
      if (answer.test(texts.at(-1) ?? '')) return;
      if (Date.now() > until)
        throw new Error(`no ${answer.source}: ${JSON.stringify(texts)}; ${this.#crew.notes.at(-1) ?? ''}`);
      await sleep(lookEveryMs);
    }
  }

  async #phone(phone: string): Promise<readonly string[]> {
    const { database, vault } = this.#worker;
    const page = await openSimulatorPhone(database, vault).read({ tenant: testTenant, phone, after: '0', limit: 50 });
    return page.items.map(({ text }) => text);
  }

  /** Orders a death; resolves when the one that came after it serves. */
  async #dies({ of, source, point }: Death): Promise<void> {
    const role = dying[of];
    await this.#crew.ready(role);
    const pid = this.#crew.pid(role) ?? 0;
    this.#crew.order(role, { crash: { point, source, after: 0, delayMs: 0 } });
    expect(await this.#crew.ended(role, patienceMs)).toBe(true);
    await this.#timePasses(pid, of);
    await this.#crew.ready(role);
    expect(this.#crew.pid(role)).not.toBe(pid);
  }

  /** What the dead one had is nobody's, as it would be some seconds later. */
  async #timePasses(pid: number, of: Death['of']): Promise<void> {
    const { databaseUrl } = this.#world;
    if (this.#isOnPostgres)
      await asOwner(
        databaseUrl,
        `UPDATE log.members SET lease_until = clock_timestamp() WHERE client = 'prosa-${pid.toString()}'`,
      );
    if (of === 'effect')
      await asOwner(
        databaseUrl,
        `UPDATE effects SET lease_until = now() WHERE status = 'running';
         UPDATE effects SET answered_at = answered_at - interval '1 minute' WHERE status = 'answered'`,
      );
  }

  /** Waits until no question is unanswered and every record was told. */
  async #rests(conversation: string): Promise<void> {
    const { database, log } = this.#worker;
    const open = `SELECT status FROM effects WHERE actor = $1 AND status NOT IN ('done', 'cancelled')`;
    await eventually(
      () => database.query<{ status: string }>([testTenant], open, [conversation]),
      ({ rows }) => rows.length === 0,
      patienceMs,
    );
    await eventually(
      () => log.lag('conversation', topics.events),
      (lags) => lags.every(({ lag }) => lag === 0),
      patienceMs,
    );
  }

  async #outcomeOf({ person, phone, serial }: Guest): Promise<Outcome> {
    const { conversation } = person.entry;
    await this.#rests(conversation);
    const [events, replies, effects] = await Promise.all(
      [topics.events, topics.replies, topics.effects].map((topic) => readRecords(this.#world, topic, conversation)),
    );
    const texts = await eventually(
      () => this.#phone(phone),
      (received) => received.length >= (replies?.length ?? 0),
    );
    const { rows } = await this.#worker.database.query<{ count: number }>(
      [testTenant],
      `SELECT (SELECT count(*) FROM appointments WHERE tenant = $1 AND conversation = $2 AND status = 'booked')::int
            + (SELECT count(*) FROM participants WHERE tenant = $1 AND conversation = $2)::int AS count`,
      [testTenant, conversation],
    );
    return {
      turns: turnsOf(events ?? [], [...(replies ?? []), ...(effects ?? [])]),
      replies: texts,
      mails: this.#mails.filter((to) => to === addressOf(serial)).length,
      rows: rows[0]?.count ?? 0,
    };
  }
}

const settings = (models: ModelServers) => ({
  ...demoSettings({ locale: 'pt-BR', model: undefined }),
  model: { model: 'stub', baseUrl: models.reasonable.url },
});

/**
 * What came of each record of a turn, in the order in which the conversation was told. An answer that is on the log twice
 * has one id; a question with none, or with two, shows.
 */
function turnsOf(events: readonly ProsaRecord[], outputs: readonly ProsaRecord[]): readonly string[] {
  const sourceOf = new Map(
    outputs.flatMap((record) =>
      record.type === 'effect.requested' ? [[record.effectId, record.source] as const] : [],
    ),
  );
  const caused = Map.groupBy(outputs, ({ causationId }) => causationId);
  const told = [...new Map(events.map((record) => [record.eventId, record])).values()];
  return told.flatMap((record) => {
    const cause =
      record.type === 'message.received'
        ? 'said'
        : record.type === 'effect.completed'
          ? `answered ${sourceOf.get(record.effectId) ?? 'what nobody asked'}`
          : undefined;
    if (cause === undefined) return [];
    const made = (caused.get(record.eventId) ?? []).map((output) =>
      output.type === 'effect.requested' ? `asks ${output.source}` : output.type,
    );
    return [`${cause}: ${made.join(', ')}`];
  });
}
