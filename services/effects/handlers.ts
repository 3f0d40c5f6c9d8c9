/** Every handler of the program, opened. What actors can ask for is what is gathered here. */
import { openTenantCalendar } from '#runtime/calendar/tenant-calendar.ts';
import { openModels } from '#runtime/models/models.ts';
import type { Runtime } from '#runtime/runtime.ts';

import { openCalendarHandlers } from './calendar/handlers.ts';
import type { EffectsOptions } from './effects.ts';
import { openInformation } from './information/handlers.ts';
import { openInstanceCare } from './instances/care.ts';
import { openMail } from './mail/handlers.ts';
import { openMediaReading } from './media-reading/handlers.ts';
import { openModelHandlers } from './model/handlers.ts';
import { openParticipantHandlers } from './participants/handlers.ts';

/** Handlers by source, and what closes what they hold open. */
export type OpenHandlers = Required<Pick<EffectsOptions, 'handlers' | 'close'>>;

/** Opens them all. `ingestUrl` is asked at each call: a port may not be known before. */
export function openHandlers(runtime: Runtime, ingestUrl: () => string): OpenHandlers {
  const models = openModels(runtime);
  const calendar = openTenantCalendar(runtime);
  return gathered([
    openInstanceCare(runtime, ingestUrl),
    openMail(runtime, calendar),
    openModelHandlers(runtime, models),
    openMediaReading(runtime, models),
    openInformation(runtime),
    openCalendarHandlers(runtime, calendar),
    openParticipantHandlers(runtime),
  ]);
}

/** Many as one. Throws when two answer to one source. */
function gathered(parts: readonly OpenHandlers[]): OpenHandlers {
  const entries = parts.flatMap(({ handlers }) => [...handlers]);
  const handlers = new Map(entries);
  if (handlers.size !== entries.length) throw new Error('two handlers answer to one source');
  return {
    handlers,
    close: async () => {
      await Promise.all(parts.map((part) => part.close()));
    },
  };
}
