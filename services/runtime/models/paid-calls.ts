/**
 * Calls to models that cost something: chats, pictures and voice notes alike.
 *
 * B1 No model is asked beyond what the tenant may spend in a day and the conversation in all: the most that a call can
 *    cost is set aside before it.
 * B2 What it cost takes the place of that, also of a call that was given up after the server had read it.
 */
import type { Metrics } from '../metrics.ts';
import type { Answered, ModelCallOptions, ModelCalls } from './model-calls.ts';
import { type ModelEndpoint, ModelError } from './model-server.ts';
import type { Spending } from './spending.ts';

/** Most that may be spent, in the tenant's currency. */
export interface Budget {
  /** By the tenant, of all its models. */
  readonly perDay?: number;
  readonly perConversation?: number;
}

/** Tokens, as servers count them. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What an answer took. */
interface Took {
  readonly usage?: TokenUsage;
  readonly costMicros: number;
}

/** Who pays, and how much at most. Amounts are millionths of the tenant's currency unit. */
interface Bill<Answer, Taken extends Took, Endpoint extends ModelEndpoint> {
  readonly tenant: string;
  readonly budget: Budget | undefined;
  /** What the conversation has cost so far; 0 where there is none. */
  readonly spentMicros: number;
  readonly mostMicros: number;
  /** Of a call that was given up after the server had read it. */
  readonly lostMicros: number;
  took(answer: Answer, endpoint: Endpoint): Taken;
}

/** Millionths of an amount. */
export const microsPerUnit = 1_000_000;

/** Calls within a budget. */
export interface PaidCalls {
  /** As `ModelCalls.call`. Throws `ModelError`, also `over-budget`, and `database.unavailable`. */
  call<Answer, Taken extends Took, Endpoint extends ModelEndpoint>(
    bill: Bill<Answer, Taken, Endpoint>,
    endpoints: readonly Endpoint[],
    options: ModelCallOptions,
    signal: AbortSignal,
    ask: (endpoint: ModelEndpoint, signal: AbortSignal) => Promise<Answer>,
  ): Promise<Answered<Answer, Endpoint> & { readonly took: Taken }>;
}

/** Opens them. */
export function openPaidCalls(calls: ModelCalls, spending: Spending, metrics: Metrics): PaidCalls {
  const setAside = async ({
    tenant,
    budget = {},
    spentMicros,
    mostMicros,
  }: Omit<Bill<never, never, never>, 'took'>) => {
    const { perDay, perConversation } = budget;
    if (perConversation !== undefined && spentMicros + mostMicros > perConversation * microsPerUnit)
      throw new ModelError('over-budget');
    const reservation = await spending.reserve(tenant, mostMicros, perDay && perDay * microsPerUnit);
    if (reservation === undefined) throw new ModelError('over-budget');
    return reservation;
  };

  return {
    async call(bill, endpoints, options, signal, ask) {
      const reservation = await setAside(bill);
      let costMicros = 0;
      try {
        const answered = await calls.call(endpoints, options, signal, ask);
        const took = bill.took(answered.answer, answered.endpoint);
        costMicros = took.costMicros;
        const model = calls.labelOf(answered.endpoint.model);
        metrics.modelTokens.inc({ model, kind: 'input' }, took.usage?.inputTokens ?? 0);
        metrics.modelTokens.inc({ model, kind: 'output' }, took.usage?.outputTokens ?? 0);
        metrics.modelCost.inc({ model }, costMicros);
        return { ...answered, took };
      } catch (caught) {
        if (caught instanceof ModelError && caught.failure === 'timeout') costMicros = bill.lostMicros;
        throw caught;
      } finally {
        await reservation.settle(costMicros);
      }
    },
  };
}
