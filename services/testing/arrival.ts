/** How people of tests come to the menu of the conversation. */
import type { Person } from '#runtime/testing/person.ts';

/** What a person says, and what the last answer to it reads like. */
export type Turn = readonly [says: string, answer: RegExp];

/** How everybody begins. */
export const arrival: readonly Turn[] = [
  ['Oi', /SIM/],
  ['sim', /se chama/],
  ['Ana Souza', /ajudar/],
];

/** Goes to the menu with somebody. */
export async function arrives(person: Person): Promise<Person> {
  for (const [said, answer] of arrival) {
    await person.says(said);
    await person.hears(answer);
  }
  return person;
}
