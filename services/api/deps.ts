/** What the API is given besides the ports of its runtime, and what its routes share. */
import type { FindMachine } from '#runtime/actor/machines.ts';
import type { ModelsSeam } from '#runtime/models/models.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { SimulatorPhone } from '#runtime/simulator/simulator-phone.ts';

import type { Access } from './access.ts';
import type { Actors } from './actors.ts';

/** Given by whoever starts the API. */
export interface ApiDeps {
  /** The machines that actors may name. */
  readonly find: FindMachine;
  readonly phone: Pick<SimulatorPhone, 'read'>;
  /** Where ingest's webhook routes are, without a slash at the end. Asked at each call: a port may not be known before. */
  readonly ingestUrl: () => string;
  /** The shared window of duplicates; absent when there is no Redis and each process has its own. */
  readonly redis?: { readonly ping: () => Promise<unknown> };
  /** Tests replace what calls models. */
  readonly models?: ModelsSeam;
  /** True once the process drains: it is alive but no longer ready. */
  readonly draining?: () => boolean;
}

/** What handlers work with. */
export interface ApiContext {
  readonly runtime: Runtime;
  readonly deps: ApiDeps;
  readonly actors: Actors;
  readonly access: Access;
}
