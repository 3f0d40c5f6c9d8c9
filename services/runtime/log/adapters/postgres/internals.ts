/** Seams for tests; no configuration reaches them. */

/** What of the adapter can be taken out, to show that tests notice. */
export interface PostgresLogInternals {
  /** A commit is refused unless its epoch is the newest. */
  readonly fence: boolean;
  /** A take-over starts from the committed offset as read after the fence, not before. */
  readonly rereadAfterFence: boolean;
  /** True while the handle is to behave like a stopped process towards its groups: no lease is renewed or missed. */
  readonly coordinationPaused: () => boolean;
}

/** Everything in place. */
export const internalsDefault: PostgresLogInternals = {
  fence: true,
  rereadAfterFence: true,
  coordinationPaused: () => false,
};
