/** The ingest service as a process of its own. */
import { createHttpServer, serve } from '#runtime/http.ts';
import { runService } from '#runtime/process.ts';

import { openDuplicateWindow } from './open-window.ts';
import { bodyBytesMax, ingestRoutes } from './routes.ts';

await runService('ingest', 'prosa_ingest', async (runtime, config) => {
  const window = openDuplicateWindow(runtime);
  const server = createHttpServer({ logger: runtime.logger, bodyBytesMax });
  ingestRoutes(server, runtime, window);
  // What an orchestrator asks. In `npm start` the server is shared, and the API's probes are on it.
  server.get('/livez', async () => ({ status: 'alive' }));
  return serve('ingest', server, config, runtime.logger, () => window.close());
});
