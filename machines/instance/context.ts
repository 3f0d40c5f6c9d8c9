/** What an instance remembers. Plain JSON; the code to scan is personal and is sealed with all of it. */
import type { ActorInput } from '#machines/machine.ts';
import type { RouteWish } from '#schemas/content.ts';
import { type InstanceSettings, soundSettings } from './settings.ts';

/** How an instance is, in words that fit every provider. */
export const instanceStates = [
  'unknown',
  'stopped',
  'starting',
  'scanning',
  'working',
  'restricted',
  'failed',
  'recovering',
  'deleted',
] as const;

/** One of them. */
export type InstanceState = (typeof instanceStates)[number];

/** Plain JSON. Times are epoch milliseconds. */
export interface InstanceContext {
  readonly instance: string;
  readonly settings: InstanceSettings;
  readonly status: InstanceState;
  readonly changedAt: number | null;
  /** Stable code of why it is not working; null when it is, or when nobody said. */
  readonly reason: string | null;
  /** It worked and nobody logged it out: when it fails, it is to be brought back. */
  readonly linked: boolean;
  /** What links a phone, the newest; null unless one is waited for. */
  readonly qr: { readonly code: string; readonly pairingCode?: string; readonly at: number } | null;
  /** For which a code to type in was asked. */
  readonly phoneNumber: string | null;
  readonly restrictedUntil: number | null;
  /** Last time that the provider answered a check. */
  readonly checkedAt: number | null;
  /** Checks without an answer since. */
  readonly missed: number;
  /** Restarts of the present window, oldest first. */
  readonly recoveries: readonly number[];
  /** Since when something may have been missed; null while it works. */
  readonly lostAt: number | null;
  /** From when on the provider's history is to be looked through; null when that is done. */
  readonly repairFrom: number | null;
  /** The change of the line's route that is under way. */
  readonly wish: (RouteWish & { readonly mode: 'switch' | 'split' }) | null;
}

/** At the beginning. XState calls it without input at every transition. */
export const newContext = (input: ActorInput | undefined): InstanceContext => ({
  instance: input?.actor ?? '',
  settings: soundSettings(input?.settings),
  status: 'unknown',
  changedAt: null,
  reason: null,
  linked: false,
  qr: null,
  phoneNumber: null,
  restrictedUntil: null,
  checkedAt: null,
  missed: 0,
  recoveries: [],
  lostAt: null,
  repairFrom: null,
  wish: null,
});

/** Restarts that still count at a time. */
export const recentRecoveries = ({ recoveries, settings }: InstanceContext, at: number): readonly number[] =>
  recoveries.filter((one) => one > at - settings.recoveriesWithinMs);

/** Whether it may be restarted once more without a person. */
export const mayRecover = (context: InstanceContext, at: number): boolean =>
  context.settings.autoRecover &&
  context.linked &&
  recentRecoveries(context, at).length < context.settings.recoveriesMax;

/**
 * Before the next restart: doubles with each of the window, and differs by up to a fifth from instance
 * to instance, so that those of one server do not all come back at the same moment.
 */
export function backoffOf({ instance, recoveries, settings }: InstanceContext): number {
  const doubled = settings.backoffMs * 2 ** Math.max(0, recoveries.length - 1);
  const spread =
    Array.from(instance, (letter) => letter.codePointAt(0) ?? 0).reduce((sum, code) => (sum * 31 + code) % 401, 0) /
    2_000;
  return Math.round(Math.min(settings.backoffMsMax, doubled) * (0.9 + spread));
}

/** Longest time that a restriction is believed to last. */
const restrictionMsMax = 7 * 86_400_000;

/** When a restriction ends by itself. */
export const restrictionEnd = (until: number | undefined, at: number, settings: InstanceSettings): number =>
  Math.min(at + restrictionMsMax, Math.max(at + 1_000, until ?? at + settings.restrictedMs));
