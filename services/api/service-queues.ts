/** Service queues as the API shows them: what their actors have, by what the tenant's configuration offers now. */
import type { QueueSettings } from '#machines/conversation/agent-settings.ts';
import { type ServiceQueueContext, hasRoom, waitMinutesOf } from '#machines/service-queue/context.ts';
import { queueActorOf } from '#runtime/actor/actor-ids.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Actors } from './actors.ts';

/** Conversations of each kind that are shown, the first ones. */
export const shownMax = 200;

/** A queue as it is answered. Times are epoch milliseconds. */
export interface ServiceQueue {
  readonly name: string;
  readonly capacity: number;
  readonly waitingMax: number;
  readonly waitingCount: number;
  readonly waiting: readonly { readonly conversationId: string; readonly position: number; readonly since: number }[];
  readonly attended: readonly { readonly conversationId: string; readonly attendant: string; readonly since: number }[];
  /** How long somebody would wait who joins now. */
  readonly estimateMinutes: number;
  readonly hasRoom: boolean;
}

interface Kept {
  readonly actor: string;
  readonly settings: QueueSettings;
  /** Whether anybody waits or is attended. */
  readonly active: boolean;
  /** Undefined before anybody ever waited. */
  readonly context: ServiceQueueContext | undefined;
}

/** What the actor of the queue has that the tenant's configuration offers now; undefined when it offers none. */
async function keptOf(
  { tenants }: Pick<Runtime, 'tenants'>,
  actors: Actors,
  tenant: string,
): Promise<Kept | undefined> {
  const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
  const settings = configuration?.machines['conversation']?.settings['queue'] as QueueSettings | undefined;
  if (settings === undefined) return undefined;
  const actor = queueActorOf(tenant, settings.name);
  const snapshot = (await actors.read(tenant, actor)).envelope?.episode?.snapshot;
  const context = snapshot?.context as ServiceQueueContext | undefined;
  return { actor, settings, active: snapshot?.status === 'active', context };
}

/** The place of a conversation in the queue, waiting or attended; undefined when it has none. */
export async function readPlace(
  runtime: Pick<Runtime, 'tenants'>,
  actors: Actors,
  { tenant, conversation }: { readonly tenant: string; readonly conversation: string },
): Promise<{ readonly queue: string; readonly ticket: string } | undefined> {
  const kept = await keptOf(runtime, actors, tenant);
  const { waiting = [], attended = [] } = kept?.context ?? {};
  const place = [...waiting, ...attended].find((one) => one.conversation === conversation);
  return kept === undefined || place === undefined ? undefined : { queue: kept.actor, ticket: place.ticket };
}

/** The queue that the tenant's configuration offers now; undefined when it offers none. */
export async function readServiceQueue(
  runtime: Pick<Runtime, 'tenants'>,
  actors: Actors,
  tenant: string,
): Promise<ServiceQueue | undefined> {
  const kept = await keptOf(runtime, actors, tenant);
  if (kept === undefined) return undefined;
  const { settings, context } = kept;
  const idle: ServiceQueueContext = {
    settings: { forgetAfterMs: 0 },
    queue: settings.name,
    terms: settings,
    termsAt: 0,
    waiting: [],
    attended: [],
    latestMs: [],
  };
  // What a queue that has ended knew of capacity is over; how long attendances took is not.
  const now = kept.active && context !== undefined ? context : { ...idle, latestMs: context?.latestMs ?? [] };
  return {
    name: settings.name,
    capacity: now.terms.capacity,
    waitingMax: now.terms.waitingMax,
    waitingCount: now.waiting.length,
    waiting: now.waiting
      .slice(0, shownMax)
      .map(({ conversation, since }, index) => ({ conversationId: conversation, position: index + 1, since })),
    attended: now.attended
      .slice(0, shownMax)
      .map(({ conversation, attendant, since }) => ({ conversationId: conversation, attendant, since })),
    estimateMinutes: waitMinutesOf(now, now.waiting.length + 1),
    hasRoom: hasRoom(now),
  };
}
