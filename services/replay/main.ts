/** The replay service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startReplay } from './replay.ts';

await runService('replay', 'prosa_worker', (runtime) => Promise.resolve(startReplay(runtime)));
