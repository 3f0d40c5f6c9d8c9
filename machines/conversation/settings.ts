import type { AgentSettings } from './agent-settings.ts';
import { agentSettingsProblems, isOfAgents } from './agent-settings-problems.ts';
import { languageOf, locales } from './texts/catalogue.ts';
import { type Check, address, text, worded } from './worded.ts';

/** What a tenant may set for the conversation machine: these, and what its agents need. Read from `input.settings` at the start of an episode. */
export interface ConversationSettings extends AgentSettings, PersonSettings {}

/** What every version of the conversation needs. */
export interface PersonSettings {
  /** BCP 47 tag of the texts, until the person chooses another; one that has no catalogue falls back to pt-BR. */
  readonly locale: string;
  /** Name under which the tenant speaks; the controller that the consent question names. */
  readonly businessName: string;
  /** Answer to "informações": one for all, or by locale. Absent, the machine says that there is none yet. */
  readonly information?: string | Readonly<Record<string, string>>;
  /** Version of the privacy notice. A consent given under another version is asked for anew. */
  readonly noticeVersion: string;
  /** Where the whole privacy notice can be read. */
  readonly privacyUrl?: string;
  /** IANA time zone in which times are shown to the person. */
  readonly timeZone: string;
  /** Silence of the person after which the episode ends. */
  readonly sessionTimeoutMs: number;
  /** When a state has said often enough that it did not understand, it says so again only after this pause. */
  readonly nudgePauseMs: number;
}

/** In force where a tenant sets nothing else. */
export const conversationSettingsDefaults: PersonSettings = {
  locale: 'pt-BR',
  businessName: 'Prosa',
  noticeVersion: '1',
  timeZone: 'America/Sao_Paulo',
  sessionTimeoutMs: 86_400_000,
  nudgePauseMs: 3_600_000,
};

/**
 * Longest values, in UTF-16 units, with which every text stays below WhatsApp's 4096;
 * `conversationSettingsProblems` checks them. The machine cuts what is longer and does not throw.
 */
export const conversationSettingsLimits = {
  businessName: 80,
  information: 3000,
  noticeVersion: 40,
  privacyUrl: 300,
} as const;

const durationMaxMs = 366 * 86_400_000;

/** What the tenant says in that language, else in its own; undefined if it has said nothing. */
export function informationIn({ information, locale: own }: ConversationSettings, locale: string): string | undefined {
  if (typeof information !== 'object') return information;
  return information[locale] ?? information[languageOf(own).locale];
}

/** True if times can be told in that zone. `Intl` has no other way to ask. */
export function isTimeZone(timeZone: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

/**
 * What is wrong with a tenant's settings, one sentence each, by name and never by value; none if they
 * can be put in force. A setting that is left out has its default.
 */
export function conversationSettingsProblems(settings: Readonly<Record<string, unknown>>): readonly string[] {
  const entries = Object.entries(settings);
  const ofPerson = entries.filter(([name]) => !isOfAgents(name));
  return [...personSettingsProblems(Object.fromEntries(ofPerson)), ...agentSettingsProblems(settings)];
}

/** The same for what version 1 has. */
export function personSettingsProblems(settings: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(settings).flatMap(([name, value]) => {
    if (!isChecked(name)) return [`${name.slice(0, 40)} is not a setting`];
    const problem = checks[name](value);
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
}

const duration: Check = (value) =>
  typeof value === 'number' && Number.isInteger(value) && value > 0 && value <= durationMaxMs
    ? undefined
    : `has to be a whole number of milliseconds from 1 to ${durationMaxMs.toString()}`;

const checks: Readonly<Record<keyof PersonSettings, Check>> = {
  locale: (value) =>
    typeof value === 'string' && locales.includes(value) ? undefined : `has to be one of ${locales.join(', ')}`,
  businessName: text(conversationSettingsLimits.businessName),
  information: worded(conversationSettingsLimits.information),
  noticeVersion: text(conversationSettingsLimits.noticeVersion),
  privacyUrl: address(conversationSettingsLimits.privacyUrl),
  timeZone: (value) => (typeof value === 'string' && isTimeZone(value) ? undefined : 'has to be an IANA time zone'),
  sessionTimeoutMs: duration,
  nudgePauseMs: duration,
};

const isChecked = (name: string): name is keyof PersonSettings => Object.hasOwn(checks, name);
