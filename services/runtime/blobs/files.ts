/**
 * Files: media that people sent and media to be sent. Their bytes are sealed like records, under the keys of the same
 * person, and lie in an object store; Postgres knows which there are.
 *
 * F1 A file is there whole or not at all, and never changes.
 * F2 Of what a write left behind, every object is on record before it is written, and swept.
 * F3 Whoever's keys were destroyed has no files any more, whatever lies in the store; what lies there is removed, as are
 *    files that are older than their tenant keeps them (`file-removals.ts`).
 */
import type { Readable } from 'node:stream';

import type { Chunks } from '../vault/frames.ts';

/** A file to be kept. */
export interface NewFile {
  readonly tenant: string;
  /** Conversation; `tenantSubject` for what belongs to none. */
  readonly actor: string;
  readonly person: string;
  /** Epoch milliseconds: the month of its key. */
  readonly at: number;
  readonly id: string;
  /** As found by looking into it. */
  readonly mimetype: string;
  /** As its sender named it. Personal: kept sealed. */
  readonly filename?: string;
  readonly content: Chunks;
}

/** What is known of a file without opening it. */
export interface FileFacts {
  readonly id: string;
  readonly actor: string;
  readonly mimetype: string;
  /** Of its content. */
  readonly bytes: number;
}

/** A file, opened. */
export interface OpenFile extends FileFacts {
  readonly state: 'open';
  readonly filename?: string;
  /** Of its content, hexadecimal. */
  readonly sha256: string;
  /** To be read to its end, or destroyed. Fails with `vault.tampered` midway when the store gives other bytes. */
  readonly content: Readable;
}

/** What became of a file: its person was erased, its time was over, or its bytes are gone from the store. */
export interface GoneFile extends FileFacts {
  readonly state: 'erased' | 'expired' | 'lost';
}

/** Throws `files.unavailable`, `database.unavailable` and `vault.unavailable`. */
export interface Files {
  /**
   * Keeps a file and returns what is known of it. Idempotent by id: a second file under an id is the first one, and its
   * content is not read. What `content` throws is thrown on, and nothing is kept. Throws `vault.key-erased`, also under the
   * id of one that is gone.
   */
  put(file: NewFile): Promise<FileFacts & { readonly sha256: string }>;
  /** A file of the tenant; undefined when there never was one. */
  read(tenant: string, id: string): Promise<OpenFile | GoneFile | undefined>;
  /** Removes what writes have left behind (F2). Idempotent; returns how many objects. */
  sweep(tenants: readonly string[]): Promise<number>;
  /** Gives connections back. Idempotent. */
  close(): Promise<void>;
}
