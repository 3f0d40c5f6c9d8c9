/**
 * Tenant keys from a file: `{"tenants": {"<tenant id>": "<base64 of 32 random bytes>"}}`.
 *
 * The file is the one thing that must be kept safe apart from the databases: without it nothing
 * sealed opens, and destroying a tenant's line in it destroys all of that tenant's content.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

import { z } from 'zod';

import { OperatingError } from '../errors.ts';

/** Where tenant keys come from; a key management service would be another one. */
export interface TenantKeys {
  /** 32 bytes. Throws `vault.key-wrong` when the tenant has none. */
  keyOf(tenant: string): Buffer;
}

const keyBytes = 32;
const fileShape = z.object({ tenants: z.record(z.string(), z.string()) });

/** Reads a key file once. Throws `config.invalid` when it is unreadable or a key has the wrong size. */
export function openKeyFile(path: string): TenantKeys {
  const keys = new Map<string, Buffer>();
  for (const [tenant, text] of Object.entries(read(path).tenants)) {
    const key = Buffer.from(text, 'base64');
    if (key.length !== keyBytes)
      throw new OperatingError('config.invalid', `key file: the key of ${tenant} is not ${keyBytes} bytes`);
    keys.set(tenant, key);
  }
  return {
    keyOf(tenant) {
      const key = keys.get(tenant);
      if (key === undefined) throw new OperatingError('vault.key-wrong', `Tenant ${tenant}.`);
      return key;
    },
  };
}

/** Makes sure that the file has a key for each tenant; makes the file and missing keys. For development set-up. */
export function provisionKeyFile(path: string, tenants: readonly string[]): void {
  const file = existsSync(path) ? read(path) : { tenants: {} };
  const missing = tenants.filter((tenant) => file.tenants[tenant] === undefined);
  if (missing.length === 0) return;
  for (const tenant of missing) file.tenants[tenant] = randomBytes(keyBytes).toString('base64');
  // Written beside and renamed, so that a crash never leaves half a key file.
  const beside = `${path}.new`;
  writeFileSync(beside, `${JSON.stringify(file, null, 2)}\n`, { mode: 0o600, flush: true });
  renameSync(beside, path);
}

function read(path: string): z.infer<typeof fileShape> {
  try {
    return fileShape.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (caught) {
    throw new OperatingError('config.invalid', 'the key file cannot be read', caught);
  }
}
