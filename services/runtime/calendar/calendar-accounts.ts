/** Keys of service accounts at Google: each tenant's own, sealed, or the installation's. */
import type { Database } from '../database/database.ts';
import { OperatingError } from '../errors.ts';
import { type Vault, tenantSubject } from '../vault/vault.ts';
import { type ServiceAccount, serviceAccountShape } from './adapters/google-token.ts';

/** Throws `database.unavailable`, `vault.unavailable`. */
export interface CalendarAccounts {
  /** The tenant's own, else the installation's; undefined when there is neither. Cached for a minute. */
  read(tenant: string): Promise<ServiceAccount | undefined>;
  /** Keeps a tenant's own. Idempotent. */
  keep(tenant: string, account: ServiceAccount, at: number): Promise<void>;
}

const cacheMs = 60_000;
const placeOfAccount = (tenant: string) => ({
  tenant,
  actor: tenantSubject(tenant),
  type: 'calendar.account',
  eventId: 'google',
});

/** Opens them. `common` is the installation's, as the file that Google gave says it; throws `config.invalid` when it does not. */
export function openCalendarAccounts(
  { database, vault, now }: { readonly database: Database; readonly vault: Vault; readonly now: () => number },
  common: string | undefined,
): CalendarAccounts {
  const cache = new Map<string, { readonly account: ServiceAccount | undefined; readonly until: number }>();

  const ofAll = common === undefined ? undefined : accountIn(common);

  const own = async (tenant: string): Promise<ServiceAccount | undefined> => {
    const found = await database.query<{ sealed: Buffer }>(
      [tenant],
      'SELECT sealed FROM calendar_accounts WHERE tenant = $1',
      [tenant],
    );
    const sealed = found.rows[0]?.sealed;
    if (sealed === undefined) return undefined;
    const opened = await vault.open<unknown>(placeOfAccount(tenant), sealed);
    return opened.state === 'open' ? serviceAccountShape.parse(opened.value) : undefined;
  };

  return {
    async read(tenant) {
      const known = cache.get(tenant);
      if (known !== undefined && known.until > now()) return known.account;
      const account = (await own(tenant)) ?? ofAll;
      cache.set(tenant, { account, until: now() + cacheMs });
      return account;
    },

    async keep(tenant, account, at) {
      const sealed = await vault.seal(placeOfAccount(tenant), tenantSubject(tenant), at, account);
      await database.query(
        [tenant],
        `INSERT INTO calendar_accounts (tenant, sealed, updated_at) VALUES ($1, $2, $3)
         ON CONFLICT (tenant) DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at`,
        [tenant, sealed, new Date(at)],
      );
      cache.delete(tenant);
    },
  };
}

function accountIn(text: string): ServiceAccount {
  try {
    return serviceAccountShape.parse(JSON.parse(text));
  } catch {
    // Neither says what was given: it is a secret.
    throw new OperatingError('config.invalid', 'GOOGLE_SERVICE_ACCOUNT is not the key of a service account');
  }
}
