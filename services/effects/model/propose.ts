/**
 * The handler of `model.propose`: one step of a model.
 *
 * What it does to the outside is a call that costs money and changes nothing: it may be repeated.
 *
 * L1 It is asked within the tenant's budget (`runtime/models/paid-calls.ts`).
 * L2 What leaves went through the redaction; what comes back is a proposal in the form of an offered tool, or none.
 * L3 Every end is one of: a proposal, none (the model was asked and proposed nothing that holds), a stable code.
 */
import { createHash } from 'node:crypto';

import type { ModelSettings, TokenPrice } from '#machines/conversation/agent-settings.ts';
import type { ModelAnswer, ModelQuestion, TokenUsage } from '#machines/conversation/asks.ts';
import type { Proposal } from '#machines/conversation/tools.ts';
import { type ModelCallOptions, chatCallDefaults } from '#runtime/models/model-calls.ts';
import {
  type CallBounds,
  type ChatAnswer,
  type ChatRequest,
  type ModelEndpoint,
  ModelError,
  type ModelFailure,
} from '#runtime/models/model-server.ts';
import type { Models } from '#runtime/models/models.ts';
import { costOf, mostTokens, usageOf } from '#runtime/models/token-costs.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { type EffectCall, EffectFailure, type EffectHandler } from '../handler.ts';
import { agentSettingsOf } from './asker.ts';
import { type KeptAnswers, isForAll, mayBeKept } from './kept-answers.ts';
import { shownAnswer } from './output.ts';
import { promptOf, shownOf } from './prompt.ts';
import { type Redaction, startRedaction } from './redaction.ts';
import { type Offer, offerOf } from './tools.ts';

/** What the handler works with. */
export interface ProposeParts {
  readonly runtime: Pick<Runtime, 'metrics' | 'tenants'>;
  readonly models: Models;
  readonly kept: KeptAnswers;
  /** Shortened by tests. */
  readonly options?: ModelCallOptions;
  readonly bounds?: CallBounds;
}

const boundsDefault: CallBounds = { firstByteMs: 6_000, idleMs: 4_000, bytesMax: 256 * 1_024 };
const outputTokensMax = 1_000;

type Question = Omit<ModelQuestion, 'spentMicros'>;

/** Makes it. A second attempt is for a process that died. */
export const proposeHandler = (parts: ProposeParts): EffectHandler => ({
  timeoutMs: 20_000,
  retryDelaysMs: [0, 0],
  concurrency: 32,
  repeatable: true,
  async run(call) {
    let outcome = 'internal';
    try {
      const answer = await propose(parts, call);
      outcome = answer.model === cacheModel ? 'kept' : answer.proposal === null ? 'none' : 'proposed';
      return answer;
    } catch (caught) {
      if (caught instanceof EffectFailure) outcome = caught.code;
      throw caught;
    } finally {
      parts.runtime.metrics.modelProposals.inc({ outcome });
    }
  },
});

const cacheModel = 'cache';

async function propose(parts: ProposeParts, call: EffectCall): Promise<ModelAnswer> {
  const began = performance.now();
  // The machine's own form: `asks.ts`.
  const question = call.input as ModelQuestion;
  const { model: settings } = await agentSettingsOf(parts.runtime.tenants, call);
  const endpoints = settings === undefined ? [] : await endpointsOf(parts.models, call.tenant, settings);
  if (settings === undefined || endpoints.length === 0) throw new EffectFailure('model.not-configured');

  const offer = offerOf(
    question.tools,
    shownOf(question).map(({ handle }) => handle),
  );
  if (offer.tools.length === 0) throw new EffectFailure('model.refused');
  const redaction = startRedaction();
  const request: ChatRequest = { ...promptOf(question, settings, redaction), tools: offer.tools, outputTokensMax };
  const rest = () => ({
    latencyMs: Math.round(performance.now() - began),
    requestHash: hashOf(question, settings, offer),
  });

  const keeping = keepingOf(parts, call, question, settings);
  const known = await keeping?.find();
  if (known !== undefined) {
    const usage = { inputTokens: 0, outputTokens: 0 };
    return {
      proposal: { tool: 'answer', args: known },
      refused: 0,
      model: cacheModel,
      parameters: {},
      usage,
      costMicros: 0,
      ...rest(),
    };
  }

  const { answer, endpoint, took } = await askWithin(parts, call, question, settings, endpoints, request);
  const read = offer.read(answer.calls);
  const proposal = heard(read.proposal, question, settings, redaction);
  if (proposal?.tool === 'answer') await keeping?.keep(proposal.args);
  const refused = read.refused + (read.proposal !== null && proposal === null ? 1 : 0);
  const { parameters } = answer;
  return { proposal, refused, model: endpoint.model, parameters, ...took, ...rest() };
}

/** Where it is asked, and at what price. */
interface Priced extends ModelEndpoint {
  readonly price: TokenPrice | undefined;
}

async function endpointsOf(
  { keys }: Models,
  tenant: string,
  { model, baseUrl, price, second }: ModelSettings,
): Promise<readonly Priced[]> {
  const named = [{ model, baseUrl, price }, ...(second === undefined ? [] : [{ baseUrl, price, ...second }])];
  const found = await Promise.all(
    named.map(async (one) => {
      const endpoint = await keys.endpointOf(tenant, one);
      return endpoint === undefined ? [] : [{ ...endpoint, price: one.price }];
    }),
  );
  return found.flat();
}

/** Asks within the budget (L1). */
async function askWithin(
  { models, options = chatCallDefaults, bounds = boundsDefault }: ProposeParts,
  { tenant, signal }: EffectCall,
  { spentMicros }: ModelQuestion,
  { budget }: ModelSettings,
  endpoints: readonly Priced[],
  request: ChatRequest,
) {
  const most = mostTokens(request);
  const dearest = (usage: TokenUsage): number => Math.max(...endpoints.map(({ price }) => costOf(usage, price)));
  const bill = {
    tenant,
    budget,
    spentMicros,
    mostMicros: dearest(most),
    lostMicros: dearest({ ...most, outputTokens: 0 }),
    took: (answer: ChatAnswer, { price }: Priced) => {
      const usage = usageOf(answer, most);
      return { usage, costMicros: costOf(usage, price) };
    },
  };
  try {
    return await models.calls.call(bill, endpoints, options, signal, (to, within) =>
      models.server.chat(to, request, bounds, within),
    );
  } catch (caught) {
    if (!(caught instanceof ModelError)) throw caught;
    throw new EffectFailure(codes[caught.failure] ?? 'model.unavailable');
  }
}

const codes: Readonly<Partial<Record<ModelFailure, string>>> = {
  'over-budget': 'model.budget-spent',
  refused: 'model.refused',
};

/** A proposal as the machine may hear it: marks put back, an answer made fit to be shown; null when it is not. */
function heard(
  proposal: Proposal | null,
  { locale }: Question,
  { linksAllowed }: ModelSettings,
  { restore }: Redaction,
): Proposal | null {
  if (proposal === null) return null;
  if (proposal.tool === 'answer') {
    const text = shownAnswer(proposal.args.text, { locale, linksAllowed });
    return text === undefined ? null : { tool: 'answer', args: { ...proposal.args, text } };
  }
  const args = Object.entries(proposal.args).map(([name, value]: [string, unknown]) => [
    name,
    typeof value === 'string' ? restore(value) : value,
  ]);
  // The same fields with other words in them.
  return { tool: proposal.tool, args: Object.fromEntries(args) as Proposal['args'] } as Proposal;
}

/** Looks answers up and keeps them; undefined where that may not be. */
function keepingOf(
  { kept }: ProposeParts,
  { tenant, revision }: EffectCall,
  question: ModelQuestion,
  { answersKeptMs }: ModelSettings,
) {
  if (answersKeptMs === undefined || answersKeptMs <= 0 || !mayBeKept(question)) return undefined;
  const of = [tenant, revision ?? '', question] as const;
  return {
    find: () => kept.find(...of),
    keep: async (answer: Parameters<KeptAnswers['keep']>[3]) => {
      if (isForAll(question, answer)) await kept.keep(...of, answer, answersKeptMs);
    },
  };
}

/** The same for the same question at another time, by another person, of another model. */
function hashOf(question: ModelQuestion, settings: ModelSettings, { tools }: Offer): string {
  const { system, user } = promptOf(question, settings, startRedaction(), '');
  return createHash('sha256')
    .update(JSON.stringify([system, user, tools, outputTokensMax]))
    .digest('hex');
}
