/**
 * What a service is given: the ports it may use, opened as its own role. `services/main.ts` and each
 * service's `main.ts` build it; nothing else does.
 */
import type { Config } from './config.ts';
import type { Database } from './database/database.ts';
import type { Directory } from './directory/directory.ts';
import type { Instances } from './instances/instances.ts';
import type { RecordLog } from './log/record-log.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';
import type { Tenants } from './tenants/tenants.ts';
import type { FileVault } from './vault/vault.ts';

/** Ports of one service. */
export interface Runtime {
  readonly config: Config;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly log: RecordLog;
  /** Postgres as the role of this service. */
  readonly database: Database;
  readonly vault: FileVault;
  readonly directory: Directory;
  readonly instances: Instances;
  readonly tenants: Tenants;
  /** The process clock, epoch milliseconds. Injected, so that tests and clock faults can move it. */
  readonly now: () => number;
}

/** A started service. */
export interface RunningService {
  readonly name: string;
  /** Where it listens, when it does. */
  readonly url?: string;
  /** Rejects when the service stopped by itself: the process ends. Resolves after `stop`. */
  readonly finished: Promise<void>;
  /** Finishes what is in process and stops. Idempotent. */
  stop(): Promise<void>;
}
