/**
 * The processes of a run, by role, as an orchestrator keeps them: whatever ends is started again.
 *
 * Owns every process it started. A role has at most one; nothing is started after `close`.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type Environment, type StartedProcess, startProcess } from '../bench/processes.ts';
import { historyVersions } from './programs/history-machine.ts';
import type { ProgramOrder, ProgramPlan, ServiceName } from './programs/plan.ts';

/** Who does what. */
export const roles = {
  ingest: ['ingest'],
  'host-1': ['conversation'],
  'host-2': ['conversation'],
  sender: ['sender'],
  rest: ['timers', 'projection', 'effects'],
} as const satisfies Readonly<Record<string, readonly ServiceName[]>>;

export type Role = keyof typeof roles;

/** What the process of the rest does besides, where there are outskirts. */
const filesAndWebhooks = ['media', 'webhooks'] as const satisfies readonly ServiceName[];

/** Those that host actors. */
export const hosts = ['host-1', 'host-2'] as const satisfies readonly Role[];

const restartPauseMs = 200;
const readyPatienceMs = 90_000;
const notesMax = 200;
const belowWarning = /"level":"(?:debug|info)"/u;

interface Member {
  process: StartedProcess | undefined;
  wanted: boolean;
  plan: Partial<ProgramPlan>;
  environment: Environment;
  /** Ends when the role is given up. */
  keeping: Promise<void>;
}

/** What all of them have in common. */
export interface CrewOptions {
  readonly environment: Environment;
  readonly seed: number;
  /** Whether the process of the rest fetches files and tells the tenant. */
  readonly outskirts?: boolean;
  /** Where `<role>.log` gets all that a role's processes write to their standard error. */
  readonly logFolder?: string | undefined;
  /** What every process is told besides. */
  readonly plan?: Partial<ProgramPlan>;
}

/** All of them. */
export class Crew {
  /** What every process adds to its clock, milliseconds; those that are started later too. */
  clockOffsetMs = 0;
  /** SIGKILLs given, by us and by processes to themselves. */
  kills = 0;
  /** Processes that ended by themselves, with an error: what nothing that is staged here should bring about. */
  failures = 0;
  /** Last lines that processes wrote to their standard error. */
  readonly notes: string[] = [];
  readonly #members = new Map<Role, Member>();
  readonly #options: CrewOptions;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Starts a role and keeps it; resolves when it serves. Idempotent while it runs as wanted. */
  async start(role: Role, plan: Partial<ProgramPlan> = {}, environment: Environment = {}): Promise<void> {
    const member = this.#members.get(role);
    if (member?.wanted !== true) {
      const fresh: Member = { process: undefined, wanted: true, plan, environment, keeping: Promise.resolve() };
      this.#members.set(role, fresh);
      fresh.keeping = this.#keep(role, fresh);
    }
    await this.ready(role);
  }

  /** Starts every role that does not run. */
  async startAll(): Promise<void> {
    await Promise.all((Object.keys(roles) as Role[]).map((role) => this.start(role)));
  }

  /** Waits until a role serves. */
  async ready(role: Role): Promise<void> {
    const until = performance.now() + readyPatienceMs;
    while (this.#members.get(role)?.process === undefined) {
      if (performance.now() > until)
        throw new Error(`${role} does not come up: ${this.notes.at(-1) ?? 'it said nothing'}`);
      await sleep(50);
    }
  }

  /** Whether every role that is wanted serves. */
  get complete(): boolean {
    return [...this.#members.values()].every(({ wanted, process }) => !wanted || process !== undefined);
  }

  /** Where a role listens; undefined while it does not. */
  url(role: Role): string | undefined {
    return (this.#members.get(role)?.process?.ready as { readonly url?: string } | undefined)?.url;
  }

  /** The process of a role; undefined while there is none. */
  pid(role: Role): number | undefined {
    return this.#members.get(role)?.process?.pid;
  }

  /** kill -9; it is started again by itself. */
  kill(role: Role): void {
    const pid = this.pid(role);
    if (pid === undefined) return;
    this.kills += 1;
    process.kill(pid, 'SIGKILL');
  }

  /** SIGSTOP or SIGCONT. */
  signal(role: Role, signal: 'SIGSTOP' | 'SIGCONT'): void {
    const pid = this.#members.get(role)?.process?.pid;
    if (pid !== undefined) process.kill(pid, signal);
  }

  order(role: Role, order: ProgramOrder): void {
    this.#members.get(role)?.process?.tell(order);
  }

  /** Moves the clocks of all processes. */
  setClocks(offsetMs: number): void {
    this.clockOffsetMs = offsetMs;
    for (const role of this.#members.keys()) this.order(role, { clockOffsetMs: offsetMs });
  }

  /** Waits until the process of a role ended by itself, or for so long. Tells whether it did. */
  async ended(role: Role, withinMs: number): Promise<boolean> {
    const process = this.#members.get(role)?.process;
    const until = performance.now() + withinMs;
    while (this.#members.get(role)?.process === process && performance.now() < until) await sleep(20);
    return this.#members.get(role)?.process !== process;
  }

  /** Ends a role as an orchestrator does, and keeps it ended. */
  async stop(role: Role): Promise<void> {
    const member = this.#members.get(role);
    if (member === undefined) return;
    member.wanted = false;
    await member.process?.stop();
    await member.keeping;
  }

  /** Ends everything. Idempotent. */
  async close(): Promise<void> {
    for (const role of this.#members.keys()) this.signal(role, 'SIGCONT');
    await Promise.all([...this.#members.keys()].map((role) => this.stop(role)));
  }

  async #keep(role: Role, member: Member): Promise<void> {
    const isWanted = (): boolean => member.wanted;
    while (isWanted()) {
      try {
        const started = await this.#launch(role, member);
        if (!isWanted()) {
          await started.stop();
          return;
        }
        member.process = started;
        for (let line = await started.lines.next(); line.done !== true; line = await started.lines.next());
        member.process = undefined;
        const code = await started.ended;
        if (code !== null && code !== 0) this.#failed(role, code);
        await started.stop();
      } catch (caught) {
        this.#note(`${role}: ${String(caught)}`);
      }
      await sleep(restartPauseMs);
    }
  }

  #launch(role: Role, { plan, environment }: Member): Promise<StartedProcess> {
    const { outskirts = false, seed, logFolder } = this.#options;
    const input: ProgramPlan = {
      services: [...roles[role], ...(role === 'rest' && outskirts ? filesAndWebhooks : [])],
      clockOffsetMs: this.clockOffsetMs,
      versions: historyVersions,
      seed,
      ...this.#options.plan,
      ...plan,
    };
    return startProcess('chaos/programs/service.ts', {
      environment: { ...this.#options.environment, ...environment },
      input,
      onError: (text) => {
        if (logFolder !== undefined) appendFileSync(join(logFolder, `${role}.log`), text);
        for (const line of text.trimEnd().split('\n')) if (!belowWarning.test(line)) this.#note(`${role}: ${line}`);
      },
    });
  }

  #failed(role: Role, code: number): void {
    this.failures += 1;
    this.#note(`${role}: ended by itself with ${code}`);
  }

  #note(line: string): void {
    this.notes.push(line);
    if (this.notes.length > notesMax) this.notes.shift();
  }
}
