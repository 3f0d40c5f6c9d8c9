/**
 * Telephone numbers as people type them, by the number plans of libphonenumber (full metadata), which is
 * pure; its version is pinned, since it decides what a number is. The ids that providers send, and the
 * ninth digit that some of those lack, are another matter (`runtime/directory`).
 */
import { isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/max';

/** What was read of a typed number. */
export type TypedPhoneReading =
  /** `e164` with its plus sign; `national` as it is written at home: "(11) 99999-0001". */
  | { readonly kind: 'ok'; readonly e164: string; readonly national: string }
  /** A Brazilian number without area code (DDD): ask for that. */
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'none' };

/** Characters of a text that are read. */
const lengthMax = 300;
/** Numbers in a text that are tried. */
const triesMax = 4;
const digitsMin = 7;

/** The area codes in use (Anatel). */
const areaCodes: ReadonlySet<string> = new Set(
  (
    '11 12 13 14 15 16 17 18 19 21 22 24 27 28 31 32 33 34 35 37 38 41 42 43 44 45 46 47 48 49 51 53 54 55 ' +
    '61 62 63 64 65 66 67 68 69 71 73 74 75 77 79 81 82 83 84 85 86 87 88 89 91 92 93 94 95 96 97 98 99'
  ).split(' '),
);

/**
 * The number in a text. Without country code it is taken for one of `defaultCountry` (ISO 3166, "BR"); there
 * carrier codes ("0xx11", "0 15 11") and a zero in front are taken off. The first valid one, if there are several.
 */
export function readTypedPhone(
  text: string,
  { defaultCountry }: { readonly defaultCountry: string },
): TypedPhoneReading {
  const read = text.slice(0, lengthMax).normalize('NFKC').slice(0, lengthMax);
  const numbers = numbersIn(read);
  const readings = numbers.map((number) => readingOf(number, defaultCountry.toUpperCase()));
  const order = ['ok', 'incomplete', 'invalid'];
  readings.sort((one, other) => order.indexOf(one.kind) - order.indexOf(other.kind));
  return readings[0] ?? { kind: /^[\d\s().+-]*\d[\d\s().+-]*$/u.test(read) ? 'invalid' : 'none' };
}

/** Numbers as digits, with a plus sign where they have a country code for sure. */
function numbersIn(text: string): readonly string[] {
  const runs = text
    .replace(/\b0\s?x{2}/giu, ' ')
    .replace(/\p{Cf}/gu, '')
    .matchAll(/(?:\+\s?)?[\d(](?:[\s().\-‐-―/]{0,3}\d)*/gu);
  return [...runs]
    .map(({ 0: run }) => (run.startsWith('+') ? '+' : '') + run.replace(/\D/gu, ''))
    .filter((number) => number.length >= digitsMin)
    .slice(0, triesMax);
}

function readingOf(number: string, country: string): TypedPhoneReading {
  if (number.startsWith('+')) return readingOfInternational(number);
  if (number.startsWith('00') && number.length > 12) return readingOfInternational(`+${number.slice(2)}`);
  if (country === 'BR') return readingOfBrazilian(withoutCarrier(number));
  const parsed = isSupportedCountry(country) ? parsePhoneNumberFromString(number, country) : undefined;
  return parsed?.isValid() === true ? asRead(parsed) : { kind: 'invalid' };
}

function readingOfBrazilian(number: string): TypedPhoneReading {
  const hasCountry = number.startsWith('55') && (number.length === 12 || number.length === 13);
  if (hasCountry) return readingOfInternational(`+${number}`);
  if (/^(?:9\d{8}|[2-9]\d{7})$/u.test(number)) return { kind: 'incomplete' };
  if (number.length === 10 || number.length === 11) return readingOfInternational(`+55${number}`);
  // Somebody abroad may leave out only the plus sign.
  return number.length > 11 ? readingOfInternational(`+${number}`) : { kind: 'invalid' };
}

/** Without the zero of long-distance calls, and the two digits of a carrier behind it. */
function withoutCarrier(number: string): string {
  if (!number.startsWith('0')) return number;
  return /^0\d{2}\d{2}\d{8,9}$/u.test(number) ? number.slice(3) : number.slice(1);
}

function readingOfInternational(number: string): TypedPhoneReading {
  const parsed = parsePhoneNumberFromString(number);
  if (parsed?.isValid() !== true) return { kind: 'invalid' };
  const isBrazilian = parsed.countryCallingCode === '55';
  return isBrazilian && !areaCodes.has(parsed.nationalNumber.slice(0, 2)) ? { kind: 'invalid' } : asRead(parsed);
}

const asRead = (parsed: NonNullable<ReturnType<typeof parsePhoneNumberFromString>>): TypedPhoneReading => ({
  kind: 'ok',
  e164: parsed.number,
  national: parsed.formatNational(),
});

/** A number as it may be shown to whoever knows it: "+55 11 *****-0001"; all stars for what is no number. */
export function maskPhone(e164: string): string {
  const parsed = parsePhoneNumberFromString(e164);
  if (parsed === undefined) return '*****';
  const national: string = parsed.nationalNumber;
  const start = `+${parsed.countryCallingCode} ${parsed.countryCallingCode === '55' ? `${national.slice(0, 2)} ` : ''}`;
  return `${start}*****-${national.slice(-4)}`;
}
