/**
 * The conversation service: hosts every actor of `conversation.events`, one host per partition owned.
 */
import { findMachine } from '#machines/registry.ts';
import { postgresActorStore } from '#runtime/actor/actor-store.ts';
import { openHost } from '#runtime/actor/host.ts';
import type { FindMachine } from '#runtime/actor/machines.ts';
import { Turns } from '#runtime/actor/turns.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { topics } from '#schemas/topics.ts';

/** Consumer group of the actor hosts. */
const group = 'conversation';

const slice = {
  /** Bounds what a crash makes somebody do again, and how long a slice keeps others waiting. */
  recordsMax: 200,
  bytesMax: 1_048_576,
} as const;

/** Actors in memory over all partitions. A young one takes 2 to 3 KB, an old one several times that; missing ones of a slice cost one query. */
const actorsCachedMax = 20_000;

/** Starts the hosts. `find` is the registry of machines; tests give machines that misbehave. */
export async function startConversation(runtime: Runtime, find: FindMachine = findMachine): Promise<RunningService> {
  const { log, vault, tenants, logger, metrics } = runtime;
  const ports = {
    log,
    store: postgresActorStore({ ...runtime, find }),
    vault,
    tenants,
    find,
    logger,
    metrics,
    turns: new Turns(),
    actorsCachedMax: Math.max(100, Math.ceil(actorsCachedMax / log.partitionCount)),
  };
  const consumer = await log.consume({
    group,
    topic: topics.events,
    transactional: true,
    sliceRecordsMax: slice.recordsMax,
    sliceBytesMax: slice.bytesMax,
    assigned: (assignment) => openHost(ports, assignment),
  });
  return { name: 'conversation', finished: consumer.finished, stop: () => consumer.stop() };
}
