/**
 * How fast an instance may send. What is set of it replaces the provider's default; null is no limit.
 */
import { z } from 'zod';

const perSecondMax = 1_000;
const countMax = 1_000_000;

const count = z.number().int().min(1).max(countMax).nullable();

/** The limits that can be set. */
export const sendLimits = z.strictObject({
  /** Messages of the number. */
  perSecond: z.number().int().min(1).max(perSecondMax).nullable().optional(),
  /** Messages to one chat. */
  perChatPerMinute: count.optional(),
  /** Messages in running conversations. */
  repliesPerMinute: count.optional(),
  /** Messages that we begin a conversation with, or go on with after a day. */
  initiatedPerMinute: count.optional(),
  /** Messages to people who never wrote. */
  newChatsPerDay: count.optional(),
  /** Cloud: the number is also used in the WhatsApp Business app; Meta then fixes 20 messages a second. */
  coexistence: z.boolean().optional(),
});

/** Limits as they are set for an instance. */
export type SendLimits = z.infer<typeof sendLimits>;
