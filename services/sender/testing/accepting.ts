/** Acceptance of replies as of a slice before which nothing is missing. */
import type { Acceptance } from '../acceptance.ts';
import type { Accepted, Deliveries } from '../deliveries.ts';

/** Accepts replies, and begins with none unless told. */
export async function acceptInto(
  deliveries: Deliveries,
  given: Partial<Acceptance> & Pick<Acceptance, 'replies'>,
): Promise<Accepted> {
  return deliveries.accept({
    declined: [],
    owner: 'a',
    leaseMs: 60_000,
    begin: new Set(),
    group: 'sender',
    slices: [],
    again: false,
    ...given,
  });
}
