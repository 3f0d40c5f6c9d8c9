/**
 * One delivery from claim to result.
 *
 * C1 Every claimed delivery is moved on exactly once: settled, queued again, or left to be looked up.
 *    When that fails (the database is away) its lease runs out and somebody looks it up.
 * C2 No call begins so late that it could outlive its lease.
 * C3 A defect met with one delivery ends that delivery as `unknown`, not the process: another try
 *    would meet it again, and the other chats are not to blame.
 */
import type { OutboundContent, SealedDelivery, SealedOutbound } from '#schemas/content.ts';

import { OperatingError } from '#runtime/errors.ts';
import type { Instance, Provider } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { AttemptResult, ClaimedDelivery, Deliveries, Move, PendingReport, SettledStatus } from './deliveries.ts';
import type { AddressFinder, PersonFinder } from './people.ts';
import type { MessageProvider, OutboundMessage, Resolution, SendOutcome } from './ports/provider.ts';
import { retryDelay } from './schedule.ts';

/** What a courier works with. */
export interface CourierParts {
  readonly runtime: Pick<Runtime, 'instances' | 'vault' | 'metrics' | 'logger' | 'now'>;
  readonly deliveries: Deliveries;
  readonly providers: Readonly<Record<Provider, MessageProvider>>;
  readonly personOf: PersonFinder;
  readonly addressOf: AddressFinder;
  readonly retryDelaysMs: readonly number[];
  readonly lookupDelaysMs: readonly number[];
  /** Milliseconds after its claim within which a call may begin (C2). */
  readonly startWithinMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Before what could not be prepared is tried again; a part of ours is away. */
const releaseDelayMs = 1_000;

interface Prepared {
  readonly instance: Instance;
  readonly message: OutboundMessage;
}

type Preparation =
  | ({ readonly state: 'ready' } & Prepared)
  /** It can never be sent. */
  | { readonly state: 'hopeless'; readonly code: string; readonly instance?: Instance }
  | { readonly state: 'away' };

/** Carries deliveries. Both methods resolve with what is to be reported, if it settled; they throw `database.unavailable`. */
export interface Courier {
  /** Makes one attempt. */
  attempt(delivery: ClaimedDelivery): Promise<PendingReport | undefined>;
  /** Finds out what became of an earlier attempt. */
  lookUp(delivery: ClaimedDelivery): Promise<PendingReport | undefined>;
}

/** Makes the courier. */
export function createCourier(parts: CourierParts): Courier {
  const { runtime, deliveries, providers, personOf, addressOf } = parts;
  const { vault, instances, metrics, logger } = runtime;

  const contentOf = async (delivery: ClaimedDelivery): Promise<OutboundContent | { readonly code: string }> => {
    if (delivery.content === null) return { code: 'content.missing' };
    try {
      const opened = await vault.open<SealedOutbound>(sealedIn(delivery, 'reply.requested'), delivery.content);
      return opened.state === 'erased' ? { code: 'person.erased' } : opened.value.content;
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'park') return { code: 'content.unreadable' };
      throw caught;
    }
  };

  const gather = async (delivery: ClaimedDelivery): Promise<Preparation> => {
    const { tenant, conversation, id } = delivery;
    const instance = await instances.read(tenant, delivery.instance);
    if (instance === undefined) return { state: 'hopeless', code: 'instance.unknown' };
    const hopeless = (code: string): Preparation => ({ state: 'hopeless', code, instance });
    const person = await personOf(tenant, conversation);
    if (person === undefined) return hopeless('conversation.unknown');
    const address = await addressOf(tenant, conversation);
    if (address === undefined) return hopeless('address.unknown');
    if (address.state === 'erased') return hopeless('person.erased');
    const content = await contentOf(delivery);
    if ('code' in content) return hopeless(content.code);
    const message: OutboundMessage = {
      deliveryId: id,
      conversation,
      person,
      chat: address.value,
      content,
      clientMessageId: delivery.clientMessageId,
      attempt: delivery.attempts,
      firstAttemptAt: delivery.firstClaimedAt,
      isTaken: (stableId) => deliveries.isTaken(tenant, vault.index(tenant, 'message-id', stableId), id),
      readFile: () => Promise.resolve(undefined),
    };
    return { state: 'ready', instance, message };
  };

  const prepare = async (delivery: ClaimedDelivery): Promise<Preparation> => {
    try {
      return await gather(delivery);
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition !== 'retry') throw caught;
      if (caught instanceof OperatingError) return { state: 'away' };
      logDefect(delivery, caught);
      return { state: 'hopeless', code: 'internal' };
    }
  };

  const logDefect = (delivery: ClaimedDelivery, error: unknown): void => {
    const { tenant, instance, id, attempts } = delivery;
    logger.error('delivery failed by a defect', { tenant, instance, eventId: id, attempt: attempts, error });
  };

  /** C3: only errors with a disposition leave a call to a provider. */
  const guarded = async <T>(delivery: ClaimedDelivery, call: () => Promise<T>, otherwise: T): Promise<T> => {
    try {
      return await call();
    } catch (caught) {
      if (caught instanceof OperatingError) throw caught;
      logDefect(delivery, caught);
      return otherwise;
    }
  };

  const sealResult = async (delivery: ClaimedDelivery, value: SealedDelivery): Promise<Buffer | null> => {
    const person = await personOf(delivery.tenant, delivery.conversation);
    if (person === undefined || Object.keys(value).length === 0) return null;
    try {
      return await vault.seal(sealedIn(delivery, 'delivery.result'), person, runtime.now(), value);
    } catch (caught) {
      // Erased meanwhile: then nothing of it is kept.
      if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return null;
      throw caught;
    }
  };

  const settle = async (
    delivery: ClaimedDelivery,
    status: SettledStatus,
    reason: string | null,
    value: SealedDelivery = {},
  ): Promise<Move> => ({
    to: 'settled',
    status,
    reason,
    providerMessageIndex:
      value.stableId === undefined ? null : vault.index(delivery.tenant, 'message-id', value.stableId),
    result: await sealResult(delivery, value),
  });

  /** Not sent this time; `unknown` when an earlier attempt may have been. */
  const giveUp = (delivery: ClaimedDelivery, reason: string, detail?: string): Promise<Move> =>
    settle(
      delivery,
      delivery.uncertain ? 'unknown' : 'failed',
      reason,
      // The provider's own words may quote a number: sealed like the ids.
      detail === undefined ? {} : { detail },
    );

  const afterSend = async (delivery: ClaimedDelivery, outcome: SendOutcome): Promise<Move> => {
    switch (outcome.outcome) {
      case 'sent':
        return settle(delivery, 'sent', null, idsOf(outcome));
      case 'refused':
        return giveUp(delivery, outcome.code, outcome.detail);
      case 'retry': {
        const delayMs = retryDelay(delivery.attempts, parts.retryDelaysMs, parts.random(), outcome.afterMs);
        if (delayMs === undefined) return giveUp(delivery, 'attempts-exhausted', outcome.detail);
        return { to: 'queued', delayMs, uncertain: false, countsAttempt: true };
      }
      case 'unknown':
        return lookUpOr(delivery, outcome.code);
    }
  };

  const lookUpOr = async (delivery: ClaimedDelivery, code: string): Promise<Move> => {
    const delayMs = parts.lookupDelaysMs[delivery.lookups];
    return delayMs === undefined ? settle(delivery, 'unknown', code) : { to: 'look-up', delayMs };
  };

  const afterLookUp = async (delivery: ClaimedDelivery, resolution: Resolution): Promise<Move> => {
    switch (resolution.outcome) {
      case 'sent':
        return settle(delivery, 'sent', null, idsOf(resolution));
      case 'repeat': {
        const delayMs = retryDelay(delivery.attempts, parts.retryDelaysMs, parts.random());
        if (delayMs === undefined) return settle(delivery, 'unknown', 'attempts-exhausted');
        // A process that died says nothing about the provider: no reason to wait.
        return { to: 'queued', delayMs: delivery.abandoned ? 0 : delayMs, uncertain: true, countsAttempt: true };
      }
      case 'unknown':
        return lookUpOr(delivery, resolution.code);
    }
  };

  const count = (provider: Provider, report: PendingReport | undefined): PendingReport | undefined => {
    if (report !== undefined) metrics.deliveries.inc({ provider, status: report.status });
    return report;
  };

  return {
    async attempt(delivery) {
      const claimedAt = performance.now();
      const prepared = await prepare(delivery);
      const release: Move = { to: 'queued', delayMs: releaseDelayMs, uncertain: false, countsAttempt: false };
      if (prepared.state === 'away') return deliveries.move(delivery, undefined, release);
      if (prepared.state === 'hopeless') {
        const report = await deliveries.move(delivery, undefined, await giveUp(delivery, prepared.code));
        return prepared.instance === undefined ? report : count(prepared.instance.provider, report);
      }
      const { instance, message } = prepared;
      const startedAt = performance.now();
      if (startedAt - claimedAt > parts.startWithinMs) return deliveries.move(delivery, undefined, release);
      const outcome = await guarded<SendOutcome>(delivery, () => providers[instance.provider].send(instance, message), {
        outcome: 'unknown',
        code: 'internal',
      });
      const durationMs = performance.now() - startedAt;
      metrics.sendAttempts.inc({ provider: instance.provider, outcome: outcome.outcome });
      metrics.sendDuration.observe({ provider: instance.provider }, durationMs / 1_000);
      const result: AttemptResult = {
        outcome: outcome.outcome,
        provider: instance.provider,
        code: outcome.outcome === 'sent' ? null : outcome.code,
        httpStatus: outcome.httpStatus ?? null,
        durationMs: Math.round(durationMs),
      };
      return count(instance.provider, await deliveries.move(delivery, result, await afterSend(delivery, outcome)));
    },

    async lookUp(delivery) {
      const prepared = await prepare(delivery);
      if (prepared.state === 'away')
        return deliveries.move(delivery, undefined, { to: 'look-up', delayMs: releaseDelayMs });
      if (prepared.state === 'hopeless')
        return deliveries.move(delivery, undefined, await settle(delivery, 'unknown', prepared.code));
      const { instance, message } = prepared;
      const resolution = await guarded<Resolution>(
        delivery,
        () => providers[instance.provider].resolve(instance, message),
        { outcome: 'unknown', code: 'internal' },
      );
      const result: AttemptResult = {
        outcome: resolution.outcome === 'sent' ? 'sent' : 'unknown',
        provider: instance.provider,
        code: codeOf(delivery, resolution),
        httpStatus: null,
        durationMs: null,
      };
      return count(instance.provider, await deliveries.move(delivery, result, await afterLookUp(delivery, resolution)));
    },
  };
}

/** What a look-up says about the attempt; null leaves what the attempt itself said. */
const codeOf = (delivery: ClaimedDelivery, resolution: Resolution): string | null => {
  if (resolution.outcome === 'sent') return 'outcome.found';
  return delivery.abandoned ? 'outcome.abandoned' : null;
};

const idsOf = ({ messageId, stableId }: { readonly messageId?: string; readonly stableId?: string }) => ({
  ...(messageId === undefined ? {} : { messageId }),
  ...(stableId === undefined ? {} : { stableId }),
});

const sealedIn = (delivery: ClaimedDelivery, type: string) => ({
  tenant: delivery.tenant,
  actor: delivery.conversation,
  type,
  eventId: delivery.id,
});
