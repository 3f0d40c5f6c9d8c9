/**
 * What a tenant may set for the agents of the conversation: which it offers, and what each needs. A part of the
 * conversation's settings, so immutable by revision. Texts that a person reads are one for all or by locale.
 */
import type { Agent } from './tools.ts';

/** A text, or one by locale. */
export type Worded = string | Readonly<Record<string, string>>;

/** In a language, else in another of the same name ("pt" for "pt-BR"), else in Portuguese, else in the first there is. */
export function wordedIn(words: Worded, locale: string): string {
  if (typeof words === 'string') return words;
  const [language] = locale.split('-');
  const near = Object.entries(words).find(([name]) => name.split('-')[0] === language);
  return words[locale] ?? near?.[1] ?? words['pt-BR'] ?? Object.values(words)[0] ?? '';
}

/** All that a thing of the tenant's is called, in whatever language. */
export const namesOf = ({ name, aliases = [] }: { readonly name: Worded; readonly aliases?: readonly string[] }) => [
  ...(typeof name === 'string' ? [name] : Object.values(name)),
  ...aliases,
];

/** Something that can be booked. */
export interface Service {
  /** Stable: it stands in appointments. */
  readonly id: string;
  readonly name: Worded;
  /** Other words for it, as people write them. */
  readonly aliases?: readonly string[];
  readonly durationMinutes: number;
  /** How many may be booked for the same time; 1 without it. */
  readonly capacity?: number;
  /**
   * Whose time it takes: services that name the same calendar share it. Without it a service of our own calendar has
   * its time to itself, and one of Google's takes that of `calendarId`.
   */
  readonly calendar?: string;
}

/** 'mon' … 'sun' to stretches of local time: ["08:00", "12:00"]. A day that is missing is closed. */
export type OpeningHours = Readonly<Partial<Record<Weekday, readonly (readonly [from: string, to: string])[]>>>;

/** ISO order. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export type Weekday = (typeof weekdays)[number];

/** Booking. */
export interface SchedulingSettings {
  readonly services: readonly Service[];
  readonly openingHours: OpeningHours;
  /** Days without appointments: "2026-12-25". */
  readonly holidays?: readonly string[];
  /** Appointments begin at multiples of this after opening; the service's duration without it. */
  readonly slotMinutes?: number;
  /** How soon and how far ahead can be booked. Without them an hour, and 60 days. */
  readonly noticeMinutes?: number;
  readonly horizonDays?: number;
  /** How long a chosen time is kept while the person decides; 10 minutes without it. */
  readonly holdMinutes?: number;
  /** Where appointments are kept: our own Postgres without it. */
  readonly calendar?: { readonly kind: 'postgres' } | { readonly kind: 'google'; readonly calendarId: string };
}

/** Inscription. */
export interface RegistrationSettings {
  readonly eventName: Worded;
  readonly profiles: readonly { readonly id: string; readonly name: Worded; readonly aliases?: readonly string[] }[];
}

/** A piece of what is told, with other words for it as people ask. */
export interface WordedSection {
  readonly id: string;
  readonly title: Worded;
  readonly text: Worded;
  readonly aliases?: readonly string[];
}

/** What is told about the event: from here, or from a file or URL (JSON of the same sections). */
export type InformationSettings = { readonly sections: readonly WordedSection[] } | { readonly source: string };

/** Waiting for a person. Without it a person answers when there is one, and no position is told. */
export interface QueueSettings {
  /** Name of the queue; conversations of the tenant that name the same one wait together. */
  readonly name: string;
  /** How many conversations attendants have at a time. */
  readonly capacity: number;
  /** How many may wait. */
  readonly waitingMax: number;
  /** How long one conversation takes, for the estimate before there is experience. */
  readonly minutesEach: number;
  /** Silence of an attendant after which the conversation goes back to the machine. */
  readonly attendedTimeoutMs?: number;
}

/** Of a million tokens, in the tenant's currency. */
export interface TokenPrice {
  readonly input: number;
  readonly output: number;
}

/** Most that may be spent, in the tenant's currency: by the tenant in a day, of all its models, and by a conversation in all. */
export interface Budget {
  readonly perDay?: number;
  readonly perConversation?: number;
}

/** The language model that proposes. Without it, menus alone. Its key is not a setting. */
export interface ModelSettings {
  /** Base URL of an OpenAI-compatible API; the installation's without it. */
  readonly baseUrl?: string;
  readonly model: string;
  /** Tried when the first is down, spent or slow; at the first's address and price without others. */
  readonly second?: { readonly baseUrl?: string; readonly model: string; readonly price?: TokenPrice };
  readonly price?: TokenPrice;
  /** Needs the price. */
  readonly budget?: Budget;
  /** Links that an answer may have begin with one of these. */
  readonly linksAllowed?: readonly string[];
  /** What the tenant wants said of itself; bounded. */
  readonly about?: string;
  /** How many earlier messages a model is shown, and for how long. 12 and an hour without them. */
  readonly turnsMax?: number;
  readonly turnsLifeMs?: number;
  /** Frequent questions are answered from kept answers for this long; none are kept without it. */
  readonly answersKeptMs?: number;
  /** How long to wait for more of a burst of messages before the model is asked; 0 without it. */
  readonly burstMs?: number;
}

/** Voice notes and images. */
export interface MediaSettings {
  /** Model that transcribes; voice notes are not understood without it. */
  readonly speechModel?: string;
  /** Model that reads images; only captions are read without it. */
  readonly visionModel?: string;
  readonly baseUrl?: string;
  /** Longest voice note; 180 without it. */
  readonly voiceSecondsMax?: number;
  /** Of a minute of voice, in the tenant's currency. What has no price is not counted. */
  readonly speechPrice?: number;
  readonly visionPrice?: TokenPrice;
  /** As that of `model`, which holds without it. Needs the prices of the models that are set. */
  readonly budget?: Budget;
}

/** All of it. What is absent is not offered. */
export interface AgentSettings {
  /** What the menu offers, in this order. */
  readonly agents?: readonly Agent[];
  readonly scheduling?: SchedulingSettings;
  readonly registration?: RegistrationSettings;
  readonly event?: InformationSettings;
  readonly queue?: QueueSettings;
  readonly model?: ModelSettings;
  readonly media?: MediaSettings;
}

/** What holds for voice notes and images: their budget is that of the model where they have none of their own. */
export function mediaSettingsOf({ media = {}, model }: AgentSettings): MediaSettings {
  const budget = media.budget ?? model?.budget;
  return budget === undefined ? media : { ...media, budget };
}
