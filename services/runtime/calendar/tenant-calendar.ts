/** The calendar of an installation: Postgres, and Google by each tenant's own account or by the installation's. */
import type { Runtime } from '../runtime.ts';
import { openGoogleCalendar } from './adapters/google-calendar.ts';
import { openCalendarAccounts } from './calendar-accounts.ts';
import { type Calendar, openCalendar } from './calendar.ts';

/** Opens it; connects at the first call. Throws `config.invalid`. */
export function openTenantCalendar(runtime: Pick<Runtime, 'config' | 'database' | 'now' | 'vault'>): Calendar {
  const accounts = openCalendarAccounts(runtime, runtime.config.googleServiceAccount);
  const outside = openGoogleCalendar({ accountOf: (tenant) => accounts.read(tenant), now: runtime.now });
  return openCalendar({ ...runtime, outside });
}
