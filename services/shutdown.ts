/**
 * Ending a process: one signal drains and exits 0, a second one forces.
 */
import type { Logger } from '#runtime/logger.ts';

/**
 * Signals closer together than this are one: Ctrl-C reaches the program from the terminal, and again
 * from npm and the launcher, which forward it.
 */
const onePressMs = 400;

/** A drain that takes longer is cut, so that the process is gone within ten seconds. */
const drainMsMax = 9_000;

const exitCodeForced = 130;

/**
 * Calls `drain` at the first SIGTERM or SIGINT, then ends the process. When the launcher that started
 * this process is killed, the process ends at once, as it would have if it had been killed itself.
 */
export function drainOnSignal(logger: Logger, drain: () => Promise<void>): void {
  let firstAt: number | undefined;
  const onSignal = (): void => {
    const at = Date.now();
    if (firstAt === undefined) {
      firstAt = at;
      void end(logger, drain);
    } else if (at - firstAt > onePressMs) process.exit(exitCodeForced);
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
  process.on('SIGHUP', onSignal);
  if (process.connected) {
    process.channel?.unref();
    process.on('disconnect', () => {
      if (firstAt === undefined) process.exit(exitCodeForced);
    });
  }
}

async function end(logger: Logger, drain: () => Promise<void>): Promise<void> {
  logger.info('draining');
  const cut = setTimeout(() => {
    logger.error('the drain took too long and was cut', { durationMs: drainMsMax });
    process.exit(1);
  }, drainMsMax);
  cut.unref();
  try {
    await drain();
    logger.info('drained');
    process.exit(0);
  } catch (caught) {
    logger.error('the drain failed', { error: caught });
    process.exit(1);
  }
}
