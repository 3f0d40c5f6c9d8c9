/**
 * The stage that the benches of a run share.
 *
 * Owns the broker (found when the first bench asks for one) and the scopes that are open: all that a
 * bench started is in a scope, and ends with it, in reverse order, also when the run is cut.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { type Broker, findBroker } from '#runtime/components/broker.ts';
import { inheritedEnvironment } from '#runtime/config.ts';

/** What to do when a scope ends. */
export type Closer = () => Promise<unknown>;

/** What one bench started. */
export class Scope {
  readonly #closers: Closer[] = [];

  /** Registers what is to be done at the end. */
  defer(closer: Closer): void {
    this.#closers.push(closer);
  }

  /** A folder that is removed at the end. */
  async temporaryFolder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'prosa-bench-'));
    this.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }));
    return folder;
  }

  /** Ends all that was started; what fails to end does not keep the rest from ending. Idempotent. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (let closer = this.#closers.pop(); closer !== undefined; closer = this.#closers.pop()) {
      await closer().catch((caught: unknown) => failures.push(caught));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'not everything could be ended');
  }
}

/** One run's stage. */
export class Stage {
  /** Sizes that only show that the benches work. */
  readonly short: boolean;
  /** Names of the peers that were asked for; none means all. */
  readonly peers: readonly string[];
  readonly #scopes = new Set<Scope>();
  #finding: Promise<Broker | undefined> | undefined;
  #found: Broker | undefined;

  constructor(short: boolean, peers: readonly string[] = []) {
    this.short = short;
    this.peers = peers;
  }

  /** Tells people how far it is. */
  say(line: string): void {
    process.stderr.write(`bench  ${line}\n`);
  }

  /** The full size, or the short one. */
  size(full: number, short: number): number {
    return this.short ? short : full;
  }

  /** Runs `work` and ends what it started. */
  async scoped<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
    const scope = new Scope();
    this.#scopes.add(scope);
    try {
      return await work(scope);
    } finally {
      await scope.close();
      this.#scopes.delete(scope);
    }
  }

  /** The broker of this run; undefined when none can be had here. */
  broker(): Promise<Broker | undefined> {
    this.#finding ??= findBroker({ environment: inheritedEnvironment(), progress: (line) => this.say(line) }).then(
      (broker) => (this.#found = broker),
    );
    return this.#finding;
  }

  /** The broker, if a bench asked for it. */
  get brokerUsed(): Broker | undefined {
    return this.#found;
  }

  /** Ends everything of the run. Idempotent. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#scopes].map((scope) => scope.close()));
    const broker = await this.#finding?.catch(() => undefined);
    await broker?.stop();
  }
}
