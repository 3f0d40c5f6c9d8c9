/**
 * The set-up service: runs once before the others and after each upgrade, and ends. Brings Postgres,
 * topics, consumer groups and the schema registry to this release; in development it makes the demo
 * tenant and says on stdout how to use it. Idempotent.
 */
import { readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';
import { openPlatform } from '#runtime/platform.ts';
import { runMain } from '#runtime/process.ts';

import { provideDemo } from '../demo.ts';

await runMain(async () => {
  const config = readConfig();
  const logger = createLogger(config.logLevel, 'set-up');
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
