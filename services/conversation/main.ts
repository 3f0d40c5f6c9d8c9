/** The conversation service as a process of its own. */
import { runService } from '#runtime/process.ts';

import { startConversation } from './conversation.ts';

await runService('conversation', 'prosa_worker', (runtime) => startConversation(runtime));
