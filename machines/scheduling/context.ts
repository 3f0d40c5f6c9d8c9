import type { Slot } from '#machines/conversation/asks.ts';
import type { Interval } from '#machines/understanding/when.ts';

/** What is known of the booking in the making. */
export interface SchedulingContext {
  /** Id of a service of the tenant's. */
  readonly service: string | null;
  /** When it is wanted. */
  readonly wanted: Interval | null;
  /** True if the start was said, not only a day or a part of one. */
  readonly exact: boolean;
  /** What may be meant, where the words can be read in several ways. */
  readonly readings: readonly Interval[];
  /** Why the words about when could not be used. */
  readonly problem: 'past' | 'unread' | null;
  /** True once the search went beyond what was wanted. */
  readonly widened: boolean;
  /** The time that was wanted and is not free: what is near it is shown. */
  readonly near: number | null;
  /** The times that were shown, in their order; their handles are s1, s2, … */
  readonly shown: readonly Slot[];
  readonly chosen: Slot | null;
  /** The hold of the chosen time, to which a yes is bound. */
  readonly hold: string | null;
  /** Id of the record with that yes. */
  readonly confirmedBy: string | null;
  /** The appointment that is being moved there. */
  readonly moving: string | null;
  /** The one that was made last in this episode. */
  readonly booked: (Slot & { readonly id: string; readonly service: string }) | null;
  /** An address as it may have been meant, when it looks mistyped. */
  readonly emailHint: string | null;
}

/** Nothing looked for yet: what a search found of earlier words is forgotten with them. */
export const searchStart = { widened: false, near: null, shown: [], chosen: null } as const;

/** Nothing yet. */
export const schedulingStart: SchedulingContext = {
  ...searchStart,
  service: null,
  wanted: null,
  exact: false,
  readings: [],
  problem: null,
  hold: null,
  confirmedBy: null,
  moving: null,
  booked: null,
  emailHint: null,
};
