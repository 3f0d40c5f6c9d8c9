/**
 * What identifies a person does not leave for a model: CPF, phone numbers and e-mail addresses are names of
 * things there ("[number 1]"), and what they stand for is put back here.
 */
import { readCpf, redactIds } from '#machines/understanding/brazilian-ids.ts';

/** Marks of one request. */
export interface Redaction {
  /** The text without what identifies. The same thing has the same mark. */
  readonly hide: (text: string) => string;
  /** The text with what its marks stand for. */
  readonly restore: (text: string) => string;
}

const email = /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/gu;
/** Digits with what stands between them in numbers of people. Days and times have fewer, or other marks. */
const number = /\+?\(?\p{Nd}(?:[\s().\-‐-―]{0,3}\p{Nd}){7,24}/gu;
const isoDay = /^\d{4}-\d{2}-\d{2}(?!\d)/;
const numberDigits = 9;
/** "9999-0001", "99990001": a number without its area. */
const localNumber = /^\p{Nd}{4}[\s.-]?\p{Nd}{4}$/u;
const mark = /\[(?:cpf|number|e-mail) \d{1,3}\]/g;
const marksMax = 200;

/** Begins one. */
export function startRedaction(): Redaction {
  const marks = new Map<string, string>();
  const originals = new Map<string, string>();

  const markOf = (kind: 'cpf' | 'number' | 'e-mail', original: string): string => {
    const known = marks.get(original);
    if (known !== undefined) return known;
    const made = `[${kind} ${(marks.size + 1).toString()}]`;
    if (marks.size < marksMax) {
      marks.set(original, made);
      originals.set(made, original);
    }
    return made;
  };

  const markNumber = (found: string): string => {
    const digits = found.match(/\p{Nd}/gu)?.length ?? 0;
    if (isoDay.test(found) || (digits < numberDigits && !localNumber.test(found))) return found;
    return markOf(readCpf(found).kind === 'ok' ? 'cpf' : 'number', found);
  };

  return {
    // Marks that a person writes are words: what they would stand for is somebody's.
    hide: (text) =>
      redactIds(
        text
          .replace(mark, '')
          .replace(email, (found) => markOf('e-mail', found))
          .replace(number, markNumber),
      ),
    restore: (text) => text.replace(mark, (found) => originals.get(found) ?? found),
  };
}
