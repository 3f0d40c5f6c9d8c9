/** What a fault is, and what comes of staging it. */
import type { Anomaly, AnomalyName } from './checker.ts';
import type { World } from './world.ts';

/** One kind of trouble; each is a file of `faults/`. */
export interface Fault {
  /** Its row in the fault matrix. */
  readonly number: number;
  readonly name: string;
  /** Belongs to the short form, which `npm test` runs. */
  readonly short?: true;
  /** Why it cannot be staged on this machine; undefined when it can. */
  readonly canStage?: () => string | undefined;
  /** It needs a world whose data are on small disks. */
  readonly smallDisks?: true;
  /** Why it cannot be staged in this world; undefined when it can. */
  readonly unavailable?: (world: World) => string | undefined;
  /**
   * Makes the trouble, while people write, and ends it: afterwards everything is to recover by itself.
   * Every choice comes from `world.random`. Bounded in time.
   */
  readonly stage: (world: World) => Promise<Staged>;
}

/** What was staged. */
export interface Staged {
  /** Calls to the provider beyond the first of a message that it excuses. */
  readonly repeatsAllowed?: number;
}

/** What came of one staging. */
export interface FaultRun {
  readonly seed: number;
  readonly kills: number;
  /** Longest time from the acceptance of a message to its answer's arrival at the provider. */
  readonly recoveryMs: number;
  /** Records on the log when it was judged. */
  readonly records: number;
  readonly counts: Readonly<Record<AnomalyName, number>>;
  /** What they are about; bounded. */
  readonly anomalies: readonly Anomaly[];
}

/** Of all stagings of one fault. */
export interface FaultReport {
  readonly number: number;
  readonly name: string;
  readonly runs: readonly FaultRun[];
  /** Why it was not staged. */
  readonly skipped?: string;
  /** Why a staging could not be judged. */
  readonly failed?: string;
}
