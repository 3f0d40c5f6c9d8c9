/**
 * Redis as a part that may be away: what goes through it has another way, and nobody waits for it long.
 *
 * Owns: one connection, made in the background and again after it broke; whether Redis answered last.
 *
 * O1 Nothing here throws: what Redis did not do is `undefined`. It may have done it all the same.
 * O2 One that hangs costs one wait, not one per question: after a failure it is left alone for a while.
 */
import { Redis } from 'ioredis';

const connectTimeoutMs = 1_000;
const reconnectDelayMsMax = 2_000;

/** For so long Redis is left alone after a failure (O2). */
const restMs = 1_000;

/** How to reach it, and for how long to wait. */
export interface OptionalRedisOptions {
  readonly url: string;
  /** Before all keys. */
  readonly keyPrefix: string;
  readonly commandTimeoutMs: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** Told whenever Redis is away (true) or answers again. */
  readonly changed: (degraded: boolean) => void;
  /** Lua by name, for `run`. */
  readonly scripts?: Readonly<Record<string, string>>;
}

/** A Redis that may be away. */
export interface OptionalRedis {
  /** What `attempt` works with; by itself it throws when Redis is away. */
  readonly client: Redis;
  /** Runs one of the scripts; for `attempt` too. */
  run(script: string, keys: readonly string[], values: readonly (string | number)[]): Promise<unknown>;
  /** The result of some commands; undefined when Redis did not answer, or is left alone now. */
  attempt<T>(work: () => Promise<T>): Promise<T | undefined>;
  /** True while it is left alone after a failure. */
  resting(): boolean;
  /** True while it did not answer when it was asked last. */
  degraded(): boolean;
  /** Idempotent. */
  close(): void;
}

/** Under this name the client has a script: none of its own is hidden. */
const commandOf = (script: string): string => `script:${script}`;

type Command = (...values: readonly (string | number)[]) => Promise<unknown>;

/** Opens it. Connects in the background. */
export function openOptionalRedis(options: OptionalRedisOptions): OptionalRedis {
  const { now, changed, scripts = {} } = options;
  const client = new Redis(options.url, {
    keyPrefix: options.keyPrefix,
    connectTimeout: connectTimeoutMs,
    commandTimeout: options.commandTimeoutMs,
    maxRetriesPerRequest: 0,
    // Without a connection commands fail at once instead of waiting for one.
    enableOfflineQueue: false,
    autoResubscribe: false,
    retryStrategy: (attempt) => Math.min(100 * attempt, reconnectDelayMsMax),
    scripts: Object.fromEntries(Object.entries(scripts).map(([name, lua]) => [commandOf(name), { lua }])),
  });
  // Without a listener the client writes to the console.
  client.on('error', () => undefined);
  let isDegraded = false;
  let restUntil = 0;

  const setDegraded = (degraded: boolean): void => {
    if (degraded === isDegraded) return;
    isDegraded = degraded;
    changed(degraded);
  };

  const resting = (): boolean => restUntil > now();

  return {
    client,
    run(script, keys, values) {
      // As ioredis defines it: its types know no commands of ours.
      const defined = (client as unknown as Record<string, Command | undefined>)[commandOf(script)];
      if (defined === undefined) throw new Error(`there is no script ${script}`);
      return defined.call(client, keys.length, ...keys, ...values);
    },
    resting,
    degraded: () => isDegraded,
    async attempt(work) {
      if (resting()) return undefined;
      try {
        const result = await work();
        setDegraded(false);
        return result;
      } catch {
        restUntil = now() + restMs;
        setDegraded(true);
        return undefined;
      }
    },
    close: () => client.disconnect(),
  };
}
