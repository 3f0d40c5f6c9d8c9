/**
 * What a language model may propose, and what each proposal says. A proposal is only ever a choice among
 * the tools of the question that is open; the machine decides, in its own words. No tool agrees, confirms
 * or consents: that a person does.
 *
 * Ids in a proposal are handles ("s1", "a2"): names that this conversation gave to what it has shown, so that
 * one that was made up means nothing. The JSON Schemas that a model is shown are in
 * `services/effects/model/tools.ts`.
 */

/** What can be asked for from anywhere. */
export const agents = ['scheduling', 'appointments', 'registration', 'information'] as const;

/** One of them: booking, one's own bookings, inscription to an event, questions about it. */
export type Agent = (typeof agents)[number];

/** What each tool says. Words of the person are verbatim: dates, names and numbers are read by our own grammar. */
export interface Tools {
  /** To an agent, to the person's own data, to a person, to the menu. */
  readonly route: { readonly to: Agent | 'myData' | 'person' | 'menu' };
  /** An appointment is wanted; what of it was said. */
  readonly schedule: { readonly service: string | null; readonly when: string | null };
  /** Other times than the ones shown. */
  readonly other_times: { readonly when: string };
  /** One of the times shown, by its handle. */
  readonly choose_time: { readonly time: string };
  /** One of the appointments shown, by its handle, or the only one. */
  readonly cancel_appointment: { readonly appointment: string | null };
  readonly move_appointment: { readonly appointment: string | null; readonly when: string | null };
  /** Fields of an inscription as they were written; null for what was not. */
  readonly fill: {
    readonly fullName: string | null;
    readonly email: string | null;
    readonly cpf: string | null;
    readonly phone: string | null;
    readonly city: string | null;
    readonly state: string | null;
    readonly profile: string | null;
  };
  /** An answer made of the sections that were given, by their handles, and of nothing else. */
  readonly answer: { readonly text: string; readonly sections: readonly string[] };
  /** It is not about what we do, or it cannot be known what is wanted. */
  readonly unclear: { readonly reason: 'off-topic' | 'not-understood' | 'abuse' };
}

/** A name of a tool. */
export type ToolName = keyof Tools;

/** A tool with what it says. */
export type Proposal = { readonly [Name in ToolName]: { readonly tool: Name; readonly args: Tools[Name] } }[ToolName];
