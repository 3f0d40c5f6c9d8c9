/**
 * Carries effects out, one attempt after the other, and tells the actors what became of them.
 *
 * Owns: what runs in this process. Does not own: what an effect does (its handler), rows.
 *
 * Every attempt: claimed (durable) → carried out → its answer kept (durable) → told (durable) → done.
 * A crash between two of these is met so, by any process:
 *   before the claim          nothing happened
 *   claimed, carried out or   the lease runs out: carried out again where that is harmless, else the actor
 *   not                       is told `effect.outcome-unknown`
 *   answered, told or not     told again under the same event id, which the actor knows
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { OperatingError } from '#runtime/errors.ts';
import { joinCalls } from '#runtime/joined-calls.ts';
import { auditRecord, causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type Turning, startTurning } from '#runtime/turning.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { SealedEffectInput, SealedEffectOutput } from '#schemas/content.ts';
import type { AuditRecorded, EffectCompleted } from '#schemas/records.ts';

import type { ClaimedEffect, EffectRows, PendingAnswer } from './effect-rows.ts';
import { EffectFailure, type EffectHandler } from './handler.ts';

/** What a runner works with. */
export interface RunnerParts {
  readonly runtime: Pick<Runtime, 'directory' | 'log' | 'logger' | 'metrics' | 'now' | 'tenants' | 'vault'>;
  readonly rows: EffectRows;
  /** By source. */
  readonly handlers: ReadonlyMap<string, EffectHandler>;
  readonly owner: string;
  /** How often retries and cancellations are looked for; leases and answers of others every other time. Milliseconds. */
  readonly pollMs: number;
  /** Most effects at a time in this process. */
  readonly concurrency: number;
  /** What an earlier life left half done is ours, without waiting for leases. */
  readonly soleOwner: boolean;
  /** In [0, 1), for the spread of retries. */
  readonly random: () => number;
}

/** Besides an attempt's time: for keeping its answer, or putting back what another left. */
const leaseMarginMs = 15_000;
/** A request of a source that nobody knows is refused after this: a newer process may be about to start. */
const unknownAfterMs = 60_000;
const tidyEveryMs = 3_600_000;
/** Every so many looks also for what was left behind: leases are longer by far. */
const leftEvery = 2;
const partAwayDelayMs = 1_000;
const retrySpread = 0.2;
const toldTogether = { callsMax: 200 } as const;
/** Largest sealed output: what a record takes, with room for the rest of it, wherever the actor's conversation forwards it to. */
const outputBytesMax = 900_000;

/** How an attempt went, as its record says. */
interface Went {
  readonly call?: NonNullable<SealedEffectOutput['call']>;
}

type Result =
  | ({ readonly to: 'answer'; readonly outcome: 'done'; readonly output: unknown } & Went)
  | ({ readonly to: 'answer'; readonly outcome: 'error'; readonly code: string } & Went)
  | { readonly to: 'back'; readonly delayMs: number; readonly countsAttempt: boolean };

const failed = (code: string): Result => ({ to: 'answer', outcome: 'error', code });

/** Why an attempt's signal was aborted. */
type Ending = 'cancelled' | 'stopping' | 'timeout';

/** The runner of a process. */
export class EffectRunner {
  readonly #parts: RunnerParts;
  readonly #running = new Map<string, { readonly source: string; readonly abort: AbortController }>();
  readonly #attempts = new Set<Promise<void>>();
  readonly #tell: (answer: PendingAnswer) => Promise<void>;
  readonly #turning: Turning;
  /** Whether what an earlier life left was taken for ours; what runs since is not of that life. */
  #tookOver = false;
  #first = true;
  #nextLookAt = 0;
  #nextLeftAt = 0;
  #nextUnknownAt = 0;
  #nextTidyAt = 0;

  /** Starts it. */
  constructor(parts: RunnerParts) {
    this.#parts = parts;
    this.#tell = joinCalls((answers) => this.#tellAll(answers), toldTogether);
    this.#turning = startTurning({
      logger: parts.runtime.logger,
      turn: async () => ((await this.#turn()) ? 0 : parts.pollMs),
      idleMs: parts.pollMs,
    });
  }

  /** Resolves after `stop`. Rejects on what is neither a passing failure nor a handler's. */
  get finished(): Promise<void> {
    return this.#turning.finished;
  }

  /** Looks now instead of at the end of the sleep. */
  wake(): void {
    this.#turning.wake();
  }

  /** Nobody waits for these any more. */
  cancel(ids: readonly string[]): void {
    for (const id of ids) this.#running.get(id)?.abort.abort('cancelled' satisfies Ending);
  }

  /** Begins nothing more; gives what runs `graceMs`, then breaks it off. What may be repeated is put back. */
  async stop(graceMs: number): Promise<void> {
    await this.#turning.stop();
    const over = Promise.all(this.#attempts);
    await Promise.race([over, sleep(graceMs, undefined, { ref: false })]);
    for (const { abort } of this.#running.values()) abort.abort('stopping' satisfies Ending);
    await over;
  }

  /** True when there may be more to do at once. */
  async #turn(): Promise<boolean> {
    const { rows, runtime, owner, concurrency } = this.#parts;
    const tenants = await runtime.tenants.ids();
    await this.#disownOnce(tenants);
    // What was just asked for does not wait for this each time.
    if (performance.now() >= this.#nextLookAt) await this.#lookAround(tenants);
    const free = concurrency - this.#running.size;
    if (free <= 0) return false;
    const due = await rows.claimDue(tenants, owner, this.#rooms(free), free);
    for (const effect of due) this.#start(effect, () => this.#attempt(effect));
    await this.#housekeeping(tenants);
    return due.length > 0;
  }

  /** Before anything is begun: later it would take what runs here from itself. */
  async #disownOnce(tenants: readonly string[]): Promise<void> {
    if (this.#tookOver) return;
    const { rows, soleOwner } = this.#parts;
    if (soleOwner) await rows.disown(tenants);
    this.#tookOver = true;
  }

  /** What others did: cancellations, and what they left behind. */
  async #lookAround(tenants: readonly string[]): Promise<void> {
    const { rows, pollMs } = this.#parts;
    const at = performance.now();
    this.#nextLookAt = at + pollMs;
    this.cancel(await rows.cancelledAmong(tenants, [...this.#running.keys()]));
    if (at < this.#nextLeftAt) return;
    this.#nextLeftAt = at + leftEvery * pollMs;
    await this.#takeLeft(tenants);
  }

  /** Answers that were not told, leases that ran out. */
  async #takeLeft(tenants: readonly string[]): Promise<void> {
    const { rows, owner, soleOwner, concurrency } = this.#parts;
    for (const answer of await rows.untold(tenants, toldTogether.callsMax, this.#first && soleOwner))
      await this.#tell(answer);
    this.#first = false;
    const free = concurrency - this.#running.size;
    if (free <= 0) return;
    for (const effect of await rows.claimLapsed(tenants, owner, leaseMarginMs, free)) this.#takeOver(effect);
  }

  async #housekeeping(tenants: readonly string[]): Promise<void> {
    const { rows, owner, handlers, runtime } = this.#parts;
    const at = performance.now();
    if (at >= this.#nextUnknownAt) {
      for (const effect of await rows.claimUnknown(tenants, owner, [...handlers.keys()], unknownAfterMs)) {
        runtime.logger.error('nobody knows how to carry this effect out', { actor: effect.actor, eventId: effect.id });
        this.#start(effect, () => this.#settle(effect, failed('effect.source-unknown')));
      }
      this.#nextUnknownAt = at + unknownAfterMs;
    }
    if (at < this.#nextTidyAt) return;
    await rows.tidy(tenants);
    this.#nextTidyAt = at + tidyEveryMs;
  }

  #rooms(free: number) {
    const running = [...this.#running.values()];
    return [...this.#parts.handlers].flatMap(([source, handler]) => {
      const room = Math.min(free, handler.concurrency - running.filter((one) => one.source === source).length);
      return room > 0 ? [{ source, room, leaseMs: handler.timeoutMs + leaseMarginMs }] : [];
    });
  }

  /** Keeps an attempt among those that run. */
  #start(effect: ClaimedEffect, work: (abort: AbortController) => Promise<void>): void {
    const abort = new AbortController();
    // An attempt of ours that outlived its lease: what it comes to counts no more, so nobody need wait for it.
    this.cancel([effect.id]);
    const running = { source: effect.source, abort };
    this.#running.set(effect.id, running);
    const attempt = work(abort)
      .catch((caught: unknown) => {
        // Its lease runs out, and somebody takes it over.
        this.#parts.runtime.logger.warn('an effect could not be moved on', { eventId: effect.id, error: caught });
      })
      .finally(() => {
        if (this.#running.get(effect.id) === running) this.#running.delete(effect.id);
        this.#attempts.delete(attempt);
        this.wake();
      });
    this.#attempts.add(attempt);
  }

  /** Whoever claimed it is gone, and nobody knows how far it came. */
  #takeOver(effect: ClaimedEffect): void {
    const handler = this.#parts.handlers.get(effect.source);
    const again = handler?.repeatable === true;
    const result: Result = !again
      ? failed('effect.outcome-unknown')
      : effect.attempts >= handler.retryDelaysMs.length
        ? failed('effect.attempts-exhausted')
        : { to: 'back', delayMs: 0, countsAttempt: true };
    this.#start(effect, () => this.#settle(effect, result));
  }

  async #attempt(effect: ClaimedEffect): Promise<void> {
    const handler = this.#parts.handlers.get(effect.source);
    const running = this.#running.get(effect.id);
    if (handler === undefined || running === undefined) throw new Error('an effect runs without a handler');
    const ended = this.#parts.runtime.metrics.effectDuration.startTimer({ source: effect.source });
    const result = await this.#resultOf(effect, handler, running.abort);
    ended();
    if (result !== undefined) await this.#settle(effect, result);
  }

  /** Undefined when it was cancelled and nothing came of it. */
  async #resultOf(effect: ClaimedEffect, handler: EffectHandler, abort: AbortController): Promise<Result | undefined> {
    const timer = setTimeout(() => {
      abort.abort('timeout' satisfies Ending);
    }, handler.timeoutMs);
    const { signal } = abort;
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => {
        reject(new EffectFailure('effect.aborted'));
      });
    });
    aborted.catch(() => undefined);
    const { tenant, actor, id, revision, attempts } = effect;
    const began = performance.now();
    let requestHash: string | undefined;
    const went = (): Went =>
      requestHash === undefined
        ? {}
        : { call: { requestHash, attempts, latencyMs: Math.round(performance.now() - began) } };
    try {
      const input = await this.#inputOf(effect);
      if (input === undefined) return failed('person.erased');
      const request = JSON.stringify([effect.source, input.input]);
      requestHash = this.#parts.runtime.vault.index(tenant, 'effect-request', request);
      const call = { tenant, actor, effectId: id, revision, attempt: attempts, input: input.input, signal };
      // A handler that does not heed its signal holds nobody up.
      const output = await Promise.race([handler.run(call), aborted]);
      return { to: 'answer', outcome: 'done', output, ...went() };
    } catch (caught) {
      const ending = signal.aborted ? (signal.reason as Ending) : undefined;
      const result = this.#failureOf(effect, handler, caught, ending);
      return result?.to === 'answer' ? { ...result, ...went() } : result;
    } finally {
      clearTimeout(timer);
    }
  }

  #failureOf(
    effect: ClaimedEffect,
    handler: EffectHandler,
    caught: unknown,
    ending: Ending | undefined,
  ): Result | undefined {
    if (ending === 'cancelled') return undefined;
    if (ending !== undefined && !handler.repeatable) return failed('effect.outcome-unknown');
    if (ending === 'stopping') return { to: 'back', delayMs: 0, countsAttempt: false };
    if (caught instanceof OperatingError && caught.disposition === 'retry')
      return { to: 'back', delayMs: partAwayDelayMs, countsAttempt: false };
    const failure = ending === 'timeout' ? new EffectFailure('effect.timeout', { retry: true }) : caught;
    if (!(failure instanceof EffectFailure)) {
      const { tenant, actor, id, attempts } = effect;
      this.#parts.runtime.logger.error('an effect failed by a defect', {
        tenant,
        actor,
        eventId: id,
        attempt: attempts,
        error: caught,
      });
      return failed('internal');
    }
    const delayMs = failure.retry ? handler.retryDelaysMs[effect.attempts] : undefined;
    if (delayMs === undefined) return failed(failure.code);
    const spread = 1 + retrySpread * (2 * this.#parts.random() - 1);
    return { to: 'back', delayMs: Math.max(delayMs * spread, failure.afterMs ?? 0), countsAttempt: true };
  }

  /** What the machine gave; undefined when the person was erased. */
  async #inputOf({ tenant, actor, id, input }: ClaimedEffect): Promise<SealedEffectInput | undefined> {
    if (input === null) return { input: null };
    const where = { tenant, actor, type: 'effect.requested', eventId: id };
    const opened = await this.#parts.runtime.vault.open<SealedEffectInput>(where, input);
    return opened.state === 'erased' ? undefined : opened.value;
  }

  async #settle(effect: ClaimedEffect, result: Result): Promise<void> {
    const { rows, runtime } = this.#parts;
    if (result.to === 'back') {
      await rows.putBack(effect, Math.round(result.delayMs), result.countsAttempt);
      return;
    }
    const sealed = await this.#answerOf(effect, result);
    if ((sealed.output?.byteLength ?? 0) > outputBytesMax)
      return this.#settle(effect, failed('effect.output-too-large'));
    const { outcome, reason } = sealed;
    runtime.metrics.effects.inc({ source: effect.source, outcome: reason ?? outcome });
    const kept = await rows.answer(effect, sealed);
    if (kept === 'kept') await this.#tell(sealed);
    // It came off, and nobody waits for it: the actor's host writes that down.
    if (kept === 'cancelled' && outcome === 'done') await runtime.log.append([outgoing(completedOf(sealed))]);
  }

  async #answerOf(effect: ClaimedEffect, result: Extract<Result, { to: 'answer' }>): Promise<PendingAnswer> {
    const { outcome } = result;
    const answer: PendingAnswer = {
      tenant: effect.tenant,
      id: effect.id,
      actor: effect.actor,
      revision: effect.revision,
      outcome,
      reason: outcome === 'error' ? result.code : null,
      occurredAt: this.#parts.runtime.now(),
      output: null,
    };
    const value: SealedEffectOutput = {
      ...(outcome === 'done' ? { output: result.output ?? null } : { error: { code: result.code, message: '' } }),
      ...(result.call === undefined ? {} : { call: result.call }),
    };
    return { ...answer, output: await this.#sealed(answer, value) };
  }

  async #sealed(answer: PendingAnswer, value: SealedEffectOutput): Promise<Buffer | null> {
    const { vault } = this.#parts.runtime;
    const record = completedOf(answer);
    try {
      return await vault.seal(record, await this.#personOf(answer), answer.occurredAt, value);
    } catch (caught) {
      // Erased meanwhile: then nothing of it is kept.
      if (caught instanceof OperatingError && caught.code === 'vault.key-erased') return null;
      throw caught;
    }
  }

  /** Under whose keys an actor's records are sealed. */
  async #personOf({ tenant, actor }: PendingAnswer): Promise<string> {
    if (!actor.startsWith('c_')) return tenantSubject(tenant);
    return (await this.#parts.runtime.directory.read(tenant, actor))?.person ?? tenantSubject(tenant);
  }

  async #tellAll(answers: readonly PendingAnswer[]): Promise<readonly undefined[]> {
    await this.#parts.runtime.log.append(answers.map((answer) => outgoing(toldOf(answer))));
    await this.#parts.rows.told(answers);
    return answers.map(() => undefined);
  }
}

/** A notice has no machine that could be told: the audit is. */
const toldOf = (answer: PendingAnswer): EffectCompleted | AuditRecorded => {
  const { tenant, actor, id, revision, outcome, reason, occurredAt } = answer;
  if (!actor.startsWith('n_')) return completedOf(answer);
  const eventId = derivedId('e', tenant, actor, id);
  return auditRecord(causedBy({ tenant, actor, eventId: id, revision }, eventId, occurredAt), {
    action: outcome === 'done' ? 'notice.sent' : 'notice.failed',
    subject: id,
    outcome: reason,
  });
};

/** The record of an answer: the same however often it is made. */
function completedOf({
  tenant,
  actor,
  id,
  revision,
  outcome,
  reason,
  output,
  occurredAt,
}: PendingAnswer): EffectCompleted {
  const eventId = derivedId('e', tenant, actor, id);
  return {
    ...causedBy({ tenant, actor, eventId: id, revision }, eventId, occurredAt),
    type: 'effect.completed',
    effectId: id,
    outcome,
    reason,
    sealed: output,
  };
}
