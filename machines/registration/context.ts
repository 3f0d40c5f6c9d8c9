import type { Registration } from '#machines/conversation/asks.ts';

/** A field of an inscription. */
export type Field = keyof Registration;

/** In the order in which they are asked for. */
export const fields = [
  'fullName',
  'email',
  'cpf',
  'phone',
  'city',
  'state',
  'profile',
] as const satisfies readonly Field[];

/** What is known of the inscription in the making. */
export interface RegistrationContext {
  readonly fields: Partial<Registration>;
  /** What could not be used, and why: the question says it. */
  readonly problem: Problem | null;
  /** The field that is being looked up. */
  readonly checking: 'email' | 'cpf' | null;
  /** An address as it may have been meant, when it looks mistyped. */
  readonly emailHint: string | null;
  /** Counts what was shown for a yes: the button of an earlier summary does nothing. */
  readonly summary: number;
  /** Id of the record with the yes. */
  readonly confirmedBy: string | null;
  readonly participant: string | null;
}

/** Why an answer could not be used. */
export type Problem = 'single-word' | 'invalid' | 'incomplete' | 'taken' | 'hint' | 'none';

/** Nothing yet. */
export const registrationStart: RegistrationContext = {
  fields: {},
  problem: null,
  checking: null,
  emailHint: null,
  summary: 0,
  confirmedBy: null,
  participant: null,
};
