/**
 * The webhooks service: tells the tenants' own endpoints what happens.
 *
 * W1 An event is queued for every endpoint that wants it before its offset is committed: none is lost, and it is one
 *    delivery per endpoint however often it is read. `queue_progress` moves with it: what Postgres lost is read again, and
 *    may be delivered again. Deliveries are at least once, in no order; their ids tell repeats.
 * W2 A delivery is tried for three days, less and less often; then it has failed. An endpoint to which nothing got through
 *    for five days, or that says that it is gone, is disabled, which is audited.
 * W3 Bodies are signed with the endpoint's own secret (Standard Webhooks), and hold content only where it was asked for.
 * W4 All requests go through `net/outside.ts`; no redirect is followed.
 * W5 One endpoint that is slow holds up others by its share of the slots at most.
 */
import { isForwarded } from '#runtime/actor/merge.ts';
import { startClaimPump } from '#runtime/claim-pump.ts';
import type { ReadSlice } from '#runtime/log/consume-records.ts';
import { createFollower } from '#runtime/log/queue-progress.ts';
import { openOutside } from '#runtime/net/adapters/undici-outside.ts';
import type { Outside } from '#runtime/net/outside.ts';
import { startQueueService } from '#runtime/queue-service.ts';
import type { RunningService, Runtime } from '#runtime/runtime.ts';
import { type Subscription, openSubscriptions, webhookEvents } from '#runtime/webhooks/subscriptions.ts';
import { topics } from '#schemas/topics.ts';

import { createPost } from './post.ts';
import { type NewDelivery, type WebhookDelivery, openWebhookQueue } from './queue.ts';

const group = 'webhooks';
/** Records of one moment are read together: a read and a commit for each would cost the broker, and every other reader. */
const patienceMs = 250;
const slice = { sliceRecordsMax: 500, sliceBytesMax: 4 * 1_024 * 1_024 } as const;

/** What tests replace. Times in milliseconds. */
export interface WebhooksOptions {
  readonly outside?: Outside;
  readonly pollMs?: number;
  readonly stopGraceMs?: number;
}

/** Requests at once, in all and to one endpoint. */
const concurrency = 32;
const perEndpoint = 4;
/** Longer than a request. */
const leaseMs = 60_000;
const pollMsDefault = 1_000;
const stopGraceMsDefault = 5_000;
/** How late an endpoint that was made or ended is known here. */
const subscriptionsMs = 3_000;
const forgetEveryMs = 600_000;
/** What was settled is listed for so long. */
const settledKeptMs = 30 * 24 * 3_600_000;

/** Starts the service. */
export function startWebhooks(runtime: Runtime, options: WebhooksOptions = {}): Promise<RunningService> {
  const outside = options.outside ?? openOutside();
  const queue = openWebhookQueue(runtime);
  const subscriptionsOf = subscriptionFinder(runtime);
  const topic = topics.events;
  return startQueueService(runtime, {
    group,
    topic,
    ...slice,
    patienceMs,
    follower: createFollower(runtime, {
      group,
      topic,
      write: async (slices) => {
        const wanted = await wantedOf(slices, subscriptionsOf);
        await queue.add(wanted, group, slices);
        return wanted.length > 0;
      },
    }),
    worker: startClaimPump<WebhookDelivery>({
      logger: runtime.logger,
      claim: (count, inFlight) => queue.claim(count, leaseMs, perEndpoint, inFlight),
      work: createPost(runtime, queue, outside),
      concurrency,
      pollMs: options.pollMs ?? pollMsDefault,
    }),
    stopGraceMs: options.stopGraceMs ?? stopGraceMsDefault,
    housekeeping: {
      everyMs: forgetEveryMs,
      run: (tenants) => queue.forget(tenants, runtime.now() - settledKeptMs),
    },
    cut: () => outside.close(),
  });
}

const told: ReadonlySet<string> = new Set(webhookEvents);

type SubscriptionFinder = (tenant: string) => Promise<readonly Subscription[]>;

/** The endpoints of a tenant that are on, kept for a while. */
function subscriptionFinder({ database, vault, now }: Runtime): SubscriptionFinder {
  const subscriptions = openSubscriptions(database, vault, now);
  const known = new Map<string, { readonly of: readonly Subscription[]; readonly until: number }>();
  return async (tenant) => {
    const cached = known.get(tenant);
    if (cached !== undefined && cached.until > now()) return cached.of;
    const of = (await subscriptions.list(tenant)).filter(({ disabledAt }) => disabledAt === null);
    known.set(tenant, { of, until: now() + subscriptionsMs });
    return of;
  };
}

async function wantedOf(slices: readonly ReadSlice[], find: SubscriptionFinder): Promise<readonly NewDelivery[]> {
  const deliveries: NewDelivery[] = [];
  for (const { record, value } of slices.flatMap(({ records }) => records)) {
    // What a merged conversation forwards was told of where it came in.
    if (!told.has(record.type) || isForwarded(record)) continue;
    const { tenant, eventId, occurredAt, type } = record;
    for (const { id: webhook, events } of await find(tenant))
      if (events.includes(type)) deliveries.push({ tenant, webhook, type, eventId, occurredAt, value });
  }
  return deliveries;
}
