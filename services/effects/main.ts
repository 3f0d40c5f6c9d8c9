/** The effects service as a process of its own. */
import { OperatingError } from '#runtime/errors.ts';
import { runService } from '#runtime/process.ts';

import { startEffects } from './effects.ts';
import { openInstanceCare } from './instances/care.ts';

await runService('effects', 'prosa_worker', (runtime, { ingestUrl }) => {
  if (ingestUrl === undefined)
    throw new OperatingError('config.invalid', 'effects as a process of its own needs PROSA_INGEST_URL');
  return startEffects(
    runtime,
    openInstanceCare(runtime, () => ingestUrl),
  );
});
