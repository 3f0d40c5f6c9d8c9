import type { ActorInput } from '#machines/machine.ts';
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

/** Plain JSON, small: messages are never kept here. */
export interface ConversationContext {
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
export function contextOf(input: ConversationInput | undefined): ConversationContext {
  const settings = { ...conversationSettingsDefaults, ...input?.settings };
  const carried = input?.carried;
  const chosen = carried?.localeBy === 'person' ? carried.locale : undefined;
  return {
    settings,
    locale: languageOf(chosen ?? settings.locale).locale,
    localeBy: chosen === undefined ? 'tenant' : 'person',
    consent: carried?.consent ?? consentUnknown,
    name: carried?.name ?? null,
    nudges: 0,
    nudgedAt: null,
  };
}

/** Whether the person has agreed to the notice as it reads now. */
export const consentInForce = ({ consent, settings }: ConversationContext): boolean =>
  consent.status === 'given' && consent.noticeVersion === settings.noticeVersion;
