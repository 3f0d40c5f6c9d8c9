/** What may be set of an inscription: see `RegistrationSettings`. */
import {
  aliases,
  fieldProblems,
  fieldsOf,
  givenId,
  listOf,
  thingsProblems,
  worded,
} from '#machines/conversation/worded.ts';

/** Most of each thing, and longest texts. A menu of WhatsApp shows ten rows. */
export const registrationLimits = { profiles: 10, profileName: 60, eventName: 120 } as const;

/** What is wrong with a tenant's setting `registration`, by name and never by value; none if it can be put in force. */
export function registrationProblems(settings: unknown): readonly string[] {
  const { profiles } = fieldsOf(settings) ?? {};
  return [
    ...fieldProblems('registration', settings, needed),
    ...thingsProblems('registration.profiles', profiles, registrationLimits.profiles, ofProfile, { aliases }),
  ];
}

const needed = {
  eventName: worded(registrationLimits.eventName),
  profiles: listOf(1, registrationLimits.profiles),
};
const ofProfile = { id: givenId, name: worded(registrationLimits.profileName) };
