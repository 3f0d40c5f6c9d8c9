/**
 * The ladder of fallbacks: where a message goes that its own attempts could not send.
 * Another address of the same server is no rung here: it is tried within each attempt (`endpoints.ts`).
 *
 * L1 Down only: whatever a tenant changes meanwhile, no rung is come by twice, so that it ends.
 * L2 The last rung is the queue for decisions, whatever is configured.
 */
import type { FallbackPolicy } from '#runtime/tenants/sending-policy.ts';

/** A rung on which a delivery stays for some attempts. */
export type Standing = 'instance' | 'priority';

/** Every rung, as steps are recorded. */
export type Rung = 'endpoint' | Standing | 'notify' | 'manual';

/** What can be tried of a delivery. */
export interface LadderView {
  /** Where it stands; null before the first rung. */
  readonly standing: Standing | null;
  /** The account that may stand in next; undefined when no further one may. */
  readonly standIn: string | undefined;
  /** Whether it goes in another queue when it is urgent. */
  readonly canBeRaised: boolean;
  /** Whether there is anybody to be told. */
  readonly canNotify: boolean;
}

/** The next rung; those that are left for `notify` too. */
export function nextRung(steps: FallbackPolicy['steps'], view: LadderView): Exclude<Rung, 'endpoint'> {
  // Who stands on a rung that is no longer configured goes on behind all that are.
  const at = view.standing === null ? -1 : indexOr(steps, view.standing, steps.length);
  if (view.standing === 'instance' && at < steps.length && view.standIn !== undefined) return 'instance';
  for (const step of steps.slice(at + 1)) {
    if (step === 'instance' && view.standIn !== undefined) return step;
    if (step === 'priority' && view.canBeRaised) return step;
  }
  return steps.includes('notify') && view.canNotify ? 'notify' : 'manual';
}

const indexOr = <T>(list: readonly T[], one: T, otherwise: number): number => {
  const index = list.indexOf(one);
  return index === -1 ? otherwise : index;
};
