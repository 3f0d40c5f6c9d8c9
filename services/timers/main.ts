/** The timers service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startTimers } from './timers.ts';

await runService('timers', 'prosa_worker', (runtime) => startTimers(runtime));
