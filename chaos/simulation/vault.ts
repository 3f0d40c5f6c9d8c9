/** Vault and tenants in memory: nothing is secret, but what was changed or moved does not open. */
import { crc32 } from 'node:zlib';

import { OperatingError } from '#runtime/errors.ts';
import { derivedId } from '#runtime/records.ts';
import type { Configuration, Tenants } from '#runtime/tenants/tenants.ts';
import type { Opened, SealedIn, Vault } from '#runtime/vault/vault.ts';

const headBytes = 5;

/** Seals: the same value in the same place gives the same bytes. */
export function sealPlain({ tenant, actor, type, eventId }: SealedIn, value: unknown): Buffer {
  const body = Buffer.from(JSON.stringify(value));
  const bytes = Buffer.allocUnsafe(headBytes + body.length);
  bytes[0] = 1;
  bytes.writeUInt32BE(crc32(body, crc32(`${tenant}/${actor}/${type}/${eventId}`)), 1);
  body.copy(bytes, headBytes);
  return bytes;
}

/** What `sealPlain` sealed. Throws `vault.tampered`. */
export function openPlain<T>({ tenant, actor, type, eventId }: SealedIn, sealed: Uint8Array): T {
  const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
  const body = bytes.subarray(headBytes);
  const sound =
    bytes.length >= headBytes &&
    bytes.readUInt32BE(1) === crc32(body, crc32(`${tenant}/${actor}/${type}/${eventId}`)) &&
    bytes[0] === 1;
  if (!sound) throw new OperatingError('vault.tampered');
  return JSON.parse(body.toString()) as T;
}

/** The vault. */
export const plainVault: Vault = {
  seal: (where, _person, _at, value) => Promise.resolve(sealPlain(where, value)),
  open: <T>(where: SealedIn, sealed: Uint8Array): Promise<Opened<T>> =>
    new Promise((resolve) => {
      resolve({ state: 'open', value: openPlain<T>(where, sealed) });
    }),
  prefetch: () => Promise.resolve(),
  index: (tenant, purpose, value) => derivedId('x', tenant, purpose, value),
};

/** Tenants that have one configuration. */
export const tenantsWith = (configuration: Configuration, revision: string): Tenants => ({
  ids: () => Promise.resolve(['t']),
  currentRevision: () => Promise.resolve(revision),
  configuration: () => Promise.resolve(configuration),
  configure: () => Promise.resolve(revision),
  requireCurrent: () => Promise.resolve(),
  configuredBy: () => Promise.resolve(null),
  create: () => Promise.resolve(),
});
