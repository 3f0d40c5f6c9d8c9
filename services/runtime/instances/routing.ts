/**
 * Who sends for a line: its own instance, the one that a share of its chats goes to, or one that stands
 * in while that one is down.
 *
 * G1 A chat goes to the same instance for as long as route, flags and availability stay: the share is a
 *    function of line and chat, and a growing share only ever adds chats.
 * G2 Only an instance that the route names ever stands in.
 * G3 A line without a route is served by the instance that the message names.
 */
import { hash } from 'node:crypto';

import type { Database } from '../database/database.ts';
import { Lru } from '../lru.ts';
import type { Tenants } from '../tenants/tenants.ts';

/** Whether chats may be served: all, those that are warm, or none. */
export type Availability = 'available' | 'restricted' | 'down';

/** Who serves a line. */
export interface LineRoute {
  readonly instance: string;
  /** `percent` of the chats go to it, while the flag is on. */
  readonly split: { readonly instance: string; readonly percent: number; readonly flag: string | null } | null;
  /** In the order in which they stand in. */
  readonly fallbacks: readonly string[];
  /** Of the instances named above; one that is not in it is available. */
  readonly availability: ReadonlyMap<string, Availability>;
}

/** A message to be sent. */
export interface Routed {
  readonly tenant: string;
  readonly line: string;
  readonly conversation: string;
  /** The one that the message names. */
  readonly instance: string;
  /** True when the person never wrote to us. */
  readonly cold: boolean;
}

/** Throws `database.unavailable`. */
export interface Routing {
  /** The instance to send with. Routes and availability are at most `cacheMs` old. */
  routeOf(message: Routed): Promise<string>;
  /** The route of a line as it stands now; undefined when it has none. */
  read(tenant: string, line: string): Promise<LineRoute | undefined>;
}

const cacheMs = 1_000;
const linesCachedMax = 10_000;

/** Opens the routing. */
export function openRouting(database: Database, tenants: Tenants, now: () => number = Date.now): Routing {
  const cache = new Lru<string, { readonly route: Promise<LineRoute | undefined>; readonly at: number }>(
    linesCachedMax,
  );

  const read: Routing['read'] = async (tenant, line) => {
    const { rows } = await database.query<RouteRow>([tenant], readStatement, [line]);
    return rows[0] === undefined ? undefined : routeFrom(rows[0]);
  };

  const cached = (tenant: string, line: string): Promise<LineRoute | undefined> => {
    const hit = cache.get(line);
    if (hit !== undefined && now() - hit.at < cacheMs) return hit.route;
    const entry = { route: read(tenant, line), at: now() };
    entry.route.catch(() => {
      // A failure is not an answer: the next one asks again.
      if (cache.get(line) === entry) cache.set(line, { ...entry, at: -Infinity });
    });
    cache.set(line, entry);
    return entry.route;
  };

  return {
    read,
    async routeOf(message) {
      const route = await cached(message.tenant, message.line);
      if (route === undefined) return message.instance;
      return chosenOf(route, message, await flagIsOn(tenants, message.tenant, route.split?.flag ?? null));
    },
  };
}

/** Whether a feature flag is on for a tenant: a setting of its instances. No flag is always on. */
export async function flagIsOn(tenants: Tenants, tenant: string, flag: string | null): Promise<boolean> {
  if (flag === null) return true;
  const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
  const flags = configuration?.machines['instance']?.settings['flags'];
  return Array.isArray(flags) && flags.includes(flag);
}

/** The choice itself. Pure. */
export function chosenOf(
  { instance, split, fallbacks, availability }: LineRoute,
  { line, conversation, cold }: Pick<Routed, 'line' | 'conversation' | 'cold'>,
  flagged: boolean,
): string {
  const serves = (id: string): boolean => canServe(availability, id, cold);
  const shares = split !== null && flagged && placeOf(line, conversation) < split.percent;
  const wanted = shares ? split.instance : instance;
  if (serves(wanted)) return wanted;
  // Where nobody can, it waits where it belongs.
  return fallbacks.find((id) => id !== wanted && serves(id)) ?? wanted;
}

/** Whether an instance can be sent with as it is now. */
export function canServe(availability: LineRoute['availability'], id: string, cold: boolean): boolean {
  const state = availability.get(id) ?? 'available';
  return state === 'available' || (state === 'restricted' && !cold);
}

/**
 * Who stands in for an instance that did not send a message: the line's own, then those that its route allows, in
 * this order, each once (G2). `standsIn`: the instance does so already, so that those before it had their turn. Pure.
 */
export function standInOf(
  { instance: own, fallbacks, availability }: LineRoute,
  { instance, standsIn, cold }: { readonly instance: string; readonly standsIn: boolean; readonly cold: boolean },
): string | undefined {
  const named = [own, ...fallbacks.filter((id) => id !== own)];
  const left = standsIn ? named.slice(named.indexOf(instance) + 1 || named.length) : named;
  return left.find((id) => id !== instance && canServe(availability, id, cold));
}

/** The place of a chat among those of its line: 0 to 99, evenly. */
export const placeOf = (line: string, conversation: string): number =>
  Number.parseInt(hash('sha256', `${line}/${conversation}`).slice(0, 12), 16) % 100;

interface RouteRow {
  readonly instance: string;
  readonly split_instance: string | null;
  readonly split_percent: number | null;
  readonly split_flag: string | null;
  readonly fallbacks: readonly string[];
  readonly availability: Readonly<Record<string, Availability>> | null;
}

// Without coalesce, which the isolation policy keeps from any index: it could tell what is in rows of others.
const readStatement = `
  SELECT r.instance, r.split_instance, r.split_percent, r.split_flag, r.fallbacks,
    (SELECT json_object_agg(a.instance, a.availability) FROM instance_availability a
     WHERE a.instance = ANY (r.fallbacks || ARRAY[r.instance, r.split_instance])) AS availability
  FROM line_routes r WHERE r.line = $1`;

const routeFrom = (row: RouteRow): LineRoute => ({
  instance: row.instance,
  split:
    row.split_instance === null
      ? null
      : { instance: row.split_instance, percent: row.split_percent ?? 0, flag: row.split_flag },
  fallbacks: row.fallbacks,
  availability: new Map(Object.entries(row.availability ?? {})),
});
