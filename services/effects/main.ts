/** The effects service as a process of its own. */
import { OperatingError } from '#runtime/errors.ts';
import { runService } from '#runtime/process.ts';

import { startEffects } from './effects.ts';
import { openHandlers } from './handlers.ts';

await runService('effects', 'prosa_worker', (runtime, { ingestUrl }) => {
  if (ingestUrl === undefined)
    throw new OperatingError('config.invalid', 'effects as a process of its own needs PROSA_INGEST_URL');
  return startEffects(
    runtime,
    openHandlers(runtime, () => ingestUrl),
  );
});
