/** All that is needed to ask models, opened. */
import type { Models } from '#runtime/models/models.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { OpenHandlers } from '../handlers.ts';
import { openKeptAnswers } from './kept-answers.ts';
import { proposeHandler } from './propose.ts';

/** The handler of `model.propose`. */
export function openModelHandlers(runtime: Runtime, models: Models): OpenHandlers {
  const propose = proposeHandler({
    runtime,
    models,
    kept: openKeptAnswers(runtime),
  });
  return { handlers: new Map([['model.propose', propose]]), close: () => Promise.resolve() };
}
