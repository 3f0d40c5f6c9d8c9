/** Every fault there is, in the order of the matrix. */
import type { Fault } from '../fault.ts';
import { killedCommits } from './01-killed-commits.ts';
import { stoppedHosts } from './02-zombies.ts';
import { hijackedId } from './03-hijacked-id.ts';
import { brokerRestarts } from './04-broker-restarts.ts';
import { network } from './05-network.ts';
import { postgresTroubles } from './06-postgres.ts';
import { redisTroubles } from './07-redis.ts';
import { duplicateWebhooks } from './08-duplicate-webhooks.ts';
import { outOfOrder } from './09-out-of-order.ts';
import { poison } from './10-poison.ts';
import { clockJumps } from './11-clock-jumps.ts';
import { rebalanceStorm } from './12-rebalance-storm.ts';
import { slowSinks } from './13-slow-sinks.ts';
import { diskFull } from './14-disk-full.ts';
import { memoryCap } from './15-memory-cap.ts';
import { mixedVersions } from './16-mixed-versions.ts';
import { killedSender } from './17-killed-sender.ts';
import { fullRebuild } from './18-full-rebuild.ts';
import { corruptSnapshots } from './19-corrupt-snapshots.ts';
import { filesAndWebhooks } from './20-files-and-webhooks.ts';
import { merges } from './21-merges.ts';

export const faults: readonly Fault[] = [
  killedCommits,
  stoppedHosts,
  hijackedId,
  brokerRestarts,
  network,
  postgresTroubles,
  redisTroubles,
  duplicateWebhooks,
  outOfOrder,
  poison,
  clockJumps,
  rebalanceStorm,
  slowSinks,
  diskFull,
  memoryCap,
  mixedVersions,
  killedSender,
  fullRebuild,
  corruptSnapshots,
  filesAndWebhooks,
  merges,
];
