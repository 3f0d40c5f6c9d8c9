/**
 * Phone numbers as people write them, and the Brazilian ninth digit: mobile numbers got a 9 in front
 * between 2012 and 2016, and WhatsApp knows many accounts by the number without it.
 */

const brazil = '55';
/** Country code, area code, eight digits. */
const lengthWithoutNinth = 12;
const areaEnd = 4;

/**
 * The digits under which somebody may be known, the ones written first. Eleven digits or less without
 * a leading `+` may lack the country code: then Brazil's is tried as well. Empty when it is no number.
 */
export function phoneCandidates(written: string): readonly string[] {
  const digits = written.replace(/\D/g, '');
  if (digits.length < 8 || digits.length > 15) return [];
  const given = [digits];
  const national = (digits.length === 10 || digits.length === 11) && !written.trim().startsWith('+');
  if (national) given.push(brazil + digits);
  return [...new Set(given.flatMap((number) => [number, ...otherNinth(number)]))];
}

/** The same Brazilian mobile number with the ninth digit, or without it. */
function otherNinth(digits: string): readonly string[] {
  if (!digits.startsWith(brazil)) return [];
  const area = digits.slice(0, areaEnd);
  const local = digits.slice(areaEnd);
  if (digits.length === lengthWithoutNinth && /^[6-9]/.test(local)) return [`${area}9${local}`];
  if (digits.length === lengthWithoutNinth + 1 && local.startsWith('9')) return [area + local.slice(1)];
  return [];
}
