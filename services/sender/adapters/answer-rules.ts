/** What a provider's answer means for a send, by a table. First match counts, so order matters. */
import type { Scope, SendOutcome } from '../ports/provider.ts';

/** One row. */
export interface AnswerRule {
  readonly status: number | readonly [number, number];
  /** Found in the words of the error. */
  readonly words?: RegExp;
  readonly outcome: 'retry' | 'refused' | 'unknown';
  readonly code: string;
  /** What else would be answered so; absent: this message alone. Never with an unknown outcome. */
  readonly scope?: Scope;
}

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
