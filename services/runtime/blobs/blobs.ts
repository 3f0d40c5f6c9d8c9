/**
 * Bodies that are too large for a record. They are sealed like records, under the keys of the same
 * person, so that they are erased with them; the record carries the blob's id.
 */

/** Whose a blob is. */
export interface BlobOwner {
  readonly tenant: string;
  readonly actor: string;
}

/** Keeps and gives blobs. Throws `database.unavailable` and `vault.unavailable`. */
export interface Blobs {
  /**
   * Keeps some text and returns its id. Idempotent: the same text of the same owner is one blob, so
   * that a body that is sent again leaves no second one.
   */
  put(owner: BlobOwner, person: string, at: number, text: string): Promise<string>;
  /** The text; `erased` when its key was destroyed; undefined when there is no such blob. */
  read(
    owner: BlobOwner,
    id: string,
  ): Promise<{ readonly state: 'open'; readonly value: string } | { readonly state: 'erased' } | undefined>;
}
