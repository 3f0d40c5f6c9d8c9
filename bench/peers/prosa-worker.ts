/** Prosa's conversation service with the machine of the peers, as a process. */
import { runService } from '#runtime/process.ts';

import { startConversation } from '../../services/conversation/conversation.ts';
import { findPeersMachine } from './machine.ts';

await runService('conversation', 'prosa_worker', (runtime) => startConversation(runtime, findPeersMachine));
