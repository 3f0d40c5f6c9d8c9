/**
 * One delivery from claim to result.
 *
 * C1 Every claimed delivery is moved on exactly once: settled, queued again, or left to be looked up.
 *    When that fails (the database is away) its lease runs out and somebody looks it up.
 * C2 No call begins so late that it could outlive its lease: it is looked at before an adapter is asked, and again when
 *    that has read its file.
 * C3 A defect met with one delivery ends that delivery as `unknown`, not the process: another try
 *    would meet it again, and the other chats are not to blame.
 * C4 What nobody asked for is not sent to who said no by then (`objections.ts`), however it came to wait.
 */
import { OperatingError } from '#runtime/errors.ts';
import type { Provider } from '#runtime/instances/instances.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { AttemptResult, ClaimedDelivery, Deliveries, Move, PendingReport } from './deliveries.ts';
import type { Courtesies } from './courtesies.ts';
import { type Endpoints, mayGoElsewhere } from './endpoints.ts';
import { classOfLane } from './lanes.ts';
import type { RouteFinder } from './routes.ts';
import type { Permit } from './permits.ts';
import { type PolicyFinder, putOffUntil } from './placement.ts';
import type { OutboundMessage, Resolution, SendOutcome } from './ports/provider.ts';
import { type PreparationParts, type Prepared, createPreparer } from './preparation.ts';
import type { FallbackStep } from './steps.ts';
import { type Verdicts, held } from './verdicts.ts';

/** What a courier works with. */
export interface CourierParts extends PreparationParts {
  readonly runtime: Pick<Runtime, 'instances' | 'vault' | 'metrics' | 'logger' | 'now'>;
  readonly deliveries: Deliveries;
  readonly routeOf: RouteFinder;
  readonly endpoints: Endpoints;
  readonly courtesies: Courtesies;
  readonly policyOf: PolicyFinder;
  readonly verdicts: Verdicts;
  /** Milliseconds after its claim within which a call may begin (C2). */
  readonly startWithinMs: number;
}

/** Before what could not be prepared is tried again; a part of ours is away. */
const releaseDelayMs = 1_000;

/** Carries deliveries. Both methods resolve with what is to be reported, if it settled; they throw `database.unavailable`. */
export interface Courier {
  /** Makes one attempt, if its permit holds. */
  attempt(delivery: ClaimedDelivery, permit: Permit): Promise<PendingReport | undefined>;
  /** Finds out what became of an earlier attempt. */
  lookUp(delivery: ClaimedDelivery): Promise<PendingReport | undefined>;
}

/** Makes the courier. */
export function createCourier(parts: CourierParts): Courier {
  const { runtime, deliveries, providers, verdicts } = parts;
  const { metrics, logger } = runtime;

  const logDefect = (delivery: ClaimedDelivery, error: unknown): void => {
    const { tenant, instance, id, attempts } = delivery;
    logger.error('delivery failed by a defect', { tenant, instance, eventId: id, attempt: attempts, error });
  };

  const preparer = createPreparer(parts, logDefect);

  /** Where it may have been sent already, it stays, and with who stands in for it; so it does while nobody can tell. */
  const servingOf = async (delivery: ClaimedDelivery): Promise<string> => {
    if (delivery.uncertain || delivery.fallback === 'instance') return delivery.instance;
    try {
      return await parts.routeOf(delivery);
    } catch (caught) {
      if (caught instanceof OperatingError && caught.disposition === 'retry') return delivery.instance;
      throw caught;
    }
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

  /** Where it goes when it may not be sent now, or not before it was written for a while. */
  const postpone = async (
    delivery: ClaimedDelivery,
    { instance, message }: Prepared,
    permit: Permit,
  ): Promise<Move | undefined> => {
    if (classOfLane(delivery.lane) !== 'reply') {
      const until = putOffUntil(await parts.policyOf(delivery.tenant), delivery.lane, runtime.now());
      if (until !== undefined) return { to: 'put-off', until };
    }
    const typingMs = parts.courtesies.begin(delivery, instance, message);
    // Meanwhile neither lease nor room is taken; what the chat has behind it waits too.
    if (typingMs > 0) return { ...held, delayMs: typingMs };
    const waitMs = await permit.confirm(delivery, instance);
    return waitMs === 0 ? undefined : { ...held, delayMs: waitMs };
  };

  /** C2 */
  const isLate = (claimedAt: number): boolean => performance.now() - claimedAt > parts.startWithinMs;

  /** The call, by one address of the server after the other where the tenant has it so, while there is time (C2). */
  const send = async (
    delivery: ClaimedDelivery,
    { instance, message }: Prepared,
    claimedAt: number,
  ): Promise<{ readonly outcome: SendOutcome; readonly steps: readonly FallbackStep[] }> => {
    const all = parts.endpoints.of(instance);
    const usable =
      all.length === 1 || (await parts.policyOf(delivery.tenant)).fallback.steps.includes('endpoint')
        ? all
        : [instance];
    const steps: FallbackStep[] = [];
    const timely: OutboundMessage = {
      ...message,
      readFile: async (file) => {
        const bytes = await message.readFile(file);
        if (isLate(claimedAt)) throw new OperatingError('files.unavailable');
        return bytes;
      },
    };
    for (const [i, by] of usable.entries()) {
      const outcome = await guarded<SendOutcome>(
        delivery,
        () => providers[instance.provider].send(by, timely).catch(withoutFile),
        { outcome: 'unknown', code: 'internal' },
      );
      if (!mayGoElsewhere(outcome)) return { outcome, steps };
      parts.endpoints.failed(by);
      if (i === usable.length - 1 || isLate(claimedAt)) return { outcome, steps };
      steps.push({ step: 'endpoint', from: delivery.fallback, cause: outcome.code, instance: instance.id });
    }
    throw new Error('an instance has an address at least');
  };

  const count = (provider: Provider | undefined, report: PendingReport | undefined): PendingReport | undefined => {
    if (provider !== undefined && report !== undefined) metrics.deliveries.inc({ provider, status: report.status });
    return report;
  };

  return {
    async attempt(delivery, permit) {
      const claimedAt = delivery.askedAt;
      const serving = await servingOf(delivery);
      if (serving !== delivery.instance)
        return deliveries.move(delivery, undefined, { to: 'elsewhere', instance: serving });
      const prepared = await preparer.wanted(delivery);
      const release: Move = { to: 'queued', delayMs: releaseDelayMs, uncertain: false, countsAttempt: false };
      if (prepared.state === 'away') return deliveries.move(delivery, undefined, release);
      if (prepared.state === 'accountless')
        return deliveries.move(delivery, undefined, await verdicts.accountless(delivery));
      if (prepared.state === 'hopeless') {
        const report = await deliveries.move(delivery, undefined, await verdicts.giveUp(delivery, prepared.code));
        return count(prepared.instance?.provider, report);
      }
      const { instance } = prepared;
      const postponed = await postpone(delivery, prepared, permit);
      if (postponed !== undefined) return deliveries.move(delivery, undefined, postponed);
      if (isLate(claimedAt)) return deliveries.move(delivery, undefined, release);
      const startedAt = performance.now();
      const { outcome, steps } = await send(delivery, prepared, claimedAt);
      // Not after the result is written down: until then nobody else would have its place.
      permit.release();
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
      return count(
        instance.provider,
        await deliveries.move(delivery, result, await verdicts.afterSend(delivery, outcome), steps),
      );
    },

    async lookUp(delivery) {
      const prepared = await preparer.prepare(delivery);
      if (prepared.state === 'away')
        return deliveries.move(delivery, undefined, { to: 'look-up', delayMs: releaseDelayMs });
      if (prepared.state !== 'ready') {
        const code = prepared.state === 'accountless' ? 'instance.unknown' : prepared.code;
        return deliveries.move(delivery, undefined, await verdicts.unknown(delivery, code));
      }
      const { instance, message } = prepared;
      const resolution = await guarded<Resolution>(
        delivery,
        () => providers[instance.provider].resolve(parts.endpoints.of(instance)[0] ?? instance, message),
        { outcome: 'unknown', code: 'internal' },
      );
      const result: AttemptResult = {
        outcome: resolution.outcome === 'sent' ? 'sent' : 'unknown',
        provider: instance.provider,
        code: codeOf(delivery, resolution),
        httpStatus: null,
        durationMs: null,
      };
      return count(
        instance.provider,
        await deliveries.move(delivery, result, await verdicts.afterLookUp(delivery, resolution)),
      );
    },
  };
}

/** Adapters read the file before they send: when it cannot be read now, nothing was sent. */
function withoutFile(caught: unknown): SendOutcome {
  if (caught instanceof OperatingError && caught.code === 'files.unavailable')
    return { outcome: 'retry', code: caught.code };
  throw caught;
}

/** What a look-up says about the attempt; null leaves what the attempt itself said. */
const codeOf = (delivery: ClaimedDelivery, resolution: Resolution): string | null => {
  if (resolution.outcome === 'sent') return 'outcome.found';
  return delivery.abandoned ? 'outcome.abandoned' : null;
};
