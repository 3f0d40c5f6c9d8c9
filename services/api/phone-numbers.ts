/** Phone numbers as people write them. */
import { otherMobileSpelling } from '#runtime/directory/mobile-spelling.ts';

const brazil = '55';

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
  return [...new Set(given.flatMap((number) => [number, otherMobileSpelling(number) ?? number]))];
}
