/** The projection service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startProjection } from './projection.ts';

await runService('projection', 'prosa_worker', (runtime) => startProjection(runtime));
