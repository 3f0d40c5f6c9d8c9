/**
 * What becomes of a delivery after a call: where it goes next, and what the call says of its account.
 *
 * V1 What concerns the account, or everybody who never wrote to it, is no attempt of the message that
 *    met it: that one is held with the others.
 * V2 A message that may have arrived is sent again only where the provider says that it makes no second
 *    one, or where the tenant chose so.
 */
import type { SealedDelivery } from '#schemas/content.ts';

import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { ClaimedDelivery, Move, SettledStatus } from './deliveries.ts';
import type { FallbackFinder } from './fallback.ts';
import type { Gates } from './gates.ts';
import { classOfLane } from './lanes.ts';
import type { PersonFinder } from './people.ts';
import type { PolicyFinder } from './placement.ts';
import type { Resolution, SendOutcome } from './ports/provider.ts';
import { retryDelay } from './schedule.ts';

/** What verdicts are made with. Times in milliseconds. */
export interface VerdictParts {
  readonly runtime: Pick<Runtime, 'vault' | 'logger' | 'now'>;
  readonly gates: Gates;
  readonly personOf: PersonFinder;
  readonly policyOf: PolicyFinder;
  readonly fallbackOf: FallbackFinder;
  readonly retryDelaysMs: readonly number[];
  readonly lookupDelaysMs: readonly number[];
  /** For how long the rest of a chat waits when the provider refuses the chat. */
  readonly chatPauseMs: number;
  /** In [0, 1). */
  readonly random: () => number;
}

/** Held in its place, without an attempt. */
export const held = { to: 'queued', delayMs: 0, uncertain: false, countsAttempt: false } as const satisfies Move;

/** Makes verdicts. All methods throw `database.unavailable`, `vault.unavailable`. */
export function createVerdicts(parts: VerdictParts) {
  const { gates, personOf } = parts;
  const { vault, logger, now } = parts.runtime;

  const sealResult = async (delivery: ClaimedDelivery, value: SealedDelivery): Promise<Buffer | null> => {
    const { tenant, conversation, id } = delivery;
    const person = await personOf(tenant, conversation);
    if (person === undefined || Object.keys(value).length === 0) return null;
    try {
      const where = { tenant, actor: conversation, type: 'delivery.result', eventId: id };
      return await vault.seal(where, person, now(), value);
    } catch (caught) {
      // Erased meanwhile: then nothing of it is kept.
      if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return null;
      throw caught;
    }
  };

  const settle = async (
    delivery: ClaimedDelivery,
    status: SettledStatus,
    reason: string | null,
    value: SealedDelivery = {},
  ): Promise<Move & { readonly to: 'settled' }> => ({
    to: 'settled',
    status,
    reason,
    providerMessageIndex:
      value.stableId === undefined ? null : vault.index(delivery.tenant, 'message-id', value.stableId),
    result: await sealResult(delivery, value),
  });

  /** Not sent this time; `unknown` when an earlier attempt may have been. */
  const giveUp = (
    delivery: ClaimedDelivery,
    reason: string,
    detail?: string,
    status: 'failed' | 'manual' = 'failed',
  ): Promise<Move & { readonly to: 'settled' }> =>
    // The provider's own words may quote a number: sealed like the ids.
    settle(delivery, delivery.uncertain ? 'unknown' : status, reason, detail === undefined ? {} : { detail });

  /** Gates are told as far as they can be: the delivery goes on in any case. */
  const tell = async (work: Promise<unknown>): Promise<void> => {
    try {
      await work;
    } catch (caught) {
      if (!(caught instanceof OperatingError) || caught.disposition !== 'retry') throw caught;
      logger.warn('a gate was not told', { code: caught.code });
    }
  };

  const refused = async (
    delivery: ClaimedDelivery,
    outcome: Extract<SendOutcome, { readonly outcome: 'refused' }>,
  ): Promise<Move> => {
    const { scope, code, detail } = outcome;
    if (scope === 'instance') {
      await tell(gates.shut(delivery, code));
      return held;
    }
    await tell(gates.works(delivery));
    if (scope === 'cold-chats') {
      await tell(gates.stopNewChats(delivery, code));
      if (classOfLane(delivery.lane) === 'cold') return held;
    }
    const given = await giveUp(delivery, code, detail);
    return scope === 'chat' ? { ...given, chatPauseMs: parts.chatPauseMs } : given;
  };

  /** Nothing is left of the schedule. What may have been sent goes no other way. */
  const exhausted = async (delivery: ClaimedDelivery, cause: string, detail: string | undefined): Promise<Move> => {
    if (delivery.uncertain) return giveUp(delivery, 'attempts-exhausted', detail);
    const fallback = await parts.fallbackOf(delivery, cause);
    if (fallback.to === 'fall-back') return fallback;
    const given = await giveUp(delivery, 'attempts-exhausted', detail, 'manual');
    return { ...given, steps: fallback.steps };
  };

  const again = async (
    delivery: ClaimedDelivery,
    outcome: Extract<SendOutcome, { readonly outcome: 'retry' }>,
  ): Promise<Move> => {
    const { scope, code, detail, afterMs } = outcome;
    if (scope === 'instance') {
      await tell(gates.shut(delivery, code, afterMs));
      return held;
    }
    if (scope === 'cold-chats') {
      await tell(gates.stopNewChats(delivery, code, afterMs));
      if (classOfLane(delivery.lane) === 'cold') return held;
    }
    // A store of ours that is away says nothing of the account.
    if (code !== 'files.unavailable')
      await tell(hasAnswered(outcome) ? gates.works(delivery) : gates.fails(delivery, code));
    const delayMs = retryDelay(delivery.tries, parts.retryDelaysMs, parts.random(), afterMs);
    if (delayMs === undefined) return exhausted(delivery, code, detail);
    return { to: 'queued', delayMs, uncertain: false, countsAttempt: true };
  };

  const lookUpOr = async (delivery: ClaimedDelivery, code: string): Promise<Move> => {
    const lookUpMs = parts.lookupDelaysMs[delivery.lookups];
    if (lookUpMs !== undefined) return { to: 'look-up', delayMs: lookUpMs };
    const { unknownOutcome } = await parts.policyOf(delivery.tenant);
    const delayMs = retryDelay(delivery.tries, parts.retryDelaysMs, parts.random());
    if (unknownOutcome === 'park' || delayMs === undefined) return settle(delivery, 'unknown', code);
    logger.warn('a message that may have arrived is sent again, as its tenant has it', {
      tenant: delivery.tenant,
      instance: delivery.instance,
      eventId: delivery.id,
      code,
    });
    return { to: 'queued', delayMs, uncertain: true, countsAttempt: true };
  };

  return {
    giveUp,

    /** What can never be found out. */
    unknown: (delivery: ClaimedDelivery, code: string): Promise<Move> => settle(delivery, 'unknown', code),

    /** The account does not exist, or no longer: what waits for it is held and shown. */
    async accountless(delivery: ClaimedDelivery): Promise<Move> {
      await tell(gates.shut(delivery, 'instance.unknown'));
      return held;
    },

    async afterSend(delivery: ClaimedDelivery, outcome: SendOutcome): Promise<Move> {
      switch (outcome.outcome) {
        case 'sent':
          await tell(gates.works(delivery));
          return settle(delivery, 'sent', null, idsOf(outcome));
        case 'refused':
          return refused(delivery, outcome);
        case 'retry':
          return again(delivery, outcome);
        case 'unknown':
          // A defect of ours says nothing of the account.
          if (outcome.code !== 'internal') await tell(gates.fails(delivery, outcome.code));
          return lookUpOr(delivery, outcome.code);
      }
    },

    async afterLookUp(delivery: ClaimedDelivery, resolution: Resolution): Promise<Move> {
      switch (resolution.outcome) {
        case 'sent':
          return settle(delivery, 'sent', null, idsOf(resolution));
        case 'repeat': {
          const delayMs = retryDelay(delivery.tries, parts.retryDelaysMs, parts.random());
          if (delayMs === undefined) return settle(delivery, 'unknown', 'attempts-exhausted');
          // A process that died says nothing about the provider: no reason to wait.
          return { to: 'queued', delayMs: delivery.abandoned ? 0 : delayMs, uncertain: true, countsAttempt: true };
        }
        case 'unknown':
          return lookUpOr(delivery, resolution.code);
      }
    },
  };
}

/** The verdicts. */
export type Verdicts = ReturnType<typeof createVerdicts>;

/** Whether it was the provider who said no, of this message, and not its absence. */
const hasAnswered = ({ httpStatus }: SendOutcome): boolean => httpStatus !== undefined && httpStatus < 500;

const idsOf = ({
  messageId,
  stableId,
}: {
  readonly messageId?: string;
  readonly stableId?: string;
}): SealedDelivery => ({
  ...(messageId === undefined ? {} : { messageId }),
  ...(stableId === undefined ? {} : { stableId }),
});
