/** The window of duplicates that the configuration asks for. */
import type { Runtime } from '#runtime/runtime.ts';

import { openRedisWindow } from './adapters/redis-window.ts';
import { type DuplicateWindow, processWindow } from './duplicate-window.ts';

/** Shared through Redis when `REDIS_URL` is set, else of this process alone. The caller closes it. */
export function openDuplicateWindow({
  config,
  logger,
  metrics,
  now,
}: Pick<Runtime, 'config' | 'logger' | 'metrics' | 'now'>): DuplicateWindow {
  if (config.redis === undefined) return processWindow(now);
  return openRedisWindow(config.redis, now, (degraded) => {
    metrics.ingestWindowDegraded.set(degraded ? 1 : 0);
    if (degraded) logger.warn('Redis is away: the window of duplicates is this process alone');
    else logger.info('Redis is back: the window of duplicates is shared');
  });
}
