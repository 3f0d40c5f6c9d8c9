/** What a tenant may set for the conversation machine. Read from `input.settings` at the start of an episode. */
export interface ConversationSettings {
  /** BCP 47 tag of the texts; one that has no catalogue falls back to pt-BR. */
  readonly locale: string;
  /** Name under which the tenant speaks; the controller that the consent question names. */
  readonly businessName: string;
  /** Answer to "informações". */
  readonly information: string;
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
export const conversationSettingsDefaults: ConversationSettings = {
  locale: 'pt-BR',
  businessName: 'Prosa',
  information:
    'Ainda estamos preparando as informações que ficam aqui. Se precisar de algo agora, mande *3* para falar com uma pessoa.',
  noticeVersion: '1',
  timeZone: 'America/Sao_Paulo',
  sessionTimeoutMs: 86_400_000,
  nudgePauseMs: 3_600_000,
};

/**
 * Longest values, in UTF-16 units, with which every text stays below WhatsApp's 4096; whoever
 * validates settings checks them. The machine cuts what is longer and does not throw.
 */
export const conversationSettingsLimits = {
  businessName: 80,
  information: 3000,
  noticeVersion: 40,
  privacyUrl: 300,
} as const;
