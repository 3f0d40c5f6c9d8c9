/**
 * A process of Prosa: how it starts, how it ends. One signal drains and exits 0, a second one forces;
 * what it refuses to start for is said in one line.
 */
import { type Config, readConfig, startedByLauncher } from './config.ts';
import type { ServiceRole } from './database/database.ts';
import { OperatingError } from './errors.ts';
import { type Logger, createLogger } from './logger.ts';
import { openPlatform } from './platform.ts';
import type { RunningService, Runtime } from './runtime.ts';

/**
 * Signals closer together than this are one: Ctrl-C reaches the program from the terminal, and again
 * from npm and the launcher, which forward it.
 */
const onePressMs = 400;

/** A drain that takes longer is cut, so that the process is gone within ten seconds. */
const drainMsMax = 9_000;

const exitCodeForced = 130;
const exitCodeRefused = 1;

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
  // A launcher that was killed before this line has left no channel to notice it by.
  if (startedByLauncher() && !process.connected) process.exit(exitCodeForced);
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

/** Runs a program's main function; what it throws ends the process with a line on stderr. */
export async function runMain(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (caught) {
    // What is expected is said in one line; a defect shows where it is.
    const line = caught instanceof OperatingError ? caught.message : caught instanceof Error ? caught.stack : undefined;
    process.stderr.write(`prosa: ${line ?? 'unknown failure'}\n`);
    process.exit(exitCodeRefused);
  }
}

/** Ends the process when one of its services stopped by itself: an orchestrator restarts it whole. */
export function stopWhenOneEnds(logger: Logger, services: readonly RunningService[]): void {
  for (const service of services) {
    service.finished.catch((caught: unknown) => {
      logger.error('a service stopped by itself', { part: service.name, error: caught });
      process.exit(exitCodeRefused);
    });
  }
}

/** Runs one service as a process of its own, on the broker and the Postgres that are configured. */
export async function runService(
  name: string,
  role: ServiceRole,
  start: (runtime: Runtime, config: Config) => Promise<RunningService>,
): Promise<void> {
  await runMain(async () => {
    const config = readConfig();
    if (config.databaseUrl === undefined)
      throw new OperatingError('config.invalid', `${name} as a process of its own needs DATABASE_URL`);
    const logger = createLogger(config.logLevel, name);
    const platform = await openPlatform(config, logger, { setUp: false });
    const service = await start(platform.runtime(role, name), config);
    drainOnSignal(logger, async () => {
      await service.stop();
      await platform.close();
    });
    stopWhenOneEnds(logger, [service]);
    process.stdout.write(
      `${JSON.stringify({ event: 'ready', service: name, ...(service.url === undefined ? {} : { url: service.url }) })}\n`,
    );
  });
}
