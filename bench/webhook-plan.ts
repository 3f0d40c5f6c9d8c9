/** What the load process is told and what it tells back: JSON lines on its standard input and output. */

/** Webhooks that are sent one after the other's answer, so many at a time. */
export interface ClosedLoop {
  readonly kind: 'closed';
  readonly inFlight: number;
  readonly seconds: number;
  /** Ends earlier when so many were sent. */
  readonly requestsMax: number;
}

/** Webhooks that are sent at fixed times, whatever the answers do. */
export interface OpenLoop {
  readonly kind: 'open';
  readonly perSecond: number;
  readonly requests: number;
}

/** One phase of a load: messages go round the chats. */
export interface Phase {
  readonly name: string;
  readonly loop: ClosedLoop | OpenLoop;
  /** Said by a chat in each round of the phase; the last is repeated. */
  readonly texts: readonly string[];
}

/** A whole load. */
export interface LoadPlan {
  /** `http://127.0.0.1:1234`; only loopback is taken. */
  readonly origin: string;
  readonly path: string;
  /** The instance's, for the signatures. */
  readonly secret: string;
  readonly chats: number;
  readonly phases: readonly Phase[];
}

/** What became of a phase. Latencies in milliseconds, in an open loop from the time a webhook was due. */
export interface PhaseReport {
  readonly name: string;
  readonly sent: number;
  /** Answered 200 with the one message as accepted. */
  readonly accepted: number;
  /** Answers of other kinds by status; 0 is none. */
  readonly refused: Readonly<Record<string, number>>;
  readonly seconds: number;
  readonly latencies: readonly number[];
  /** In an open loop: chat and time (epoch milliseconds) at which each webhook was due, in order. */
  readonly due: readonly (readonly [chat: number, at: number])[];
}

const firstNumber = 5_511_900_000_000;

/** Chat address of the chat of that index, as WAHA names it. Invented numbers. */
export const chatAddress = (chat: number): string => `${firstNumber + chat}@c.us`;
