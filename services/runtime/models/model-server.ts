/**
 * Servers of models with an OpenAI-compatible API: what is asked of them, and how they fail.
 *
 * What is asked may hold what a person said: it is in no error, log line or label.
 */

/** A model at a server. */
export interface ModelEndpoint {
  /** Without a slash at the end, with the path of the version: `https://api.openai.com/v1`. */
  readonly baseUrl: string;
  readonly model: string;
  /** Presented there; undefined where none is needed. */
  readonly apiKey: string | undefined;
}

/** A tool that a model may call. */
export interface OfferedTool {
  readonly name: string;
  readonly description: string;
  /** JSON Schema, strict: every property required, none besides. */
  readonly parameters: Readonly<Record<string, unknown>>;
}

/** What a model is asked. */
export interface ChatRequest {
  readonly system: string;
  readonly user: string;
  /** `data:` URL of a picture that goes with it. */
  readonly image?: string;
  /** It has to call one of these; without any it answers in words. */
  readonly tools: readonly OfferedTool[];
  readonly outputTokensMax: number;
}

/** What a model answered. Nothing of it is trusted. */
export interface ChatAnswer {
  /** In the order in which they were begun. Arguments as text, whatever they are. */
  readonly calls: readonly { readonly name: string; readonly arguments: string }[];
  readonly text: string;
  /** Undefined when the server does not count. */
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number } | undefined;
  /** What it was asked with, besides words, tools and pictures; without what the server does not take. */
  readonly parameters: ModelParameters;
}

/** Parameters of a call, by the names that the API has for them. */
export type ModelParameters = Readonly<Record<string, string | number | boolean>>;

/** Sound to be written down. */
export interface SpeechRequest {
  readonly content: Uint8Array;
  readonly mimetype: string;
  /** ISO 639-1, such as "pt"; a hint. */
  readonly language: string | undefined;
}

/** Bounds of one call. Milliseconds and bytes. */
export interface CallBounds {
  /** Until the first byte of the answer's content. */
  readonly firstByteMs: number;
  /** Longest silence after it. */
  readonly idleMs: number;
  /** Of the answer; what is beyond is not read, and the answer ends there. */
  readonly bytesMax: number;
}

/** Why there is no answer. Stable. */
export type ModelFailure =
  /** It may work at another moment, or elsewhere. */
  | 'timeout'
  | 'connection'
  | 'server'
  | 'rate-limited'
  /** Whoever has the key has no credit left. */
  | 'spent'
  /** The key is not taken, or there is no such model. */
  | 'denied'
  /** The server will not answer this, however often it is asked. */
  | 'refused'
  /** What came is no answer. */
  | 'unreadable'
  /** Not asked: it has failed too often just now. */
  | 'breaker-open'
  /** Not asked: it might cost more than may be spent. */
  | 'over-budget';

/** A call without an answer. */
export class ModelError extends Error {
  override readonly name = 'ModelError';
  readonly failure: ModelFailure;
  /** How long the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;

  constructor(failure: ModelFailure, retryAfterMs?: number) {
    super(failure);
    this.failure = failure;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Any such server. One call, no repetition. Throws `ModelError`. */
export interface ModelServer {
  chat(endpoint: ModelEndpoint, request: ChatRequest, bounds: CallBounds, signal: AbortSignal): Promise<ChatAnswer>;
  /** Resolves with the text, which may be empty. */
  transcribe(endpoint: ModelEndpoint, request: SpeechRequest, bounds: CallBounds, signal: AbortSignal): Promise<string>;
}
