/** All that is needed to care for instances, opened. */
import { openRouting } from '#runtime/instances/routing.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { openBaileysAccounts } from '../adapters/baileys-accounts.ts';
import { openCloudAccounts } from '../adapters/cloud-accounts.ts';
import { openEvolutionAccounts } from '../adapters/evolution-accounts.ts';
import { postWebhookTo } from '../adapters/ingest-webhooks.ts';
import { simulatorAccounts } from '../adapters/simulator-accounts.ts';
import { openWahaAccounts } from '../adapters/waha-accounts.ts';
import type { OpenHandlers } from '../handlers.ts';
import { instanceHandlers } from './handlers.ts';
import { openLines } from './lines.ts';

/** Handlers of instances, and what closes their connections. `ingestUrl` is asked at each call. */
export function openInstanceCare(runtime: Runtime, ingestUrl: () => string): OpenHandlers {
  const accounts = {
    waha: openWahaAccounts(),
    evolution: openEvolutionAccounts(),
    cloud: openCloudAccounts(runtime.now),
    baileys: openBaileysAccounts(runtime),
    simulator: simulatorAccounts,
  };
  const handlers = instanceHandlers({
    runtime,
    lines: openLines(runtime.database),
    routing: openRouting(runtime.database, runtime.tenants, runtime.now),
    accounts,
    post: postWebhookTo(ingestUrl),
  });
  return {
    handlers,
    close: async () => {
      await Promise.all(Object.values(accounts).map((account) => account.close()));
    },
  };
}
