/** Whether somebody says of themselves that they are not of age. In all languages. */
import { fold } from '../conversation/lexicon.ts';

const ofAge = 18;

/** Folded. "Tenho 15 anos de profissão" says another thing; so does a child's age that a parent says. */
const ages = [
  /^(?:.* )?tenho (?:so |apenas )?(\d{1,2}) anos(?! de )/u,
  /^(?:.* )?tengo (?:solo )?(\d{1,2}) anos(?! de )/u,
  /^(?:.* )?i (?:am|m) (?:only )?(\d{1,2}) years? old/u,
];
const words =
  /\b(?:(?:eu )?sou (?:de )?menor(?: de idade)?|soy menor(?: de edad)?|i (?:am|m) (?:a minor|under ?age|under 18))$/u;

/** True for "tenho 15 anos", "sou menor de idade", "I'm a minor". */
export function saysMinor(text: string): boolean {
  const said = fold(text);
  const age = ages.map((pattern) => pattern.exec(said)?.[1]).find((one) => one !== undefined);
  return age === undefined ? words.test(said) : Number(age) < ofAge;
}
