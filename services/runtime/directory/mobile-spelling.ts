/**
 * Mobile numbers that have two spellings, of which WhatsApp knows an account by one and people dial the other.
 *
 * - Brazil: a 9 was put in front between 2012 and 2016, and many accounts are known without it.
 * - Mexico and Argentina: a 1, or a 9, behind the country code is part of the account's number, and dialled from nowhere or
 *   from abroad alone (Evolution, `createJid.ts`).
 */

/** Country code, area code, eight digits. */
const brazilLength = 12;
const brazilAreaEnd = 4;

/** The mark stands between the country code and ten digits, which begin with an area code. */
const marked: readonly { readonly country: string; readonly mark: string; readonly national: RegExp }[] = [
  { country: '52', mark: '1', national: /^[2-9]\d{9}$/ },
  { country: '54', mark: '9', national: /^(?:11|[23]\d)\d{8}$/ },
];

/** The other spelling of the same mobile number; undefined for every number that has one alone. */
export function otherMobileSpelling(digits: string): string | undefined {
  if (digits.startsWith('55')) return otherNinth(digits);
  const rule = marked.find(({ country }) => digits.startsWith(country));
  if (rule === undefined) return undefined;
  const { country, mark, national } = rule;
  const local = digits.slice(country.length);
  if (national.test(local)) return country + mark + local;
  return local.startsWith(mark) && national.test(local.slice(mark.length))
    ? country + local.slice(mark.length)
    : undefined;
}

function otherNinth(digits: string): string | undefined {
  const area = digits.slice(0, brazilAreaEnd);
  const local = digits.slice(brazilAreaEnd);
  if (digits.length === brazilLength && /^[6-9]/.test(local)) return `${area}9${local}`;
  return digits.length === brazilLength + 1 && /^9[6-9]/.test(local) ? area + local.slice(1) : undefined;
}
