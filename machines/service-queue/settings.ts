/** What a tenant may set for its service queues as such. What one of them offers is a setting of the conversations that use it. */
import { type Check, wholeNumber } from '#machines/conversation/worded.ts';

/** Of every queue of the tenant. */
export interface ServiceQueueSettings {
  /** After how long without a sign a conversation is no longer taken to wait or to be attended. */
  readonly forgetAfterMs: number;
}

/** In force where a tenant sets nothing else. Longer than a conversation usually lives. */
export const serviceQueueSettingsDefaults: ServiceQueueSettings = { forgetAfterMs: 8 * 86_400_000 };

const checks: Readonly<Record<string, Check>> = { forgetAfterMs: wholeNumber(3_600_000, 366 * 86_400_000) };

/** What is wrong with settings, by name and never by value; none if they can be put in force. */
export const serviceQueueSettingsProblems = (settings: Readonly<Record<string, unknown>>): readonly string[] =>
  Object.entries(settings).flatMap(([name, value]) => {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
    if (check === undefined) return [`${name.slice(0, 40)} is not a setting`];
    const problem = check(value);
    return problem === undefined ? [] : [`${name} ${problem}`];
  });
