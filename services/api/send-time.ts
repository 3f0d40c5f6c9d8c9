/** When a message that is asked for is to be sent. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { momentIn, sendingPolicyOf } from '#runtime/tenants/sending-policy.ts';

const dayMs = 86_400_000;
const delayMsMax = 7 * dayMs;
const aheadMsMax = 366 * dayMs;

/** Fields of a message: one of them at most. */
export const sendTimeFields = {
  delayMs: z.number().int().min(0).max(delayMsMax).optional().describe('Milliseconds from now on'),
  sendAt: z
    .string()
    .max(40)
    .refine((text) => momentIn(text, 'UTC') !== undefined, 'is no moment in ISO 8601')
    .optional()
    .describe("ISO 8601; without an offset it is in the tenant's time zone. What has passed is now"),
};

type SendTime = Readonly<{ [Field in keyof typeof sendTimeFields]?: z.output<(typeof sendTimeFields)[Field]> }>;

/** Refuses both at once. */
export const oneSendTime = ({ delayMs, sendAt }: SendTime, context: z.RefinementCtx): void => {
  if (delayMs !== undefined && sendAt !== undefined)
    context.addIssue({ code: 'custom', path: ['sendAt'], message: 'delayMs says when already' });
};

/** What was asked for; undefined for now. Throws `Problem` 422 for what is too far ahead, `database.unavailable`. */
export async function dueOf(
  { tenants, now }: Pick<Runtime, 'tenants' | 'now'>,
  tenant: string,
  { delayMs, sendAt }: SendTime,
): Promise<{ readonly at: number; readonly asked: string } | undefined> {
  if (delayMs !== undefined) return { at: now() + delayMs, asked: `delayMs ${delayMs}` };
  if (sendAt === undefined) return undefined;
  const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
  const at = momentIn(sendAt, sendingPolicyOf(configuration?.sending).timeZone) ?? now();
  if (at > now() + aheadMsMax) throw new Problem(422, 'send-at-too-late', 'Nothing is kept for longer than a year.');
  return { at, asked: `sendAt ${sendAt}` };
}
