/** What a program of a chaos run is told: the first line of its standard input, and the lines after it. */
import type { CommitPoint } from '#runtime/log/adapters/kafka/seam.ts';

/** Services that a program can run. */
export const serviceNames = [
  ...['ingest', 'conversation', 'timers', 'sender'],
  ...['projection', 'effects', 'media', 'webhooks'],
] as const;
export type ServiceName = (typeof serviceNames)[number];

/** Named moments of the commit of a slice, in their order. The last four are Kafka's alone. */
export const crashPoints = [
  'transition',
  'snapshot-written',
  'begun',
  'appended',
  'offset-moved',
  'commit-sent',
  'commit-acknowledged',
] as const satisfies readonly (CommitPoint | 'transition' | 'snapshot-written' | 'commit-acknowledged')[];
export type CrashPoint = (typeof crashPoints)[number];

/** Named moments of an effect of the product's, in their order. */
export const effectPoints = ['claimed', 'carried-out', 'answer-kept', 'answer-told'] as const;
export type EffectPoint = (typeof effectPoints)[number];

/** Told of every moment, and of the sources of the effects that it is about; may never return. */
export type Reached = (point: CrashPoint | EffectPoint, sources?: readonly string[]) => Promise<void>;

/** The process kills itself at a moment. */
export interface Crash {
  readonly point: CrashPoint | EffectPoint;
  /** Only where the moment is about an effect of this source: it is carried out, or the commit asks for it. */
  readonly source?: string;
  /** Times that it passes the point before. */
  readonly after: number;
  /** Milliseconds from the moment to the kill. */
  readonly delayMs: number;
}

/** Protections of the Kafka adapter that can be taken out. */
export interface WithoutProtection {
  readonly withoutFence?: boolean;
  readonly withoutGenerationCheck?: boolean;
  readonly withoutRereadAfterFence?: boolean;
}

/** The first line. */
export interface ProgramPlan {
  readonly services: readonly ServiceName[];
  /** Added to the clock, milliseconds. */
  readonly clockOffsetMs: number;
  /** Versions of the machine that it has. */
  readonly versions: readonly string[];
  /** The product's own machines and effects in place of those that can be predicted. */
  readonly product?: boolean;
  readonly without?: WithoutProtection;
  /** In place of the configured one, which is no shorter than every broker takes. */
  readonly sessionTimeoutMs?: number;
  readonly seed: number;
}

/** A later line; what is not named stays as it is. */
export interface ProgramOrder {
  readonly clockOffsetMs?: number;
  readonly crash?: Crash;
  /** The next slice is held up at a moment, once. */
  readonly hold?: { readonly point: CrashPoint; readonly ms: number };
  /** The process "hangs" towards its group: no heartbeat is sent, and its absence is not noticed. */
  readonly heartbeatsStopped?: boolean;
  /** Milliseconds for which a new owner waits before it fences. */
  readonly slowFenceMs?: number;
}
