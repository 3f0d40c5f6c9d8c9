/**
 * Service queues as the API shows them: what their actors have. One is offered by the tenant's configuration now; another
 * that an earlier one offered is there for as long as people wait in it or are attended.
 */
import type { QueueSettings } from '#machines/conversation/agent-settings.ts';
import { type ServiceQueueContext, hasRoom, waitMinutesOf } from '#machines/service-queue/context.ts';
import { queueActorOf } from '#runtime/actor/actor-ids.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Actors } from './actors.ts';

/** Conversations of each kind that are shown, the first ones. */
export const shownMax = 200;
/** Queues of earlier configurations that are looked at. */
const earlierMax = 50;

/** A queue as it is answered. Times are epoch milliseconds. */
export interface ServiceQueue {
  readonly name: string;
  /** Whether the configuration offers it now. */
  readonly isOffered: boolean;
  readonly capacity: number;
  readonly waitingMax: number;
  readonly waitingCount: number;
  readonly waiting: readonly { readonly conversationId: string; readonly position: number; readonly since: number }[];
  readonly attended: readonly { readonly conversationId: string; readonly attendant: string; readonly since: number }[];
  /** How long somebody would wait who joins now. */
  readonly estimateMinutes: number;
}

/** The place of a conversation in a queue, waiting or attended. */
export interface QueuePlace {
  /** Its actor. */
  readonly queue: string;
  readonly ticket: string;
  /** Whether attendants may have one more conversation of it. */
  readonly hasRoom: boolean;
}

interface Kept {
  readonly actor: string;
  readonly name: string;
  readonly isOffered: boolean;
  readonly context: ServiceQueueContext;
}

type Ports = Pick<Runtime, 'database' | 'tenants'>;

/** The queue that is offered, if one is, and all others that people are in. */
async function keptQueues({ database, tenants }: Ports, actors: Actors, tenant: string): Promise<readonly Kept[]> {
  const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
  const settings = configuration?.machines['conversation']?.settings['queue'] as QueueSettings | undefined;
  const offered = settings === undefined ? undefined : queueActorOf(tenant, settings.name);
  const { rows } = await database.query<{ actor: string }>(
    [tenant],
    `SELECT DISTINCT actor FROM actor_snapshots
     WHERE tenant = $1 AND machine = 'service-queue' AND state = 'serving' AND actor IS DISTINCT FROM $2
     ORDER BY actor LIMIT $3`,
    [tenant, offered ?? null, earlierMax],
  );
  const earlier = await Promise.all(
    rows.map(async ({ actor }): Promise<readonly Kept[]> => {
      const { isActive, context } = await contextOf(actors, tenant, actor);
      if (!isActive || context?.queue == null || context.waiting.length + context.attended.length === 0) return [];
      return [{ actor, name: context.queue, isOffered: false, context }];
    }),
  );
  if (settings === undefined || offered === undefined) return earlier.flat();
  const { isActive, context } = await contextOf(actors, tenant, offered);
  // What a queue that has ended knew of capacity is over; how long attendances took is not.
  const now = isActive && context !== undefined ? context : { ...idle(settings), latestMs: context?.latestMs ?? [] };
  return [{ actor: offered, name: settings.name, isOffered: true, context: now }, ...earlier.flat()];
}

async function contextOf(actors: Actors, tenant: string, actor: string) {
  const snapshot = (await actors.read(tenant, actor)).envelope?.episode?.snapshot;
  return { isActive: snapshot?.status === 'active', context: snapshot?.context as ServiceQueueContext | undefined };
}

const idle = (settings: QueueSettings): ServiceQueueContext => ({
  settings: { forgetAfterMs: 0 },
  queue: settings.name,
  terms: settings,
  termsAt: 0,
  waiting: [],
  attended: [],
  latestMs: [],
});

/** The place of a conversation; undefined when it has none. */
export async function readPlace(
  ports: Ports,
  actors: Actors,
  { tenant, conversation }: { readonly tenant: string; readonly conversation: string },
): Promise<QueuePlace | undefined> {
  for (const { actor, context } of await keptQueues(ports, actors, tenant)) {
    const place = [...context.waiting, ...context.attended].find((one) => one.conversation === conversation);
    if (place !== undefined) return { queue: actor, ticket: place.ticket, hasRoom: hasRoom(context) };
  }
  return undefined;
}

/** All of them, the one that is offered first. */
export async function readServiceQueues(
  ports: Ports,
  actors: Actors,
  tenant: string,
): Promise<readonly ServiceQueue[]> {
  const queues = await keptQueues(ports, actors, tenant);
  return queues.map(({ name, isOffered, context }) => ({
    name,
    isOffered,
    capacity: context.terms.capacity,
    waitingMax: context.terms.waitingMax,
    waitingCount: context.waiting.length,
    waiting: context.waiting
      .slice(0, shownMax)
      .map(({ conversation, since }, index) => ({ conversationId: conversation, position: index + 1, since })),
    attended: context.attended
      .slice(0, shownMax)
      .map(({ conversation, attendant, since }) => ({ conversationId: conversation, attendant, since })),
    estimateMinutes: waitMinutesOf(context, context.waiting.length + 1),
  }));
}
