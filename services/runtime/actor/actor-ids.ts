/** What the ids of actors say: the kind of an actor, and which one a service queue is. */
import { derivedId } from '../records.ts';

const machineByPrefix: Readonly<Record<string, string>> = { i_: 'instance', q_: 'service-queue' };

/** Name of the machine that an actor runs: by the kind of its id. */
export const machineNameOf = (actor: string): string => machineByPrefix[actor.slice(0, 2)] ?? 'conversation';

/** The actor of a tenant's service queue. The id says nothing of either. */
export const queueActorOf = (tenant: string, queue: string): string => derivedId('q', tenant, 'service-queue', queue);
