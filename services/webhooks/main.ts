/** The webhooks service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startWebhooks } from './webhooks.ts';

await runService('webhooks', 'prosa_worker', (runtime) => startWebhooks(runtime));
