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

/** The queue that the tenant's configuration offers now; undefined when it offers none. */
export async function readServiceQueue(
  { tenants }: Pick<Runtime, 'tenants'>,
  actors: Actors,
  tenant: string,
): Promise<ServiceQueue | undefined> {
  const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
  const settings = configuration?.machines['conversation']?.settings['queue'] as QueueSettings | undefined;
  if (settings === undefined) return undefined;
  const { envelope } = await actors.read(tenant, queueActorOf(tenant, settings.name));
  const snapshot = envelope?.episode?.snapshot;
  const idle: ServiceQueueContext = {
    settings: { forgetAfterMs: 0 },
    queue: settings.name,
    terms: settings,
    termsAt: 0,
    waiting: [],
    attended: [],
    latestMs: [],
  };
  const context = snapshot === undefined ? idle : (snapshot.context as ServiceQueueContext);
  // What a queue that has ended knew of capacity is over; how long attendances took is not.
  const now = snapshot?.status === 'active' ? context : { ...idle, latestMs: context.latestMs };
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
