/** The rate windows that the configuration asks for. */
import type { Runtime } from '#runtime/runtime.ts';

import { openRedisWindows } from './adapters/redis-rate-windows.ts';
import { type RateWindows, processWindows } from './rate-windows.ts';

/** Shared through Redis when `REDIS_URL` is set, else of this process alone. The caller closes them. */
export function openRateWindows(
  { config, logger, metrics, now }: Pick<Runtime, 'config' | 'logger' | 'metrics' | 'now'>,
  owner: string,
): RateWindows {
  if (config.redis === undefined) return processWindows(now);
  const { url, keyPrefix } = config.redis;
  return openRedisWindows({
    url,
    keyPrefix,
    owner,
    now,
    changed(degraded) {
      metrics.sendLimitsDegraded.set(degraded ? 1 : 0);
      if (degraded) logger.warn('Redis is away: each sender keeps to its share of the limits');
      else logger.info('Redis is back: the limits are shared');
    },
  });
}
