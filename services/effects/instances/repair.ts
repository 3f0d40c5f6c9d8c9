/**
 * Hands in what came while an instance was away: read from the provider's history, posted to ingest as
 * the webhooks that were missed, each marked as recovered. What did arrive, or arrives late, is the same
 * event to ingest and to the actors.
 */
import type { Asks } from '#machines/instance/asks.ts';
import type { Instance } from '#runtime/instances/instances.ts';

import type { PostWebhook } from '../adapters/ingest-webhooks.ts';
import { EffectFailure } from '../handler.ts';
import type { AccountProvider } from '../ports/accounts.ts';

/** Clocks may differ, and the last check is a little older than the gap. */
const overlapMs = 60_000;
const messagesMax = 10_000;

/** Resolves with what was found and how much of it was new. Throws `EffectFailure` when nothing could be read at all. */
export async function repair(
  account: AccountProvider,
  post: PostWebhook,
  instance: Instance,
  range: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): Promise<Asks['instance.repair'][1]> {
  let found = 0;
  let recovered = 0;
  const result = (complete: boolean) => ({ found, recovered, complete });
  if (account.missed === undefined) return result(true);
  const path = `/webhooks/${instance.provider}/${encodeURIComponent(instance.credentials.webhookToken)}`;
  try {
    for await (const { body } of account.missed(instance, range.from - overlapMs, range.to + overlapMs, signal)) {
      if (found >= messagesMax) return result(false);
      const text = JSON.stringify({ ...body, recovered: true });
      const { accepted } = await post(path, text, account.sign(instance, text));
      found += 1;
      recovered += accepted;
    }
  } catch (caught) {
    // What was handed in stays; what could not be read is said to be missing.
    if (caught instanceof EffectFailure && !caught.retry && found > 0) return result(false);
    throw caught;
  }
  return result(true);
}
