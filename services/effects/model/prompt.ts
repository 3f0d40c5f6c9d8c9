/**
 * What a model is asked: who it works for and what it may do, then one JSON object with what is known and what was
 * said. JSON, because nothing that a person writes can end a string of it.
 */
import type { ModelSettings } from '#machines/conversation/agent-settings.ts';
import type { ModelQuestion } from '#machines/conversation/asks.ts';

import { policyIn } from './policy.ts';
import type { Redaction } from './redaction.ts';

/** Bounds of what is sent. Characters, but for counts. */
const bounds = {
  said: 2_000,
  turn: 500,
  turns: 4_000,
  handles: 40,
  label: 2_000,
  labels: 16_000,
  facts: 20,
  fact: 200,
  about: 1_000,
} as const;

const turnsMaxDefault = 12;
const turnsLifeMsDefault = 3_600_000;

/** A request, in words. */
export interface Prompt {
  readonly system: string;
  readonly user: string;
}

type Asked = Omit<ModelQuestion, 'tools' | 'spentMicros'>;

/** Makes it. All of it went through `redaction`. `now` stands for the moment where two requests are compared. */
export function promptOf(question: Asked, settings: ModelSettings, { hide }: Redaction, now?: string): Prompt {
  const clean = (text: string, max: number): string => hide(plain(text).slice(0, max));
  const { step, locale, timeZone, at, said, means, facts } = question;
  const about = settings.about === undefined ? '' : clean(settings.about, bounds.about);
  return {
    system: policyIn(locale, about),
    user: JSON.stringify({
      question: step,
      now: now ?? momentIn(at, timeZone),
      timeZone,
      locale,
      known: Object.fromEntries(
        Object.entries(facts)
          .slice(0, bounds.facts)
          .map(([name, value]) => [name.slice(0, bounds.fact), clean(value, bounds.fact)]),
      ),
      shown: shownOf(question).map(({ handle, label }) => ({ handle, label: clean(label, bounds.label) })),
      earlier: turnsOf(question, settings).map(({ by, text }) => ({ by, text: clean(text, bounds.turn) })),
      means,
      said: clean(said, bounds.said),
    }),
  };
}

/** What can be named: as many as fit. */
export function shownOf({ handles }: Pick<ModelQuestion, 'handles'>): ModelQuestion['handles'] {
  let room: number = bounds.labels;
  return handles.slice(0, bounds.handles).filter(({ label }) => (room -= Math.min(label.length, bounds.label)) >= 0);
}

/** The latest earlier messages that are young enough and fit, oldest first. */
function turnsOf({ turns, at }: Pick<ModelQuestion, 'turns' | 'at'>, settings: ModelSettings) {
  const { turnsMax = turnsMaxDefault, turnsLifeMs = turnsLifeMsDefault } = settings;
  let room: number = bounds.turns;
  const young = turnsMax <= 0 ? [] : turns.slice(-turnsMax).filter((turn) => at - turn.at <= turnsLifeMs);
  const kept = young.toReversed().filter(({ text }) => (room -= Math.min(text.length, bounds.turn)) >= 0);
  return kept.toReversed();
}

/** Without what is not seen: direction marks, tags and joiners can carry words past a reader. */
const plain = (text: string): string =>
  text
    .normalize('NFC')
    .replace(/[\p{Cf}\p{Co}\p{Cn}\u{FE00}-\u{FE0F}\u{E0100}-\u{E01EF}]/gu, '')
    .replace(/[^\S\n]+|[\p{Cc}--\n]+/gv, ' ');

/** "2026-11-21 10:30, Saturday". */
function momentIn(at: number, timeZone: string): string {
  const moment = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone);
  const weekday = moment.toLocaleString('en', { weekday: 'long' });
  return `${moment.toPlainDate().toString()} ${moment.toPlainTime().toString({ smallestUnit: 'minute' })}, ${weekday}`;
}
