import type { Section } from '#machines/conversation/asks.ts';

/** What is known of the event. */
export interface InformationContext {
  /** Sections as they were read in this episode; null before. Bounded by the settings' limits. */
  readonly sections: readonly Section[] | null;
  /** What was being done when the question came, to be gone on with. */
  readonly paused: 'scheduling' | 'registration' | null;
}

/** Nothing yet. */
export const informationStart: InformationContext = { sections: null, paused: null };
