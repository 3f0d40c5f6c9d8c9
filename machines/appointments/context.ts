import type { Appointment } from '#machines/conversation/asks.ts';

/** What is known of the person's own bookings. */
export interface AppointmentsContext {
  /** The ones that were shown, in their order; their handles are a1, a2, … */
  readonly shown: readonly Appointment[];
  readonly chosen: Appointment | null;
  /** What is wanted of them. */
  readonly wish: 'see' | 'cancel' | 'move';
  /** Id of the record with the yes to a cancellation. */
  readonly confirmedBy: string | null;
}

/** Nothing yet. */
export const appointmentsStart: AppointmentsContext = { shown: [], chosen: null, wish: 'see', confirmedBy: null };
