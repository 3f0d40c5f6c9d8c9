/**
 * What is done when a connection ends, by WhatsApp's code (`DisconnectReason` of Baileys 7.0.0-rc14; those
 * that it does not name are marked as seen in the wild). Pure.
 *
 * R1 Nobody who took the session over is fought, and a ban is not hammered at.
 * R2 A connection that was open only for moments counts as a failure: waits grow all the same.
 */

/** How a connection ended. */
export interface Ending {
  /** WhatsApp's; undefined when there was none. */
  readonly code: number | undefined;
  /** Time for which it was open; undefined when it never was. Milliseconds. */
  readonly openMs: number | undefined;
  /** Whether the account is linked. */
  readonly linked: boolean;
}

/** What to do. */
export type NextStep =
  | { readonly step: 'connect'; readonly afterMs: number; readonly failures: number; readonly reason: string }
  /** Not again by itself. `forget`: the credentials are of no use any more. */
  | { readonly step: 'stop'; readonly reason: string; readonly forget: boolean };

type Rule =
  | { readonly do: 'stop' | 'forget'; readonly reason: string }
  /** `soon`: at once the first times, as is normal. `slowly`: what only time or a new version cures. */
  | { readonly do: 'soon' | 'back-off' | 'slowly'; readonly reason: string };

const rules: Readonly<Record<number, Rule>> = {
  401: { do: 'forget', reason: 'session.logged-out' },
  // Seen in the wild: the number is barred for some time.
  402: { do: 'stop', reason: 'session.barred' },
  403: { do: 'stop', reason: 'session.forbidden' },
  // Seen in the wild: this version of the client is too old.
  405: { do: 'slowly', reason: 'session.client-outdated' },
  // Seen in the wild: the client is not accepted.
  406: { do: 'stop', reason: 'session.client-refused' },
  408: { do: 'back-off', reason: 'session.timed-out' },
  411: { do: 'forget', reason: 'session.device-mismatch' },
  428: { do: 'soon', reason: 'session.connection-closed' },
  // Seen in the wild: linking too often.
  429: { do: 'slowly', reason: 'session.rate-limited' },
  440: { do: 'stop', reason: 'session.replaced' },
  500: { do: 'back-off', reason: 'session.bad' },
  503: { do: 'back-off', reason: 'session.unavailable' },
  515: { do: 'soon', reason: 'session.restart-required' },
};

const otherwise: Rule = { do: 'back-off', reason: 'session.connection-lost' };

/** Milliseconds. */
export const reconnectTimes = {
  baseMs: 1_000,
  maxMs: 5 * 60_000,
  slowMs: 15 * 60_000,
  /** A connection that was open for this long was a good one. */
  stableMs: 60_000,
} as const;

/** Failures in a row after which what should be at once is not any more. */
const soonMax = 3;
/** Failures in a row with 500 (a session that WhatsApp finds bad) after which a person must look. */
const badMax = 8;

/** What follows. `failures` are those in a row before this one; `random` in [0, 1) spreads the waits. */
export function stepAfter({ code, openMs, linked }: Ending, failures: number, random: number): NextStep {
  const rule = (code === undefined ? undefined : rules[code]) ?? otherwise;
  // Codes to scan are shown for a while; then a person has to ask for new ones.
  if (!linked && code === 408) return { step: 'stop', reason: 'session.qr-expired', forget: true };
  const before = openMs !== undefined && openMs >= reconnectTimes.stableMs ? 0 : failures;
  const { reason } = rule;
  switch (rule.do) {
    case 'stop':
      return { step: 'stop', reason, forget: false };
    case 'forget':
      return { step: 'stop', reason, forget: true };
    case 'soon':
      return { step: 'connect', reason, failures: before + 1, afterMs: before < soonMax ? 0 : wait(before, random) };
    case 'back-off':
      if (code === 500 && before + 1 >= badMax) return { step: 'stop', reason, forget: false };
      return { step: 'connect', reason, failures: before + 1, afterMs: wait(before, random) };
    case 'slowly':
      return { step: 'connect', reason, failures: before + 1, afterMs: reconnectTimes.slowMs * (1 + random) };
  }
}

/** Between half of the doubled base and all of it. */
const wait = (failures: number, random: number): number =>
  Math.min(reconnectTimes.baseMs * 2 ** Math.min(failures, 20), reconnectTimes.maxMs) * (0.5 + random / 2);

/** The code in a Boom. */
export function codeOf(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('output' in error)) return undefined;
  const { output } = error;
  if (typeof output !== 'object' || output === null || !('statusCode' in output)) return undefined;
  return typeof output.statusCode === 'number' ? output.statusCode : undefined;
}
