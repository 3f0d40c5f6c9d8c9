/**
 * Stagings one after the other, in one world as long as it stays sound: what an anomaly left behind
 * would be found again and again.
 */
import type { LogKind } from '../bench/installation.ts';
import type { Fault, FaultReport, FaultRun } from './fault.ts';
import { type Excused, stageFault } from './stage-fault.ts';
import { type World, openWorld } from './world.ts';

/** A world is left after so many records: every staging judges all of them again. */
const recordsMax = 40_000;

/** Owns the world of the moment. */
export class Rounds {
  readonly #log: LogKind;
  readonly #say: (line: string) => void;
  readonly #logFolder: string | undefined;
  #world: World | undefined;
  #smallDisks = false;
  #excused: Excused = { repeats: 0 };

  /** `logFolder` gets what the processes say. */
  constructor(log: LogKind, say: (line: string) => void, logFolder?: string) {
    this.#log = log;
    this.#say = say;
    this.#logFolder = logFolder;
  }

  /** Stages a fault so often, with seeds from `seed` on. Never rejects: what could not be judged is reported. */
  async run(fault: Fault, seed: number, times: number): Promise<FaultReport> {
    const { number, name } = fault;
    const runs: FaultRun[] = [];
    for (let time = 0; time < times; time++) {
      try {
        const impossible = fault.canStage?.();
        const world = impossible === undefined ? await this.#open(seed + time, fault.smallDisks ?? false) : undefined;
        const reason = world === undefined ? impossible : fault.unavailable?.(world);
        if (world === undefined || reason !== undefined) {
          this.#say(`fault ${number} ${name}: SKIPPED: ${reason ?? ''}`);
          return { number, name, runs, skipped: reason ?? 'it cannot be staged' };
        }
        this.#say(`fault ${number} ${name}, seed ${seed + time}`);
        world.random.reseed(seed + time);
        const run = await stageFault(world, fault, seed + time, this.#excused);
        runs.push(run);
        this.#say(`  ${run.anomalies.length === 0 ? 'clean' : 'ANOMALIES'}, slowest answer ${run.recoveryMs} ms`);
        for (const anomaly of run.anomalies) this.#say(`  ${anomaly.name}: ${anomaly.about}`);
        if (run.anomalies.length > 0 || run.records > recordsMax) await this.close();
      } catch (caught) {
        await this.close().catch(() => undefined);
        const failed = caught instanceof Error ? caught.message : 'unknown failure';
        this.#say(`  FAILED: ${failed}`);
        return { number, name, runs, failed };
      }
    }
    return { number, name, runs };
  }

  /** Ends the world. Idempotent. */
  async close(): Promise<void> {
    const world = this.#world;
    this.#world = undefined;
    this.#excused = { repeats: 0 };
    await world?.close();
  }

  async #open(seed: number, smallDisks: boolean): Promise<World> {
    if (this.#smallDisks !== smallDisks) await this.close();
    this.#smallDisks = smallDisks;
    this.#world ??= await openWorld({
      ...{ log: this.#log, seed, smallDisks, outskirts: true, say: this.#say, logFolder: this.#logFolder },
    });
    return this.#world;
  }
}
