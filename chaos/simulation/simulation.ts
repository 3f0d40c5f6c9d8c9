/**
 * One simulation: hosts as they are in production, on a log, a store and a clock that are simulated,
 * among whatever the seed has in store for them. Then calm, time to recover, new hosts, one message
 * to everybody, and the question whether all is as it ought to be.
 */
import { type Protection, type ToldRecord, orderedQuarantines } from '#runtime/actor/apply.ts';
import { type Envelope, plainOf } from '#runtime/actor/envelope.ts';
import { fold } from '#runtime/actor/fold.ts';
import { openPastRecords } from '#runtime/actor/told-records.ts';
import { chanceOf } from '#runtime/log/adapters/simulated/chance.ts';
import type { LogProtection, SimulatedCommit } from '#runtime/log/adapters/simulated/simulated-cluster.ts';
import { type SimulatedLog, simulateLog } from '#runtime/log/adapters/simulated/simulated-log.ts';
import type { LoggedRecord, RecordLog } from '#runtime/log/record-log.ts';
import { type Metrics, createMetrics } from '#runtime/metrics.ts';
import type { Configuration } from '#runtime/tenants/tenants.ts';
import { topics, topicTable } from '#schemas/topics.ts';

import { Fleet, hostGroup } from './fleet.ts';
import { configurations, findSimulated, killer } from './machines.ts';
import { type Anomaly, check } from '../checker.ts';
import { type ActorState, type History, emptyHistory } from '../history.ts';
import { Oracle } from './oracle.ts';
import { Outside, conversationWords, echoWords, paceOfOutside, revision, tenant } from './outside.ts';
import { type Surroundings, type Tally, type Weather, calm } from './process.ts';
import { Scheduler } from './scheduler.ts';
import { MemoryStore, type StoreProtection } from './store.ts';
import { seenRecords } from './seen-records.ts';
import { openPlain, plainVault, tenantsWith } from './vault.ts';

/** What can be switched off. */
export type AnyProtection = Protection | LogProtection | StoreProtection;

/** How to run one. */
export interface SimulationOptions {
  readonly seed: number;
  readonly without?: AnyProtection | undefined;
  /** Keeps what happened, line by line. */
  readonly trace?: boolean;
}

/** What came of one. */
export interface SimulationResult {
  readonly seed: number;
  readonly findings: readonly Anomaly[];
  /** Equal for two runs of one seed. */
  readonly hash: string;
  readonly steps: number;
  readonly virtualMs: number;
  /** Records that hosts moved past. */
  readonly records: number;
  readonly commits: number;
  readonly tally: Readonly<Tally & StoreTally>;
  readonly trace: readonly string[];
}

interface StoreTally {
  setBacks: number;
  wipes: number;
  damages: number;
  replacements: number;
  cutOffs: number;
  quarantines: number;
}

const startAt = Date.UTC(2026, 0, 1);
/** How often it is looked whether the next phase can begin, and whether anything moves at all. */
const lookMs = 500;
const patienceMs = 600_000;
const mendedAfterMs = 45_000;

let metrics: Metrics | undefined;

/** Runs a seed to its end. One at a time. What throws is a defect of the simulation. */
export async function simulate(options: SimulationOptions): Promise<SimulationResult> {
  try {
    return await new Simulation(options).run();
  } catch (caught) {
    throw new Error(`seed ${options.seed} could not be run`, { cause: caught });
  }
}

class Simulation {
  readonly #seed: number;
  readonly #chance;
  readonly #scheduler: Scheduler;
  readonly #around: Surroundings;
  readonly #configuration: Configuration;
  readonly #oracle: Oracle;
  readonly #store: MemoryStore;
  readonly #log: SimulatedLog;
  /** Reads the log without anything of the simulation taking place. */
  readonly #eye: RecordLog;
  readonly #outside: Outside;
  readonly #startFleet: () => Fleet;
  readonly #hosts: number;
  readonly #partitions: number;
  readonly #span: number;
  readonly #commits: SimulatedCommit[] = [];
  readonly #touched = new Set<number>();
  readonly #tally: Tally & StoreTally = {
    crashes: 0,
    zombies: 0,
    delays: 0,
    refusals: 0,
    answersLost: 0,
    lateRequests: 0,
    setBacks: 0,
    wipes: 0,
    damages: 0,
    replacements: 0,
    cutOffs: 0,
    quarantines: 0,
  };
  #fleet: Fleet | undefined;
  #phase: 'impact' | 'recovery' | 'probe' = 'impact';
  #lookDue = false;
  #movedAt = startAt;
  #commitCount = 0;

  constructor({ seed, without, trace = false }: SimulationOptions) {
    this.#seed = seed;
    const chance = (this.#chance = chanceOf(seed));
    // Neighbouring seeds begin alike.
    for (let skipped = 0; skipped < 4; skipped += 1) chance.below(2);
    this.#scheduler = new Scheduler(startAt, trace);
    this.#around = {
      scheduler: this.#scheduler,
      chance,
      tally: this.#tally,
      weather: calm,
      loseAnswer: (done) => {
        this.#log.faults.nextCommit(done ? 'unknown-applied' : 'unknown-lost');
      },
      killing: false,
    };
    const kind = chance.once(8) ? 'conversation' : 'echo';
    const configuration = (this.#configuration = configurations[kind]);
    this.#oracle = new Oracle(findSimulated, configuration);
    this.#store = new MemoryStore({
      without: storeProtections.find((name) => name === without),
      written: (partition, overtaken) => {
        this.#touched.add(partition);
        if (overtaken)
          this.#oracle.find('stale-snapshot', `an overtaken host wrote snapshots of partition ${partition}`);
      },
    });
    this.#partitions = 1 + chance.below(3);
    this.#hosts = 1 + chance.below(3);
    this.#span = 20_000 + chance.below(60_000);
    this.#log = simulateLog({
      seed: chance.below(0x7fff_ffff),
      partitionCount: this.#partitions,
      now: () => this.#scheduler.now,
      without: logProtections.find((name) => name === without),
      committed: (commit) => {
        this.#commits.push(commit);
        for (const output of commit.outputs) this.#outside.see(output);
      },
    });
    this.#eye = this.#log.open({ pace: () => Promise.resolve() });
    const chats = Array.from({ length: 2 + chance.below(4) }, (_, chat) => `c_${chat}`);
    this.#outside = new Outside(
      this.#around,
      this.#log.open({ pace: paceOfOutside(this.#around) }),
      chats,
      kind === 'echo' ? echoWords : conversationWords,
    );
    const fleet = {
      around: this.#around,
      log: this.#log,
      store: this.#store,
      tenants: tenantsWith(configuration, revision),
      find: findSimulated,
      metrics: (metrics ??= createMetrics()),
      without: hostProtections.find((name) => name === without),
      sliceRecordsMax: 1 + chance.below(12),
      actorsCachedMax: chance.once(2) ? 1 + chance.below(2) : 100,
      halted: (reason: string) => {
        this.#oracle.find('unseen', `a host gave up: ${reason}`);
      },
    };
    this.#startFleet = () => new Fleet(fleet, this.#hosts);
  }

  async run(): Promise<SimulationResult> {
    const scheduler = this.#scheduler;
    await this.#eye.createTopics(topicTable.map(({ name }) => name));
    await this.#eye.createGroup(hostGroup, topics.events);
    killer.kill = () => {
      if (scheduler.now < startAt + mendedAfterMs) this.#around.killing = true;
    };
    this.#plan();
    this.#fleet = this.#startFleet();
    this.#look();
    await scheduler.run(() => this.#between());
    if (this.#oracle.findings.length === 0) await this.#judge();
    killer.kill = undefined;
    const { findings, records } = this.#oracle;
    return {
      seed: this.#seed,
      findings,
      hash: (scheduler.hash >>> 0).toString(16).padStart(8, '0'),
      steps: scheduler.steps,
      virtualMs: scheduler.now - startAt,
      records,
      commits: this.#commitCount,
      tally: this.#tally,
      trace: scheduler.trace ?? [],
    };
  }

  /** What the seed has in store. */
  #plan(): void {
    const chance = this.#chance;
    const scheduler = this.#scheduler;
    const rate = (max: number): number => (chance.once(2) ? 0 : chance.below(max));
    const weather: Weather = { crash: rate(150), pause: rate(60), delay: rate(400), refuse: rate(500) };
    this.#around.weather = weather;
    this.#outside.write(8 + chance.below(28), this.#span);
    scheduler.after(this.#span, () => {
      scheduler.note('calm');
      this.#around.weather = calm;
      this.#phase = 'recovery';
    });
    const sometimes = (odds: number, timesMax: number, work: () => void): void => {
      if (!chance.once(odds)) return;
      for (let times = 1 + chance.below(timesMax); times > 0; times -= 1)
        scheduler.after(chance.below(this.#span), work);
    };
    const setBack = (): void => {
      const lost = this.#store.setBack(chance);
      this.#tally.setBacks += 1;
      scheduler.note(`the store is set back by ${lost} writes`);
      this.#touchAll();
    };
    const cutOff = (): void => {
      const place = chance.below(this.#hosts);
      this.#tally.cutOffs += 1;
      scheduler.note(`host ${place} is cut off`);
      this.#fleet?.cutOff(place);
    };
    sometimes(4, 3, setBack);
    sometimes(3, 6, cutOff);
    // What parts a network parts a database from its copy too.
    sometimes(4, 3, () => {
      cutOff();
      scheduler.after(chance.below(200), setBack);
    });
    sometimes(6, 2, () => {
      this.#store.wipe();
      this.#tally.wipes += 1;
      scheduler.note('snapshots are wiped');
    });
    sometimes(6, 3, () => {
      this.#tally.damages += this.#store.damage(chance);
      scheduler.note('snapshots are damaged');
    });
    sometimes(3, 4, () => {
      const place = chance.below(this.#hosts);
      this.#tally.replacements += 1;
      scheduler.note(`host ${place} is replaced`);
      this.#fleet?.replace(place);
    });
    sometimes(4, 2, () => {
      if (this.#around.weather === calm) return;
      scheduler.note('everything is away');
      this.#around.weather = { ...weather, refuse: 8_000 };
      scheduler.after(500 + chance.below(5_000), () => {
        if (this.#around.weather !== calm) this.#around.weather = weather;
      });
    });
    const project = (): void => {
      this.#projectDue = true;
      scheduler.after(500 + chance.below(8_000), project);
    };
    if (!chance.once(4)) project();
  }

  #projectDue = false;

  #look(): void {
    this.#lookDue = true;
    this.#scheduler.after(lookMs, () => {
      this.#look();
    });
  }

  #touchAll(): void {
    for (let partition = 0; partition < this.#partitions; partition += 1) this.#touched.add(partition);
  }

  /** After every step: whether the simulation is over. */
  async #between(): Promise<boolean> {
    if (this.#commits.length > 0) await this.#followCommits();
    if (this.#touched.size > 0) {
      for (const partition of this.#touched) this.#oracle.compare(this.#store, partition);
      this.#touched.clear();
    }
    if (this.#projectDue) await this.#project();
    if (this.#oracle.findings.length > 0) return true;
    if (!this.#lookDue) return false;
    this.#lookDue = false;
    return this.#isOver();
  }

  async #followCommits(): Promise<void> {
    const kill = killer.kill;
    killer.kill = undefined;
    for (const commit of this.#commits.splice(0)) {
      const { partition, nextOffset, outputs } = commit;
      const records = await this.#records(topics.events, partition, this.#oracle.position(partition), nextOffset);
      this.#scheduler.note(
        `commit ${partition} to ${nextOffset}: ${outputs.map(({ headers }) => headers['ce_id']).join(' ')}`,
      );
      this.#oracle.commit(commit, records);
      this.#tally.quarantines += outputs.filter(
        ({ headers }) => headers['ce_type'] === 'prosa.conversation.quarantined',
      ).length;
      this.#touched.add(partition);
      this.#commitCount += 1;
      this.#movedAt = this.#scheduler.now;
    }
    killer.kill = kill;
  }

  async #records(topic: string, partition: number, from: number, to?: number): Promise<readonly LoggedRecord[]> {
    const records: LoggedRecord[] = [];
    for await (const batch of this.#eye.readRange({ topic, partition, from, ...(to === undefined ? {} : { to }) }))
      records.push(...batch);
    return records;
  }

  /** The projection: journals what is on the log, ahead of the hosts or behind them. */
  async #project(): Promise<void> {
    this.#projectDue = false;
    for (const { partition, stableEnd } of await this.#eye.ends(topics.events)) {
      const reach = this.#store.state.reach.get(partition) ?? 0;
      if (stableEnd === reach) continue;
      const records = await this.#records(topics.events, partition, reach, stableEnd);
      this.#store.project(partition, await openPastRecords(plainVault, records), stableEnd);
      if (this.#oracle.position(partition) > stableEnd || !this.#chance.once(3)) continue;
      for (const envelope of this.#oracle.actorsOf(partition).values()) {
        if (this.#chance.once(2)) this.#store.projectSnapshot({ envelope, records: 0 });
      }
    }
  }

  async #isOver(): Promise<boolean> {
    const scheduler = this.#scheduler;
    if (this.#phase === 'impact') return false;
    const lags = await this.#eye.lag(hostGroup, topics.events);
    const done = this.#outside.busy === 0 && lags.every(({ lag }) => lag === 0);
    if (!done) {
      if (this.#outside.busy > 0) this.#movedAt = scheduler.now;
      if (scheduler.now - this.#movedAt < patienceMs) return false;
      this.#oracle.find('unseen', `lag ${lags.map(({ lag }) => lag).join(', ')} and nothing moves`);
      return true;
    }
    if (this.#phase === 'probe') return true;
    scheduler.note('all is quiet; new hosts, and a message to everybody');
    this.#phase = 'probe';
    this.#outside.quiet = true;
    for (let place = 0; place < this.#hosts; place += 1) this.#fleet?.replace(place);
    this.#outside.probe();
    this.#movedAt = scheduler.now;
    return false;
  }

  /** At the end: everybody folded from zero, by what a replay folds with, and all of it before the checker of real runs. */
  async #judge(): Promise<void> {
    killer.kill = undefined;
    const logged: LoggedRecord[] = [];
    for (const { name } of topicTable) {
      for (let partition = 0; partition < this.#partitions; partition += 1)
        logged.push(...(await this.#records(name, partition, 0)));
    }
    const states: ActorState[] = [];
    for (let partition = 0; partition < this.#partitions; partition += 1) {
      this.#oracle.compare(this.#store, partition);
      const events = logged.filter((record) => record.topic === topics.events && record.partition === partition);
      const told = await openPastRecords(plainVault, events);
      for (const [actor, records] of Map.groupBy(told, ({ record }) => record.actor))
        states.push({ actor, stored: this.#stored(partition, actor), folded: await this.#fold(records) });
    }
    const lags = await this.#eye.lag(hostGroup, topics.events);
    const positions = lags.map(({ partition, committed, stableEnd: end }) => ({
      group: hostGroup,
      topic: 'events' as const,
      partition,
      committed,
      end,
    }));
    const { inputs } = this.#outside;
    const history: History = { ...emptyHistory, inputs, log: seenRecords(logged), positions, states };
    for (const { name, about } of check(history, () => undefined)) this.#oracle.find(name, about);
  }

  /** The newest that is stored of an actor. */
  #stored(partition: number, actor: string): string {
    const version = this.#store.state.versions
      .get(actor)
      ?.findLast(({ nextOffset }) => nextOffset <= this.#oracle.position(partition));
    if (version === undefined) return 'nothing';
    const where = { tenant, actor, type: 'actor.snapshot', eventId: String(version.nextOffset) };
    return comparable(openPlain(where, version.body));
  }

  async #fold(records: readonly ToldRecord[]): Promise<string> {
    const byOffset = new Map(records.map((one) => [one.offset, one]));
    const around = {
      find: findSimulated,
      configuration: () => Promise.resolve(this.#configuration),
      quarantines: orderedQuarantines(records),
      parked: new Set<number>(),
      held: ({ held }: Envelope) => Promise.resolve(held.flatMap(({ offset }) => byOffset.get(offset) ?? [])),
    };
    let last: Envelope | undefined;
    for await (const { after } of fold(records, around)) last = after;
    return last === undefined ? 'nothing' : comparable(JSON.parse(JSON.stringify(plainOf(last, findSimulated))));
  }
}

/** The same text for the same content, whatever the order of its fields. */
const comparable = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );

const hostProtections = ['seen', 'effect-id', 'timer-generation', 'epoch'] as const satisfies readonly Protection[];
const storeProtections = ['two-versions', 'unbroken', 'epochs-once'] as const satisfies readonly StoreProtection[];
const logProtections = ['fence', 're-read'] as const satisfies readonly LogProtection[];

/** All that can be switched off. */
export const allProtections: readonly AnyProtection[] = [...hostProtections, ...storeProtections, ...logProtections];
