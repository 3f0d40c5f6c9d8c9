/** What a provider's answer means for a send, by a table, and what it means that there is none. */
import type { NoAnswer } from '#runtime/net/adapters/provider-http.ts';

import type { Scope, SendOutcome } from '../ports/provider.ts';

/** One row. The first that matches counts, so order matters. */
export interface AnswerRule {
  readonly status: number | readonly [number, number];
  /** Found in the words of the error. */
  readonly words?: RegExp;
  readonly outcome: 'retry' | 'refused' | 'unknown';
  readonly code: string;
  /** What else would be answered so; absent: this message alone. Never with an unknown outcome. */
  readonly scope?: Scope;
}

/** The end of most tables: what it means whoever says it, the provider or something that stands before it. */
export const answersOfAny: readonly AnswerRule[] = [
  // The server gave up waiting for our request.
  { status: 408, outcome: 'retry', code: 'provider.unavailable' },
  { status: 429, outcome: 'retry', code: 'provider.rate-limited', scope: 'instance' },
  { status: [300, 499], outcome: 'refused', code: 'provider.refused' },
  { status: 501, outcome: 'refused', code: 'provider.refused' },
  // Nobody is there to take it (WAHA issue 1532: a worker is down).
  { status: 502, outcome: 'retry', code: 'provider.unavailable' },
  { status: 503, outcome: 'retry', code: 'provider.unavailable' },
  // Who failed may have failed after sending; a gateway that timed out says nothing (WAHA issue 1225 shows both
  // becoming double sends).
  { status: [500, 599], outcome: 'unknown', code: 'provider.failed' },
];

/** An answer outside 2xx. */
export interface Refusal {
  readonly status: number;
  /** The error's words; empty when it has none. */
  readonly words: string;
  /** The header, in seconds. */
  readonly retryAfter?: string | string[] | undefined;
}

const detailCharactersMax = 500;

/** The outcome of an answer; unknown where no rule is about it. */
export function outcomeBy(rules: readonly AnswerRule[], { status, words, retryAfter }: Refusal): SendOutcome {
  const rule = rules.find(
    ({ status: wanted, words: pattern }) =>
      (typeof wanted === 'number' ? wanted === status : wanted[0] <= status && status <= wanted[1]) &&
      (pattern === undefined || pattern.test(words)),
  );
  const common = {
    code: rule?.code ?? 'provider.answer-unexpected',
    httpStatus: status,
    ...(words === '' ? {} : { detail: words.slice(0, detailCharactersMax) }),
  };
  const scoped = rule?.scope === undefined ? {} : { scope: rule.scope };
  switch (rule?.outcome) {
    case 'retry': {
      const seconds = Number(retryAfter);
      return { outcome: 'retry', ...common, ...scoped, ...(seconds > 0 ? { afterMs: seconds * 1_000 } : {}) };
    }
    case 'refused':
      return { outcome: 'refused', ...common, ...scoped };
    case 'unknown':
    case undefined:
      return { outcome: 'unknown', ...common };
  }
}

/** The outcome of a send that was not answered: what was not begun can be tried again. */
export const outcomeWithout = ({ begun, code }: NoAnswer): SendOutcome => ({
  outcome: begun ? 'unknown' : 'retry',
  code,
});
