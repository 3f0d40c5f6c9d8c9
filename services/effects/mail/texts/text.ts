/** What a confirmation says, in one language. */
export interface ConfirmationText {
  /** BCP 47 tag by which times are put into words. */
  readonly locale: string;
  readonly greeting: (name: string | null) => string;
  readonly appointment: {
    readonly subject: (service: string, when: string) => string;
    readonly body: (service: string, when: string, business: string) => string;
    readonly attached: string;
  };
  readonly registration: {
    readonly subject: (event: string) => string;
    readonly body: (event: string, participant: string) => string;
  };
  readonly change: string;
  readonly farewell: (business: string) => string;
}
