/**
 * The Brazilian ninth digit: mobile numbers got a 9 in front between 2012 and 2016, and WhatsApp knows many
 * accounts by the number without it. Both are the same telephone.
 */

const brazil = '55';
/** Country code, area code, eight digits. */
const lengthWithoutNinth = 12;
const areaEnd = 4;

/** The same Brazilian mobile number with the ninth digit, or without it; undefined for every other number. */
export function otherNinth(digits: string): string | undefined {
  if (!digits.startsWith(brazil)) return undefined;
  const area = digits.slice(0, areaEnd);
  const local = digits.slice(areaEnd);
  if (digits.length === lengthWithoutNinth && /^[6-9]/.test(local)) return `${area}9${local}`;
  return digits.length === lengthWithoutNinth + 1 && /^9[6-9]/.test(local) ? area + local.slice(1) : undefined;
}
