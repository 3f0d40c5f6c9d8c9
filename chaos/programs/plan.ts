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

/** The process kills itself at a moment. */
export interface Crash {
  readonly point: CrashPoint;
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
  readonly without?: WithoutProtection;
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
