/** The sender service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startSender } from './sender.ts';

await runService('sender', 'prosa_worker', (runtime) => startSender(runtime));
