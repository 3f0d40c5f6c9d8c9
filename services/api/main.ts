/** The API as a process of its own. */
import { findMachine } from '#machines/registry.ts';
import { OperatingError } from '#runtime/errors.ts';
import { createHttpServer, serve } from '#runtime/http.ts';
import { runService } from '#runtime/process.ts';
import { openSimulatorPhone } from '#runtime/simulator/simulator-phone.ts';

import { openRedisProbe } from './adapters/redis-probe.ts';
import { apiRoutes } from './routes.ts';

/** Largest body of an API call. */
const bodyBytesMax = 1_048_576;

await runService('api', 'prosa_api', async (runtime, config) => {
  const { ingestUrl } = config;
  if (ingestUrl === undefined)
    throw new OperatingError('config.invalid', 'the API as a process of its own needs PROSA_INGEST_URL');
  const server = createHttpServer({ logger: runtime.logger, bodyBytesMax });
  let draining = false;
  const probe = openRedisProbe(config.redis);
  apiRoutes(server, runtime, {
    find: findMachine,
    phone: openSimulatorPhone(runtime.database, runtime.vault),
    ingestUrl: () => ingestUrl,
    ...(probe === undefined ? {} : { redis: probe }),
    draining: () => draining,
  });
  const service = await serve('api', server, config, runtime.logger, () => {
    probe?.close();
    return Promise.resolve();
  });
  return {
    ...service,
    stop: () => {
      draining = true;
      return service.stop();
    },
  };
});
