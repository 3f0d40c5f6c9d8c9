/** One delivery from claim to result. */
import { OperatingError } from '#runtime/errors.ts';
import { type Outside, OutsideError } from '#runtime/net/outside.ts';
import { auditRecord, derivedId, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type Subscription, openSubscriptions } from '#runtime/webhooks/subscriptions.ts';
import { decodeRecord } from '#schemas/codec.ts';

import { payloadOf, testPayload } from './payload.ts';
import type { Attempted, WebhookDelivery, WebhookQueue } from './queue.ts';
import { signatureHeaders } from './signature.ts';

/** Posts once and settles the delivery, or puts it off. Throws `database.unavailable`: then its lease brings it back. */
export type Post = (delivery: WebhookDelivery) => Promise<void>;

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** Before the second, third, … attempt (Standard Webhooks 1.0, "Retry schedule"); its length plus one is their number. */
const retryDelaysMs: readonly number[] = [
  5 * second,
  5 * minute,
  30 * minute,
  2 * hour,
  5 * hour,
  10 * hour,
  14 * hour,
  20 * hour,
  day,
];
/** W2. */
const failingMaxMs = 5 * day;
/** Standard Webhooks: 15 to 30 s. */
const times = { totalMs: 20 * second, idleMs: 15 * second } as const;
/** What an endpoint answers is of no interest but its status. */
const answerBytesMax = 65_536;
const awayDelayMs = 2_000;

/** Makes it. */
export function createPost(runtime: Runtime, queue: WebhookQueue, outside: Outside): Post {
  const { database, vault, log, logger, metrics, config, now } = runtime;
  const subscriptions = openSubscriptions(database, vault, now);

  const bodyOf = ({ record, occurred_at: at }: WebhookDelivery, { includesContent }: Subscription): Promise<string> =>
    record === null ? Promise.resolve(testPayload(at)) : payloadOf(vault, decodeRecord(record), includesContent);

  const call = async (delivery: WebhookDelivery, to: Subscription): Promise<Attempted> => {
    const body = await bodyOf(delivery, to);
    try {
      const answer = await outside.request({
        method: 'POST',
        url: to.url,
        trusted: config.trustedOrigins,
        headers: { 'content-type': 'application/json', ...signatureHeaders(to.secret, delivery.id, now(), body) },
        body,
        redirectsMax: 0,
        bytesMax: answerBytesMax,
        ...times,
      });
      answer.body.destroy();
      const { status } = answer;
      return { httpStatus: status, code: status >= 200 && status < 300 ? null : 'endpoint.refused' };
    } catch (caught) {
      if (caught instanceof OutsideError) return { httpStatus: null, code: caught.code };
      throw caught;
    }
  };

  const disable = async ({ tenant, id }: Subscription, reason: string): Promise<void> => {
    const done = await database.query(
      [tenant],
      `UPDATE webhooks SET disabled_at = to_timestamp($3 / 1000.0), disabled_reason = $2 WHERE id = $1 AND disabled_at IS NULL`,
      [id, reason, now()],
    );
    if (done.rowCount === 0) return;
    logger.warn('a webhook was disabled', { tenant, actor: id, code: reason });
    const header = uncaused(tenant, id, derivedId('a', tenant, id, 'disabled', now()), now());
    await log.append([outgoing(auditRecord(header, { action: 'webhook.disabled', subject: id, outcome: reason }))]);
  };

  const succeeded = async (delivery: WebhookDelivery, to: Subscription, attempted: Attempted): Promise<void> => {
    await queue.settle(delivery, 'delivered', attempted);
    if (to.failingSince !== null)
      await database.query([to.tenant], 'UPDATE webhooks SET failing_since = NULL WHERE id = $1', [to.id]);
  };

  const missed = async (delivery: WebhookDelivery, to: Subscription, attempted: Attempted): Promise<void> => {
    const delayMs = retryDelaysMs[delivery.attempts - 1];
    if (delayMs === undefined) await queue.settle(delivery, 'failed', attempted);
    else await queue.putOff(delivery, delayMs, attempted);
    const since = to.failingSince?.getTime();
    if (since === undefined) {
      await database.query(
        [to.tenant],
        'UPDATE webhooks SET failing_since = to_timestamp($2 / 1000.0) WHERE id = $1 AND failing_since IS NULL',
        [to.id, now()],
      );
    }
    if (attempted.httpStatus === 410) await disable(to, 'endpoint.gone');
    else if (since !== undefined && now() - since >= failingMaxMs) await disable(to, 'endpoint.failing');
  };

  const attempt = async (delivery: WebhookDelivery): Promise<void> => {
    const to = await subscriptions.read(delivery.tenant, delivery.webhook);
    if (to?.disabledAt !== null) {
      await queue.settle(delivery, 'failed', { httpStatus: null, code: 'webhook.disabled' });
      return;
    }
    const attempted = await call(delivery, to);
    metrics.webhookPosts.inc({ outcome: attempted.code === null ? 'delivered' : 'missed' });
    await (attempted.code === null ? succeeded : missed)(delivery, to, attempted);
  };

  return async (delivery) => {
    try {
      await attempt(delivery);
    } catch (caught) {
      if (!(caught instanceof OperatingError)) throw caught;
      // It can never be told: its record or content does not open.
      if (caught.disposition === 'park')
        await queue.settle(delivery, 'failed', { httpStatus: null, code: caught.code });
      else if (caught.disposition === 'retry') await queue.putOff(delivery, awayDelayMs, undefined);
      else throw caught;
    }
  };
}
