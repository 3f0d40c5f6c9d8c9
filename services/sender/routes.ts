/** Who sends a message now: its line's route says, at the moment in which it is placed or claimed. */
import type { Directory } from '#runtime/directory/directory.ts';
import type { Routing } from '#runtime/instances/routing.ts';
import { Lru } from '#runtime/lru.ts';

import { classOfLane } from './lanes.ts';

const cachedMax = 50_000;

/** What is routed. */
export interface RoutedMessage {
  readonly tenant: string;
  readonly conversation: string;
  /** The one that the message names. */
  readonly instance: string;
  readonly lane: number;
}

/** The instance to send with; throws `database.unavailable`. */
export type RouteFinder = (message: RoutedMessage) => Promise<string>;

/** Finds routes. A conversation never changes its line, so lines are kept. */
export function routeFinder(directory: Pick<Directory, 'read'>, routing: Routing): RouteFinder {
  const lines = new Lru<string, string>(cachedMax);
  return async ({ tenant, conversation, instance, lane }) => {
    const key = `${tenant}/${conversation}`;
    const line = lines.get(key) ?? (await directory.read(tenant, conversation))?.line;
    if (line === undefined) return instance;
    lines.set(key, line);
    return routing.routeOf({ tenant, line, conversation, instance, cold: classOfLane(lane) === 'cold' });
  };
}
