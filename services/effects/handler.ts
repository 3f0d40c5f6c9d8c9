/** What carries out the effects of one source, and how it says that it could not. */

/** An effect to be carried out. */
export interface EffectCall {
  readonly tenant: string;
  /** Who asked: a conversation or an instance. */
  readonly actor: string;
  /** The same at every attempt: what must happen once is known by it. */
  readonly effectId: string;
  /** Configuration revision of the asker. */
  readonly revision: string | null;
  /** From 1. */
  readonly attempt: number;
  /** As the machine gave it. */
  readonly input: unknown;
  /** Aborted when nobody waits any more: its time is over, it was cancelled, or the process ends. */
  readonly signal: AbortSignal;
}

/** The handler of one source. */
export interface EffectHandler {
  /** One attempt. Milliseconds. */
  readonly timeoutMs: number;
  /** Before the first, second, … attempt; its length is the number of attempts. */
  readonly retryDelaysMs: readonly number[];
  /** Most at a time in a process. */
  readonly concurrency: number;
  /**
   * Whether it may be carried out again where nobody knows if it was (the process died meanwhile). Where
   * not, the actor is told `effect.outcome-unknown`.
   */
  readonly repeatable: boolean;
  /** Resolves with what the actor is told, plain JSON. Throws `EffectFailure`; anything else is a defect, or a part of ours that is away. */
  run(call: EffectCall): Promise<unknown>;
}

/** An effect that did not come off. The message is for nobody; the code is stable. */
export class EffectFailure extends Error {
  override readonly name = 'EffectFailure';
  readonly code: string;
  /** Whether another attempt may go better; not before `afterMs`, when it is known. */
  readonly retry: boolean;
  readonly afterMs: number | undefined;

  constructor(code: string, { retry = false, afterMs }: { readonly retry?: boolean; readonly afterMs?: number } = {}) {
    super(code);
    this.code = code;
    this.retry = retry;
    this.afterMs = afterMs;
  }
}
