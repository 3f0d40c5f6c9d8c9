/**
 * The Brazilian tax numbers of people (CPF) and firms (CNPJ): read, masked, found.
 *
 * Right check digits say that a number was typed without a slip, not whose it is. A CNPJ may have letters
 * in its first twelve places since July 2026 (Receita Federal, IN RFB 2.229/2024).
 */
import { textLengthMax } from '../conversation/lexicon.ts';

/** What was read. `digits` is without punctuation; a CNPJ's may be capital letters among them. */
export type BrazilianIdReading =
  | { readonly kind: 'ok'; readonly digits: string }
  | { readonly kind: 'invalid'; readonly reason: 'length' | 'check-digits' | 'repeated' }
  /** No number of that kind was tried. */
  | { readonly kind: 'none' };

const cpfLength = 11;
const cnpjLength = 14;

/** Digits from which on a number in the midst of other words was meant as one of these. */
const meantLength = 8;

/** The CPF in a text: "529.982.247-25", "meu cpf é 52998224725". The first valid one, if there are several. */
export function readCpf(text: string): BrazilianIdReading {
  const read = text.slice(0, textLengthMax);
  return idAmong(numbersIn(read), { length: cpfLength, isValid: isCpf, isAsked: isNumber(read) || /cpf/iu.test(read) });
}

/** The CNPJ in a text, of digits, or of letters and digits. The first valid one, if there are several. */
export function readCnpj(text: string): BrazilianIdReading {
  const read = text.slice(0, textLengthMax).normalize('NFKC').slice(0, textLengthMax);
  const lettered = [...read.matchAll(letteredCnpj)].map((found) => plain(found[0]));
  // Without five digits it is words that happen to end in a number.
  const meant = lettered.filter((id) => isCnpj(id) || id.replace(/\D/gu, '').length > 4);
  return idAmong([...meant, ...numbersIn(read)], {
    length: cnpjLength,
    isValid: isCnpj,
    isAsked: isNumber(read) || /cnpj/iu.test(read),
  });
}

interface IdKind {
  readonly length: number;
  readonly isValid: (digits: string) => boolean;
  /** True if whatever number there is was meant as an id. */
  readonly isAsked: boolean;
}

function idAmong(found: readonly string[], { length, isValid, isAsked }: IdKind): BrazilianIdReading {
  const digits = found.find(isValid);
  if (digits !== undefined) return { kind: 'ok', digits };
  const whole = found.find((each) => each.length === length);
  if (whole !== undefined) return { kind: 'invalid', reason: isRepeated(whole) ? 'repeated' : 'check-digits' };
  const isTried = found.some((each) => isAsked || each.length >= meantLength);
  return isTried ? { kind: 'invalid', reason: 'length' } : { kind: 'none' };
}

const isNumber = (text: string): boolean => /^[\p{Nd}\s./-]+$/u.test(text);
const isRepeated = (digits: string): boolean => /^(.)\1*$/u.test(digits);
const plain = (id: string): string => id.replace(/[^\p{L}\p{N}]/gu, '').toUpperCase();

/** True for eleven digits with the right check digits, not all the same. */
const isCpf = (digits: string): boolean =>
  /^\d{11}$/u.test(digits) &&
  !isRepeated(digits) &&
  checkDigit(digits.slice(0, 9), 11) === digits[9] &&
  checkDigit(digits.slice(0, 10), 11) === digits[10];

/** True for twelve capital letters or digits with their two check digits, not all the same. */
const isCnpj = (digits: string): boolean =>
  /^[A-Z\d]{12}\d{2}$/u.test(digits) &&
  !isRepeated(digits) &&
  checkDigit(digits.slice(0, 12), 9) === digits[12] &&
  checkDigit(digits.slice(0, 13), 9) === digits[13];

/** Modulo 11 over weights that rise from 2 at the right, and begin again at 2 after `weightMax`. */
function checkDigit(body: string, weightMax: number): string {
  let sum = 0;
  let weight = 2;
  for (let place = body.length - 1; place >= 0; place -= 1) {
    // A letter counts as its code less that of "0", as a digit does.
    sum += (body.charCodeAt(place) - 48) * weight;
    weight = weight === weightMax ? 2 : weight + 1;
  }
  const remainder = sum % 11;
  return remainder < 2 ? '0' : (11 - remainder).toString();
}

/** `***.982.247-**`, of eleven digits; all stars where there are not eleven. */
export function maskCpf(digits: string): string {
  const [, middle = '***', next = '***'] = /^\d{3}(\d{3})(\d{3})\d{2}$/u.exec(digits) ?? [];
  return `***.${middle}.${next}-**`;
}

/** `12.***.***` + `/0001-**`, of fourteen characters; all stars where there are not fourteen. */
export function maskCnpj(digits: string): string {
  const [, start = '**', branch = '****'] = /^([A-Z\d]{2})[A-Z\d]{6}([A-Z\d]{4})\d{2}$/u.exec(digits) ?? [];
  return `${start}.***.***/${branch}-**`;
}

/** True if the text has a whole valid CPF or CNPJ, with or without punctuation, also spaced out. Linear in the text. */
export const containsCpf = (text: string): boolean => idsIn(text).length > 0;

/** The text with every CPF and CNPJ that `containsCpf` finds masked, and nothing else changed. Linear in the text. */
export function redactIds(text: string): string {
  let redacted = '';
  let from = 0;
  for (const { start, end, mask } of idsIn(text)) {
    redacted += text.slice(from, start) + mask;
    from = end;
  }
  return redacted + text.slice(from);
}

interface FoundId {
  readonly start: number;
  readonly end: number;
  readonly mask: string;
}

/** The ids in a text, in order, none within another. */
function idsIn(text: string): readonly FoundId[] {
  const found = [...text.matchAll(digitRun)].flatMap((run) => idsInRun(run[0], run.index));
  for (const { 0: written, index } of text.matchAll(letteredCnpj)) {
    const id = plain(written);
    if (isCnpj(id)) found.push({ start: index, end: index + written.length, mask: maskCnpj(id) });
  }
  found.sort((one, other) => one.start - other.start || other.end - one.end);
  let end = 0;
  return found.filter((id) => {
    const isApart = id.start >= end;
    if (isApart) end = id.end;
    return isApart;
  });
}

/** Digits with at most three marks or blanks between them. */
const digitRun = /\p{Nd}(?:[\s.\-‐-―/_·*,\p{Cf}()]{0,3}\p{Nd})*/gu;

const letteredCnpj =
  /(?<![\p{L}\p{N}])[A-Z\d]{2}[. ]?[A-Z\d]{3}[. ]?[A-Z\d]{3}[/ ]?[A-Z\d]{4}[- ]?\d{2}(?![\p{L}\p{N}])/giu;

/** Ids that begin and end where a group of digits does, so that a part of a longer number is none. */
function idsInRun(run: string, at: number): readonly FoundId[] {
  const groups = [...run.matchAll(/\p{Nd}+/gu)].map(({ 0: written, index }) => ({ written, index }));
  const found: FoundId[] = [];
  for (let first = 0; first < groups.length; first += 1) {
    let digits = '';
    const lengths: number[] = [];
    for (let last = first; last < groups.length && digits.length < cnpjLength; last += 1) {
      const group = groups[last];
      if (group === undefined) break;
      const added = asciiDigits(group.written);
      digits += added;
      lengths.push(added.length);
      const mask = maskOf(digits, lengths);
      if (mask === undefined) continue;
      found.push({ start: at + (groups[first]?.index ?? 0), end: at + group.index + group.written.length, mask });
    }
  }
  return found;
}

function maskOf(digits: string, lengths: readonly number[]): string | undefined {
  // "11 99999-0001" is how phone numbers are written, and one in a hundred would pass.
  if (isCpf(digits) && lengths.join(' ') !== '2 5 4') return maskCpf(digits);
  return isCnpj(digits) ? maskCnpj(digits) : undefined;
}

/** Numbers of a text, each as plain digits, without the marks within them. */
function numbersIn(text: string): readonly string[] {
  const labelled = text.replace(/(?:cpf|cnpj)(?=[\p{Nd}:])/giu, '$& ');
  const runs = [...labelled.matchAll(/(?<![\p{L}\p{Nd}])\p{Nd}(?:[\s./-]{0,3}\p{Nd})*(?![\p{L}\p{Nd}])/gu)];
  return runs.flatMap(({ 0: run }) => {
    const groups = run.match(/[\p{Nd}.-]+/gu) ?? [];
    // "52998224725 11999990001" is two numbers; "529 982 247 25" is one.
    return [asciiDigits(run), ...(groups.length > 1 ? groups.map(asciiDigits) : [])];
  });
}

/** The decimal digits of a text, of whatever script, as ASCII. */
const asciiDigits = (text: string): string => (text.match(/\p{Nd}/gu) ?? []).map(asciiDigit).join('');

function asciiDigit(digit: string): string {
  const compatible = digit.normalize('NFKC');
  if (/^\d$/u.test(compatible)) return compatible;
  // Each script has its ten digits in a row, zero first.
  let value = 0;
  const code = digit.codePointAt(0) ?? 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value += 1;
  return value.toString();
}
