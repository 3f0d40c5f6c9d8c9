/**
 * Slices of many partitions handled together: what came while one call went on is the next call, so that a busy service
 * writes once for all of them. What one of them lacks is made up for beside that, and holds up no other.
 */
import { OperatingError } from '../errors.ts';
import { joinCalls } from '../joined-calls.ts';
import type { ConsumeOptions } from './record-log.ts';

/** Thrown by who handles slices: something that came before one of them is missing, and nothing was written. */
export class GapBefore extends Error {
  override readonly name = 'GapBefore';
}

/** How slices are handled. */
export interface SliceHandling<S> {
  /** Together no larger than one may be. Must be idempotent: where it fails for anything but a passing reason each comes by itself. */
  readonly handle: (slices: readonly S[]) => Promise<unknown>;
  /** Makes up for what is missing before a slice that was refused for it, which comes again then. Given up when `lost` says so. */
  readonly closeGap?: (slice: S, lost: AbortSignal) => Promise<unknown>;
  /** The largest slice that there may be. */
  readonly bounds: Pick<ConsumeOptions, 'sliceRecordsMax' | 'sliceBytesMax'>;
  /** The bytes of each record of a slice. */
  readonly sizesOf: (slice: S) => readonly number[];
}

/** Far more than a process has partitions. */
const slicesMax = 3_000;

/**
 * Makes the function that handles a slice; one whose partition was lost while it waited is left out, though its call
 * resolves. Throws what `handle` and `closeGap` do; `database.unavailable` where the gap is there again.
 */
export function joinSlices<S>({
  handle,
  closeGap,
  bounds: { sliceRecordsMax, sliceBytesMax },
  sizesOf,
}: SliceHandling<S>): (slice: S, lost: AbortSignal) => Promise<void> {
  const shareOf = (slice: S): number => {
    const sizes = sizesOf(slice);
    return Math.max(sizes.length / sliceRecordsMax, sizes.reduce((sum, size) => sum + size, 0) / sliceBytesMax);
  };
  const joined = joinCalls<{ readonly slice: S; readonly lost: AbortSignal }, undefined>(
    async (calls) => {
      const held = calls.filter(({ lost }) => !lost.aborted).map(({ slice }) => slice);
      if (held.length > 0) await handle(held);
      return calls.map(() => undefined);
    },
    { callsMax: slicesMax, shareOf: ({ slice }) => shareOf(slice) },
  );
  // One after the other: all partitions may lack something at once, on one database.
  let closing: Promise<unknown> = Promise.resolve();
  return async (slice, lost) => {
    try {
      await joined({ slice, lost });
      return;
    } catch (caught) {
      if (!(caught instanceof GapBefore) || closeGap === undefined) throw caught;
    }
    const closed = closing.then(() => closeGap(slice, lost));
    closing = closed.catch(() => undefined);
    try {
      await closed;
      await joined({ slice, lost });
    } catch (caught) {
      // Set back once more meanwhile.
      throw caught instanceof GapBefore ? new OperatingError('database.unavailable', undefined, caught) : caught;
    }
  };
}
