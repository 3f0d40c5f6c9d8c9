/** The compliance service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startCompliance } from './compliance.ts';

await runService('compliance', 'prosa_worker', (runtime) => startCompliance(runtime));
