/**
 * How replies are queued: the lane that each goes in, and until when it is put off.
 */
import type { ReplyRequested } from '#schemas/records.ts';

import type { Runtime } from '#runtime/runtime.ts';
import { type SendingPolicy, quietUntil, sendingPolicyOf } from '#runtime/tenants/sending-policy.ts';

import type { PlacedReply } from './acceptance.ts';
import { classOf, classOfLane, laneOf, priorities, priorityOf, urgencyOfLane } from './lanes.ts';
import type { RouteFinder } from './routes.ts';

/** A reply with its place on the log. */
export type PositionedReply = Pick<PlacedReply, 'reply' | 'partition' | 'offset'>;

/** The sending policy of a tenant as it is now; throws `database.unavailable`. */
export type PolicyFinder = (tenant: string) => Promise<SendingPolicy>;

/** Finds policies. Both that it reads is cached there. */
export const policyFinder =
  ({ tenants }: Pick<Runtime, 'tenants'>): PolicyFinder =>
  async (tenant) =>
    sendingPolicyOf((await tenants.configuration(tenant, await tenants.currentRevision(tenant)))?.sending);

/**
 * Until when a message of a lane is put off; undefined when it may go. Answers in a running conversation
 * and what is urgent disturb nobody who did not ask for it.
 */
export const putOffUntil = (policy: SendingPolicy, lane: number, at: number): number | undefined =>
  classOfLane(lane) === 'reply' || priorities[urgencyOfLane(lane)] === 'high' ? undefined : quietUntil(policy, at);

/** Makes the function that places replies. It throws `database.unavailable`. */
export function createPlacement(
  { database, now }: Pick<Runtime, 'database' | 'now'>,
  policyOf: PolicyFinder,
  routeOf: RouteFinder,
): (replies: readonly PositionedReply[]) => Promise<readonly PlacedReply[]> {
  /** When the persons of chats wrote last. Only for what no machine said: a machine answers. */
  const heardAt = async (asked: readonly ReplyRequested[]): Promise<ReadonlyMap<string, number>> => {
    if (asked.length === 0) return new Map();
    const found = await database.query<{ readonly conversation: string; readonly at: Date | null }>(
      [...new Set(asked.map(({ tenant }) => tenant))],
      // In the order of the one index that is to be taken.
      `SELECT r.conversation, (
         SELECT m.at FROM messages m WHERE m.tenant = r.tenant AND m.conversation = r.conversation AND m.direction = 'in'
         ORDER BY m.at DESC, m.lane DESC, m.record_offset DESC LIMIT 1
       ) AS at FROM unnest($1::text[], $2::text[]) AS r (tenant, conversation)`,
      [asked.map(({ tenant }) => tenant), asked.map(({ actor }) => actor)],
    );
    return new Map(found.rows.flatMap(({ conversation, at }) => (at === null ? [] : [[conversation, at.getTime()]])));
  };

  return async (replies) => {
    const heard = await heardAt(replies.flatMap(({ reply }) => (reply.origin === 'machine' ? [] : [reply])));
    const at = now();
    return Promise.all(
      replies.map(async (positioned) => {
        const { tenant, actor, origin, priority } = positioned.reply;
        const sendClass = classOf(origin, heard.get(actor), at);
        const lane = laneOf(sendClass, priorityOf(priority));
        const { instance } = positioned.reply;
        const serving = await routeOf({ tenant, conversation: actor, instance, lane });
        const reply = serving === instance ? positioned.reply : { ...positioned.reply, instance: serving };
        if (sendClass === 'reply') return { ...positioned, reply, lane, notBefore: null };
        return { ...positioned, reply, lane, notBefore: putOffUntil(await policyOf(tenant), lane, at) ?? null };
      }),
    );
  };
}
