/** The media service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startMedia } from './media.ts';

await runService('media', 'prosa_worker', (runtime) => startMedia(runtime));
