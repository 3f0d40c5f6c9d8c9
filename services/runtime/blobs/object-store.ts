/** Where sealed bytes lie, by opaque names. Knows nothing of what they are. */
import type { Readable } from 'node:stream';

import type { Chunks } from '../vault/frames.ts';

/** Throws `files.unavailable`. */
export interface ObjectStore {
  /**
   * Writes an object whole, or not at all: when the process ends or `bytes` throws midway (which is thrown on),
   * nothing can be read under the name. A name is written once.
   */
  write(name: string, bytes: Chunks): Promise<void>;
  /** Its bytes; undefined when there is no such object. */
  read(name: string): Promise<Readable | undefined>;
  /** Idempotent. */
  remove(name: string): Promise<void>;
  /** Idempotent. */
  close(): Promise<void>;
}
