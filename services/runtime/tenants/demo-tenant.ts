/** The tenant that development makes by itself, and its API key. */
import { hkdfSync } from 'node:crypto';

import type { TenantKeys } from '../vault/key-file.ts';

/** Its id. */
export const demoTenant = 'demo';

/**
 * Its API key, and the secret in it: derived from the tenant's key, so that it is the same at every start
 * and kept nowhere in plain. Whoever may read the key file may know it. Throws `vault.key-wrong`.
 */
export function demoApiKey(keys: TenantKeys): { readonly key: string; readonly secret: string } {
  const derived = hkdfSync('sha256', keys.keyOf(demoTenant), '', 'prosa/demo-api-key', 32);
  const secret = Buffer.from(derived).toString('base64url');
  return { key: `prosa_${secret}`, secret };
}
