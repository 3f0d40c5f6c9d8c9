/** What the Graph API's answers mean for a send. The codes are in `#runtime/cloud/graph-errors.ts`. */
import { z } from 'zod';

import { type GraphRule, graphReason, graphRule } from '#runtime/cloud/graph-errors.ts';

import type { SendOutcome, SentIds } from '../ports/provider.ts';
import type { ProviderAnswer } from '#runtime/net/adapters/provider-http.ts';

const errorShape = z.looseObject({
  error: z.looseObject({
    code: z.number(),
    message: z.string().optional(),
    is_transient: z.boolean().optional(),
    error_data: z.looseObject({ details: z.string().optional() }).optional(),
  }),
});

const sentShape = z.looseObject({ messages: z.array(z.looseObject({ id: z.string().min(1) })).min(1) });
const mediaShape = z.looseObject({ id: z.string().min(1) });

const detailCharactersMax = 500;
const minute = 60_000;

/** The id in the answer to a send; empty when it cannot be read. */
export function idsOf({ body }: ProviderAnswer): SentIds {
  const id = sentShape.safeParse(parsed(body)).data?.messages[0]?.id;
  return id === undefined ? {} : { messageId: id, stableId: id };
}

/** The id in the answer to an upload. */
export const mediaIdOf = ({ body }: ProviderAnswer): string | undefined => mediaShape.safeParse(parsed(body)).data?.id;

/** The outcome of an answer outside 2xx to the given attempt, 1 for the first. */
export function refusalOf(answer: ProviderAnswer, attempt: number): Exclude<SendOutcome, { readonly outcome: 'sent' }> {
  const { status } = answer;
  const said = errorShape.safeParse(parsed(answer.body)).data?.error;
  if (said === undefined) return { ...withoutWords(status), httpStatus: status, ...patience(answer) };
  const words = [said.message, said.error_data?.details].filter((part) => part !== undefined).join('; ');
  const common = {
    code: graphReason(said.code),
    httpStatus: status,
    ...(words === '' ? {} : { detail: words.slice(0, detailCharactersMax) }),
  };
  // A code that nobody knows yet: what the Graph API says of it in general.
  const rule = graphRule(said.code) ?? general(said.is_transient === true || status >= 500);
  const scope = rule.scope === undefined ? {} : { scope: rule.scope };
  if (rule.outcome === 'refused' || (rule.once === true && attempt > 1))
    return { outcome: 'refused', ...common, ...scope };
  const afterMs = rule.afterMs?.(attempt);
  return { outcome: 'retry', ...common, ...scope, ...(afterMs === undefined ? patience(answer) : { afterMs }) };
}

const general = (transient: boolean): Pick<GraphRule, 'outcome' | 'scope' | 'afterMs' | 'once'> => ({
  outcome: transient ? 'retry' : 'refused',
});

/**
 * An answer that is not the Graph API's own, but of something before it. There is no handle for safe
 * repeats, so what may have passed the message on leaves the outcome unknown.
 */
function withoutWords(status: number): { readonly outcome: 'retry' | 'refused' | 'unknown'; readonly code: string } {
  if (status === 429) return { outcome: 'retry', code: 'provider.rate-limited' };
  if (status === 408 || status === 503) return { outcome: 'retry', code: 'provider.unavailable' };
  if (status === 401 || status === 403) return { outcome: 'refused', code: 'provider.unauthorized' };
  if (status >= 300 && status <= 499) return { outcome: 'refused', code: 'provider.refused' };
  return { outcome: 'unknown', code: status >= 500 ? 'provider.failed' : 'provider.answer-unexpected' };
}

/** How long the answer asks to wait: its header, or the usage of the business account. */
function patience({ headers }: ProviderAnswer): { readonly afterMs?: number } {
  const seconds = Number(textOf(headers['retry-after']));
  const afterMs = Math.max(seconds > 0 ? seconds * 1_000 : 0, regainMs(textOf(headers['x-business-use-case-usage'])));
  return afterMs > 0 ? { afterMs } : {};
}

const usageShape = z.record(
  z.string(),
  z.array(z.looseObject({ estimated_time_to_regain_access: z.number().nonnegative().optional() })),
);

/** `{"<account>": [{…, "estimated_time_to_regain_access": minutes}]}` */
function regainMs(usage: string): number {
  const accounts = Object.values(usageShape.safeParse(parsed(usage)).data ?? {}).flat();
  return Math.max(0, ...accounts.map((one) => (one.estimated_time_to_regain_access ?? 0) * minute));
}

const textOf = (header: string | readonly string[] | undefined): string => (typeof header === 'string' ? header : '');

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
