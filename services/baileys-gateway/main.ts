/** The Baileys gateway as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startBaileysGateway } from './start.ts';

await runService('baileys-gateway', 'prosa_worker', (runtime, config) =>
  startBaileysGateway(runtime, { ingestUrl: () => config.ingestUrl ?? `http://127.0.0.1:${config.port}` }),
);
