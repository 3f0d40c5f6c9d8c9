/** Who sends a message now: its line's route says, at the moment in which it is placed or claimed. */
import type { Directory } from '#runtime/directory/directory.ts';
import { type Routing, standInOf } from '#runtime/instances/routing.ts';
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

/** Finds instances; all methods throw `database.unavailable`. */
export interface Routes {
  /** The instance to send with. */
  readonly routeOf: (message: RoutedMessage) => Promise<string>;
  /**
   * The next account that may stand in for the one that the message names, which did not send it; undefined when
   * there is none. `standsIn`: that one stands in already, so that those before it had their turn.
   */
  readonly standInFor: (message: RoutedMessage, standsIn: boolean) => Promise<string | undefined>;
}

/** The instance to send with; throws `database.unavailable`. */
export type RouteFinder = Routes['routeOf'];

/** Opens the routes. A conversation never changes its line, so lines are kept. */
export function openRoutes(directory: Pick<Directory, 'read'>, routing: Routing): Routes {
  const lines = new Lru<string, string>(cachedMax);

  const lineOf = async ({ tenant, conversation }: RoutedMessage): Promise<string | undefined> => {
    const key = `${tenant}/${conversation}`;
    const line = lines.get(key) ?? (await directory.read(tenant, conversation))?.line;
    if (line !== undefined) lines.set(key, line);
    return line;
  };

  return {
    async routeOf(message) {
      const { tenant, conversation, instance, lane } = message;
      const line = await lineOf(message);
      if (line === undefined) return instance;
      return routing.routeOf({ tenant, line, conversation, instance, cold: classOfLane(lane) === 'cold' });
    },

    async standInFor(message, standsIn) {
      const { tenant, instance, lane } = message;
      const line = await lineOf(message);
      const route = line === undefined ? undefined : await routing.read(tenant, line);
      return route === undefined
        ? undefined
        : standInOf(route, { instance, standsIn, cold: classOfLane(lane) === 'cold' });
    },
  };
}
