/** A world for tests of growth: every service that reads the log, on the echo machine and the Postgres log, with a clock that is moved. */
import { readConfig } from '#runtime/config.ts';
import { type Database, openDatabase } from '#runtime/database/database.ts';
import { consumerGroups } from '#runtime/log/consumer-groups.ts';
import { openLog } from '#runtime/log/open-log.ts';
import type { RecordLog } from '#runtime/log/record-log.ts';
import { createLogger } from '#runtime/logger.ts';
import type { RunningService } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { Person, eventually } from '#runtime/testing/person.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import { startCompliance } from '../../compliance/compliance.ts';
import { startConversation } from '../../conversation/conversation.ts';
import { startEffects } from '../../effects/effects.ts';
import { startMedia } from '../../media/media.ts';
import { startProjection } from '../../projection/projection.ts';
import { type ReplayWorld, openReplayWorld } from '../../replay/testing/replay-world.ts';
import { startSender } from '../../sender/sender.ts';
import { startTimers } from '../../timers/timers.ts';
import { startWebhooks } from '../../webhooks/webhooks.ts';
import { type Growth, grow } from '../grow.ts';

const logger = createLogger('silent');

/** How to grow. */
export interface GrowingOptions {
  readonly dryRun?: boolean;
  /** Told what is done; what it throws ends the growth there, as a kill would. */
  readonly step?: (text: string) => void | Promise<void>;
}

/** What a test is given. */
export interface GrowingWorld {
  readonly replays: ReplayWorld;
  readonly database: Database;
  /** Grows the log as it was set up with the partitions of the beginning. */
  growTo(partitionCount: number, options?: GrowingOptions): Promise<Growth>;
  /** Opens the log as a service that is configured with so many partitions does. */
  open(partitions?: number): Promise<RecordLog>;
  /** Starts every service on a log. `sends` false: what is to go out waits in the schedule. */
  start(log: RecordLog, sends?: boolean): Promise<void>;
  stop(): Promise<void>;
  /** The service of a test's own is stopped with the others. */
  adopt(service: RunningService): void;
  /** Waits until every group has read everything, and what is to go out went out and was told of. */
  drained(log: RecordLog): Promise<void>;
  /** A person who writes to a log. */
  meet(log: RecordLog, phone: string): Promise<Person>;
  close(): Promise<void>;
}

/** Opens it. */
export async function openGrowingWorld(partitionCount: number, now: () => number): Promise<GrowingWorld> {
  const replays = await openReplayWorld({ partitionCount, now });
  const { databaseUrl: url } = replays.world;
  const database = openDatabase({ url, role: 'prosa_worker', connectionsMax: 8, applicationName: 'test-grown' });
  const ingest = replays.world.runtime('prosa_ingest');
  let running: RunningService[] = [];
  let sending = true;
  const configWith = (partitions: number) => readConfig({ DATABASE_URL: url, PROSA_PARTITIONS: String(partitions) });
  const stop = async (): Promise<void> => {
    await Promise.all(running.splice(0).map((service) => service.stop()));
  };
  const isAtRest = async (log: RecordLog): Promise<boolean> => {
    const { rows } = await database.transaction([testTenant], (sql) =>
      sql.query<{ open: number }>(
        `SELECT count(*)::int AS open FROM deliveries
         WHERE report_due_at IS NOT NULL OR (status IN ('queued', 'scheduled', 'sending') AND $1)`,
        [sending],
      ),
    );
    if (rows[0]?.open !== 0) return false;
    for (const { group, topic } of consumerGroups)
      if ((await log.lag(group, topic)).some(({ lag }) => lag > 0)) return false;
    return true;
  };
  return {
    replays,
    database,
    growTo: (wanted, { dryRun = false, step = () => undefined } = {}) =>
      grow(configWith(partitionCount), logger, { partitionCount: wanted, dryRun, step }),
    open: (partitions = partitionCount) => openLog({ config: configWith(partitions), logger, database }),
    async start(log, sends = true) {
      sending = sends;
      // Nothing is in its memory.
      const runtime = { ...replays.world.runtime('prosa_worker'), log };
      running = await Promise.all([
        startConversation(runtime, findEcho),
        startProjection(runtime, findEcho),
        startCompliance(runtime),
        startTimers(runtime),
        startSender(runtime, sends ? {} : { concurrency: 0 }),
        startEffects(runtime, { handlers: new Map() }),
        startMedia(runtime),
        startWebhooks(runtime),
      ]);
    },
    stop,
    adopt: (service) => void running.push(service),
    async drained(log) {
      // What one of them does may be another's to read: nothing is left when there is nothing twice in a row.
      let looks = 0;
      await eventually(
        async () => (looks = (await isAtRest(log)) ? looks + 1 : 0),
        (calm) => calm === 2,
        30_000,
      );
    },
    meet: (log, phone) => Person.meet({ ...replays.world, log }, { ...ingest, log }, phone),
    async close() {
      await stop();
      await database.close();
      await replays.close();
    },
  };
}
