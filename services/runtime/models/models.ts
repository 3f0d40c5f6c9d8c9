/** What is needed to call models, opened. */
import type { Runtime } from '../runtime.ts';
import { openModelServer } from './adapters/openai.ts';
import { type ModelCallSeam, openModelCalls } from './model-calls.ts';
import { type ModelKeys, openModelKeys } from './model-keys.ts';
import type { ModelServer } from './model-server.ts';
import { type PaidCalls, openPaidCalls } from './paid-calls.ts';
import { openSpending } from './spending.ts';

/** Keys, servers, and calls that last. */
export interface Models {
  readonly keys: ModelKeys;
  readonly server: ModelServer;
  readonly calls: PaidCalls;
}

/** What tests replace. */
export interface ModelsSeam extends ModelCallSeam {
  readonly server?: ModelServer;
}

/** Opens it; nothing is connected before the first call. */
export function openModels(
  { config, database, vault, metrics, now }: Pick<Runtime, 'config' | 'database' | 'vault' | 'metrics' | 'now'>,
  seam: ModelsSeam = {},
): Models {
  return {
    keys: openModelKeys(config, database, vault, now),
    server: seam.server ?? openModelServer(),
    calls: openPaidCalls(openModelCalls(metrics, now, seam), openSpending(database, now), metrics),
  };
}
