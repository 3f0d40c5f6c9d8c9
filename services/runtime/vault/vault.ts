/**
 * The vault: personal data on an immutable log.
 *
 * Owns: data keys (one per person and calendar month, wrapped by a key of the tenant that never is
 * in Postgres), sealing and opening, the keyed index by which sealed columns are looked up.
 *
 * V1 A sealed value opens only for the tenant, actor, record type and event id it was sealed for.
 * V2 A key that was erased stays a row; nothing makes a new key under its id, and a person whose newest key was erased
 *    gets no other one: who returns after an erasure is a new person.
 * V3 A key store that cannot be reached is `vault.unavailable` (retry), never "erased".
 * V4 An unwrapped key is kept in memory for `keyCacheMs` at most, so that an erasure takes hold.
 */

import type { Chunks } from './frames.ts';

/** What a sealed value belongs to; part of the authenticated data. */
export interface SealedIn {
  readonly tenant: string;
  readonly actor: string;
  readonly type: string;
  readonly eventId: string;
}

/** A person's content, or the mark of what was erased. */
export type Opened<T> = { readonly state: 'open'; readonly value: T } | { readonly state: 'erased' };

/** Seals and opens. All methods throw `vault.unavailable` when the key store is needed and away. */
export interface Vault {
  /**
   * Seals a value as JSON under the key of `person` for the month of `at` (epoch ms); makes the key
   * if there is none. For what belongs to no person (an instance's credentials), `person` is the
   * tenant's own pseudo-person `tenantSubject(tenant)`.
   */
  seal(where: SealedIn, person: string, at: number, value: unknown): Promise<Buffer>;
  /** Opens what `seal` made. Throws `vault.tampered` when it was changed or moved, `vault.key-missing` when its key never existed. */
  open<T>(where: SealedIn, sealed: Uint8Array): Promise<Opened<T>>;
  /** Loads the keys of many sealed values in one query, so that the `open`s that follow do not wait. */
  prefetch(sealed: readonly { readonly tenant: string; readonly sealed: Uint8Array }[]): Promise<void>;
  /** Keyed hash of a personal value for look-ups, different per tenant and purpose: 64 hex digits. */
  index(tenant: string, purpose: string, value: string): string;
}

/** A vault that also takes files. */
export interface FileVault extends Vault {
  /**
   * `seal` for content of any length, of which no more than a frame is in memory. Whoever reads less than all of
   * what this gives has nothing that opens. Throws like `seal`, before the first byte.
   */
  sealStream(where: SealedIn, person: string, at: number, plain: Chunks): Promise<Chunks>;
  /**
   * Opens what `sealStream` made. Bytes that were changed, moved, cut off or added end the stream with
   * `vault.tampered`: what was read before is right, but may not be all.
   */
  openStream(where: SealedIn, sealed: Chunks): Promise<Opened<Chunks>>;
}

/** The pseudo-person under whose keys a tenant's own secrets are sealed. */
export const tenantSubject = (tenant: string): string => `t_${tenant}`;
