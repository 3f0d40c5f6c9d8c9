/** Every command, in the order of help. A new one is added here and nowhere else. */
import type { Command } from './command.ts';
import { auditTail } from './commands/audit.ts';
import { configurationSet, configurationShow } from './commands/configuration.ts';
import {
  conversationsLs,
  conversationsRelease,
  conversationsShow,
  conversationsTail,
} from './commands/conversations.ts';
import { deliveries, deliveriesCauses, deliveriesShow } from './commands/deliveries.ts';
import { deliveriesCancel, deliveriesRetry } from './commands/delivery-orders.ts';
import { dev } from './commands/dev.ts';
import { doctor } from './commands/doctor.ts';
import { evaluate } from './commands/eval.ts';
import { instancesLs, instancesShow } from './commands/instances.ts';
import { load } from './commands/load.ts';
import { parkedLs, parkedRedrive } from './commands/parked.ts';
import {
  replayCancel,
  replayEmit,
  replayLs,
  replayRebuild,
  replayShow,
  replayVerify,
  replayWhatIf,
} from './commands/replay.ts';
import { replayExport, replaySteps } from './commands/replay-conversation.ts';
import { topics } from './commands/topics.ts';
import { topicsGrow } from './commands/topics-grow.ts';

/** The table. */
export const commands: readonly Command[] = [
  dev,
  doctor,
  topics,
  topicsGrow,
  conversationsLs,
  conversationsShow,
  conversationsTail,
  conversationsRelease,
  replaySteps,
  replayExport,
  replayVerify,
  replayRebuild,
  replayWhatIf,
  replayEmit,
  replayLs,
  replayShow,
  replayCancel,
  deliveries,
  deliveriesShow,
  deliveriesCauses,
  deliveriesRetry,
  deliveriesCancel,
  parkedLs,
  parkedRedrive,
  instancesLs,
  instancesShow,
  configurationShow,
  configurationSet,
  auditTail,
  load,
  evaluate,
];
