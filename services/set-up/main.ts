/**
 * The set-up service: runs once before the others and after each upgrade, and ends. Brings Postgres,
 * topics, consumer groups and the schema registry to this release; in development it makes the demo
 * tenant and says on stdout how to use it. Idempotent.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { type Config, readConfig } from '#runtime/config.ts';
import { dispositionOf } from '#runtime/errors.ts';
import { type Logger, createLogger } from '#runtime/logger.ts';
import { openPlatform } from '#runtime/platform.ts';
import { runMain } from '#runtime/process.ts';
import { registerSchemas } from '#runtime/registry/register-schemas.ts';

import { provideDemo } from '../demo.ts';

/** A registry may start later than we do. */
const registryPatienceMs = 60_000;
const registryPauseMs = 2_000;

await runMain(async () => {
  const config = readConfig();
  const logger = createLogger(config.logLevel, 'set-up');
  await register(config, logger);
  const platform = await openPlatform(config, logger, { setUp: true });
  try {
    const demo =
      config.mode === 'development'
        ? await provideDemo(platform.runtime('prosa_api', 'set-up'), platform.tenantKeys)
        : {};
    logger.info('set up');
    process.stdout.write(`${JSON.stringify({ event: 'set-up', ...demo })}\n`);
  } finally {
    await platform.close();
  }
});

/** Before anything else is changed: an incompatible schema must stop the deployment. */
async function register({ schemaRegistryUrl: url }: Config, logger: Logger): Promise<void> {
  if (url === undefined) return;
  const until = Date.now() + registryPatienceMs;
  for (;;) {
    try {
      const { registered, verified } = await registerSchemas({ url });
      logger.info('schemas are at the registry', { count: registered + verified });
      return;
    } catch (caught) {
      if (dispositionOf(caught) !== 'retry' || Date.now() > until) throw caught;
      logger.warn('the registry is not there yet', { error: caught });
      await sleep(registryPauseMs);
    }
  }
}
