/** Whether Redis answers, for health. */
import { Redis } from 'ioredis';

const commandTimeoutMs = 1_000;
const reconnectDelayMs = 1_000;

/** A connection that is only asked whether it is alive. */
export interface RedisProbe {
  /** Resolves when Redis answered; rejects otherwise, within a second. */
  ping(): Promise<unknown>;
  /** Idempotent. */
  close(): void;
}

/** Opens a probe; undefined when no Redis is configured. Connects in the background. */
export function openRedisProbe(redis: { readonly url: string } | undefined): RedisProbe | undefined {
  if (redis === undefined) return undefined;
  const client = new Redis(redis.url, {
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    retryStrategy: () => reconnectDelayMs,
  });
  // Without a listener the client writes to the console; whether it is there is said by `ping`.
  client.on('error', () => undefined);
  return {
    ping: () => client.ping(),
    close: () => {
      client.disconnect();
    },
  };
}
