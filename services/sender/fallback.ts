/**
 * Where a message goes whose attempts are used up and which certainly was not sent: the next rung of its tenant's
 * ladder, or the queue for decisions.
 */
import type { FallbackPolicy } from '#runtime/tenants/sending-policy.ts';

import type { ClaimedDelivery, Move } from './deliveries.ts';
import { nextRung } from './ladder.ts';
import { raisedLane, urgencyOfLane } from './lanes.ts';
import type { PolicyFinder } from './placement.ts';
import type { Routes } from './routes.ts';
import { retryDelay } from './schedule.ts';
import type { FallbackStep } from './steps.ts';

/** What fallbacks are found with. */
export interface FallbackParts {
  readonly policyOf: PolicyFinder;
  readonly routes: Pick<Routes, 'standInFor'>;
  /** Who is told for tenants that name nobody. */
  readonly adminEmails: readonly string[];
  /** Before the first, second, … attempt. Milliseconds. */
  readonly retryDelaysMs: readonly number[];
  /** In [0, 1). */
  readonly random: () => number;
}

/** Another rung, or the steps to the end. */
export type Fallback =
  Extract<Move, { readonly to: 'fall-back' }> | { readonly to: 'end'; readonly steps: readonly FallbackStep[] };

/** Finds where a delivery goes; throws `database.unavailable`. */
export type FallbackFinder = (delivery: ClaimedDelivery, cause: string) => Promise<Fallback>;

/** Who a tenant's people are. */
export const peopleOf = ({ emails }: FallbackPolicy, adminEmails: readonly string[]): readonly string[] =>
  emails ?? adminEmails;

/** Only what is neither urgent nor said to have time: who called a message low did not ask for it to pass others. */
const canBeRaised = (lane: number): boolean => urgencyOfLane(lane) === 1;

/** Makes the finder. */
export function createFallbacks(parts: FallbackParts): FallbackFinder {
  const { policyOf, routes, adminEmails, retryDelaysMs, random } = parts;
  return async (delivery, cause) => {
    const { fallback: policy } = await policyOf(delivery.tenant);
    const { fallback: standing, instance, lane } = delivery;
    const standIn = policy.steps.includes('instance')
      ? await routes.standInFor(delivery, standing === 'instance')
      : undefined;
    const canNotify = peopleOf(policy, adminEmails).length > 0;
    const rung = nextRung(policy.steps, { standing, standIn, canBeRaised: canBeRaised(lane), canNotify });
    const step = (to: FallbackStep['step'], next = instance): FallbackStep => ({
      step: to,
      from: standing,
      cause,
      instance: next,
    });
    switch (rung) {
      case 'instance':
        return {
          to: 'fall-back',
          standing: rung,
          step: step(rung, standIn),
          lane,
          // Another account knows nothing of what the others met: it has the whole schedule.
          delayMs: 0,
          triesBefore: 0,
        };
      case 'priority': {
        const last = retryDelaysMs.length - 1;
        const delayMs = retryDelay(last, retryDelaysMs, random()) ?? 0;
        return {
          to: 'fall-back',
          standing: rung,
          step: step(rung),
          lane: raisedLane(lane),
          delayMs,
          triesBefore: last,
        };
      }
      case 'notify':
        return { to: 'end', steps: [step('notify'), { ...step('manual'), from: 'notify' }] };
      case 'manual':
        return { to: 'end', steps: [step('manual')] };
    }
  };
}
