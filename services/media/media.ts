/**
 * The media service: the file of every message is fetched from its provider at once, since pointers expire, and kept;
 * what became of it is a record of the conversation.
 *
 * M1 A file to be fetched is queued before the offset of its message is committed, and nothing else is waited for there:
 *    no file holds up a partition. `queue_progress` moves with it: what Postgres lost is read and fetched again.
 * M2 A result is recorded at least once, always with the same id; whichever is first on the log counts.
 * M3 A file is fetched again with growing delays as long as its pointer may lead somewhere; then it has failed, with the
 *    last reason.
 * M4 What is kept was looked into: its type is what its bytes say, its size is bounded, and where the provider gave a
 *    hash it is that.
 * M5 Addresses come from strangers: all requests go through `net/outside.ts`.
 * M6 Files of persons who were erased, and those that are older than their tenant keeps them, are removed
 *    (`runtime/blobs/file-removals.ts`), within minutes.
 */
import { isForwarded } from '#runtime/actor/merge.ts';
import { createFileRemovals } from '#runtime/blobs/file-removals.ts';
import { openFiles, openObjectStore } from '#runtime/blobs/postgres-files.ts';
import { startClaimPump } from '#runtime/claim-pump.ts';
import { createFollower } from '#runtime/log/queue-progress.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import type { Outside } from '#runtime/net/outside.ts';
import { startQueueService } from '#runtime/queue-service.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { topics } from '#schemas/topics.ts';

import { createFetcher, isMediaKind } from './fetcher.ts';
import { type MediaMessage, openFetches } from './fetches.ts';
import { mediaSources } from './sources/sources.ts';

const group = 'media';
/** Records of one moment are read together: a read and a commit for each would cost the broker, and every other reader. */
const patienceMs = 250;
const slice = { sliceRecordsMax: 500, sliceBytesMax: 4 * 1_024 * 1_024 } as const;

/** What tests replace. Times in milliseconds. */
export interface MediaOptions {
  readonly outside?: Outside;
  /** Longest sleep between looks at the queue: bounds how late another process' retry is seen. */
  readonly pollMs?: number;
  /** Time that `stop` gives to fetches in flight; those that are cut come back after their lease. */
  readonly stopGraceMs?: number;
}

/** Files fetched at once by this process; each may hold a few hundred kilobytes. */
const concurrency = 8;
const pollMsDefault = 1_000;
const sweepEveryMs = 600_000;
const stopGraceMsDefault = 5_000;

/** Starts the service. */
export function startMedia(runtime: Runtime, options: MediaOptions = {}): Promise<RunningService> {
  const outside = options.outside ?? openOutside();
  const store = openObjectStore(runtime.config);
  const files = openFiles(runtime, store);
  const fetches = openFetches(runtime);
  const sources = mediaSources(outside, runtime.config.trustedOrigins, runtime.config.baileys.url);
  const removeFiles = createFileRemovals(runtime, store);
  const topic = topics.events;
  return startQueueService(runtime, {
    group,
    topic,
    ...slice,
    patienceMs,
    follower: createFollower(runtime, {
      group,
      topic,
      write: async (slices) => {
        const messages = slices.flatMap(({ records }) => records.map(({ record }) => record).filter(hasFile));
        await fetches.add(messages, group, slices);
        return messages.length > 0;
      },
    }),
    worker: startClaimPump({
      logger: runtime.logger,
      claim: (count) => fetches.claim(count),
      work: createFetcher({ runtime, files, fetches, sources }),
      concurrency,
      pollMs: options.pollMs ?? pollMsDefault,
    }),
    stopGraceMs: options.stopGraceMs ?? stopGraceMsDefault,
    housekeeping: {
      everyMs: sweepEveryMs,
      run: async (tenants, signal) => {
        await files.sweep(tenants);
        await removeFiles(tenants, signal);
      },
    },
    cut: () => outside.close(),
    close: () => files.close(),
  });
}

/**
 * Whether there is a file to be fetched. What we sent through the API we have; of a message that a merged conversation
 * forwarded it is fetched for the message itself, and the result is forwarded too.
 */
const hasFile = (record: ProsaRecord): record is MediaMessage =>
  !isForwarded(record) &&
  (record.type === 'message.received' || (record.type === 'message.echoed' && record.source !== 'api')) &&
  isMediaKind(record.kind) &&
  record.sealed !== null;
