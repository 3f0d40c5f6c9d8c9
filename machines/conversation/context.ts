import { type AppointmentsContext, appointmentsStart } from '#machines/appointments/context.ts';
import { type InformationContext, informationStart } from '#machines/information/context.ts';
import type { ActorInput } from '#machines/machine.ts';
import { type RegistrationContext, registrationStart } from '#machines/registration/context.ts';
import { type SchedulingContext, schedulingStart } from '#machines/scheduling/context.ts';
import { type AttendanceContext, attendanceStart } from './attendance-context.ts';
import type { Means, Turn } from './asks.ts';
import type { Heard } from './hearing.ts';
import { type ConversationSettings, conversationSettingsDefaults } from './settings.ts';
import { languageOf } from './texts/catalogue.ts';

/**
 * Where the person's consent stands. It changes only by an answer of the person: while a new
 * question is open after a refusal or a withdrawal, the old answer stays in force.
 */
export interface Consent {
  readonly status: 'unknown' | 'requested' | 'given' | 'refused' | 'withdrawn';
  /** Epoch milliseconds of the record that brought this status. */
  readonly at: number | null;
  /** Version of the notice that the person was shown. */
  readonly noticeVersion: string | null;
  /** Id of that record: the evidence. */
  readonly eventId: string | null;
  /** Whether the person pressed a button or wrote. */
  readonly by: 'button' | 'text' | null;
}

/** What every version of the conversation remembers. */
export interface PersonContext {
  /** Of the revision in force when the episode began. */
  readonly settings: ConversationSettings;
  /** Language that the person is spoken to in. */
  readonly locale: string;
  /** Whose choice that is. The tenant's holds until the person makes one; the person's holds for good. */
  readonly localeBy: 'tenant' | 'person';
  readonly consent: Consent;
  readonly name: string | null;
  /** Answers to messages that the present state could not use; see `nudgePauseMs`. */
  readonly nudges: number;
  /** Epoch milliseconds of the latest of them. */
  readonly nudgedAt: number | null;
}

/** What the conversation remembers. Plain JSON and bounded: of messages only what is being decided about, and the latest turns. */
export interface ConversationContext extends PersonContext {
  /** The question that is open: a key of `questions.ts`. */
  readonly step: string;
  readonly heard: Heard | null;
  /** What came while something else was being done, oldest first. */
  readonly inbox: readonly Heard[];
  /** True until the person has been answered in this episode. */
  readonly fresh: boolean;
  /** The file that is awaited or read. */
  readonly file: { readonly eventId: string; readonly means: Means; readonly caption: string | null } | null;
  /** Latest messages of both sides, for a model; none without one. */
  readonly turns: readonly Turn[];
  readonly model: {
    readonly spentMicros: number;
    /** It has failed: menus alone until then. */
    readonly pausedUntil: number | null;
  };
  readonly scheduling: SchedulingContext;
  readonly appointments: AppointmentsContext;
  readonly registration: RegistrationContext;
  readonly information: InformationContext;
  readonly attendance: AttendanceContext;
}

/** What an episode leaves to the next one. */
export interface ConversationOutput {
  readonly consent: Consent;
  readonly name: string | null;
  readonly locale: string;
  readonly localeBy: 'tenant' | 'person';
}

/** Input of an episode. */
export type ConversationInput = ActorInput<ConversationSettings, ConversationOutput>;

const consentUnknown: Consent = { status: 'unknown', at: null, noticeVersion: null, eventId: null, by: null };

/**
 * The context at the start of an episode. Cheap, and made for being called without input as well:
 * XState's `transition` constructs every machine once without (and throws the result away).
 */
export function personContextOf(input: ConversationInput | undefined): PersonContext {
  const settings = { ...conversationSettingsDefaults, ...input?.settings };
  const carried = input?.carried;
  const chosen = carried?.localeBy === 'person' ? carried.locale : undefined;
  return {
    settings,
    locale: languageOf(chosen ?? input?.locale ?? settings.locale).locale,
    localeBy: chosen === undefined ? 'tenant' : 'person',
    consent: carried?.consent ?? consentUnknown,
    name: carried?.name ?? null,
    nudges: 0,
    nudgedAt: null,
  };
}

/** The context at the start of an episode of version 2. */
export const contextOf = (input: ConversationInput | undefined): ConversationContext => ({
  ...personContextOf(input),
  step: 'menu',
  heard: null,
  inbox: [],
  fresh: true,
  file: null,
  turns: [],
  model: { spentMicros: 0, pausedUntil: null },
  scheduling: schedulingStart,
  appointments: appointmentsStart,
  registration: registrationStart,
  information: informationStart,
  attendance: attendanceStart(input?.at ?? 0),
});

/** Whether the person has agreed to the notice as it reads now. */
export const consentInForce = ({ consent, settings }: PersonContext): boolean =>
  consent.status === 'given' && consent.noticeVersion === settings.noticeVersion;
