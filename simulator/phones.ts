/**
 * The phones: what each shows, in order, and what can be said against it.
 *
 * D1 Doubled: the same words twice, with nothing from the person between and nothing left to answer. Of a
 *    provider that takes our message id, sends that come again with it are one message and counted as
 *    repeats, not here.
 * D2 Out of order: of texts that differ in their last number alone, a lower one after a higher one.
 */
import type { AcceptedMessage, Choice, Person, Recipient, Said } from './personalities/personality.ts';

/** What a phone shows. */
export interface PhoneItem {
  readonly id: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly by: 'person' | 'business';
  readonly type: string;
  readonly text: string;
  readonly choices?: readonly Choice[];
}

/** A phone in figures. */
export interface PhoneReport {
  readonly number: string;
  readonly wrote: number;
  readonly received: number;
  readonly doubled: number;
  readonly outOfOrder: number;
}

const phonesMax = 20_000;
const itemsMax = 10_000;

/** One phone. */
class Phone {
  readonly items: PhoneItem[] = [];
  readonly #highest = new Map<string, number>();
  readonly #since = new Set<string>();
  #unanswered = 0;
  #wrote = 0;
  #received = 0;
  #doubled = 0;
  #outOfOrder = 0;

  show(item: PhoneItem): void {
    if (this.items.length >= itemsMax) this.items.shift();
    this.items.push(item);
    if (item.by === 'person') {
      this.#wrote += 1;
      this.#unanswered += 1;
      this.#since.clear();
      return;
    }
    this.#received += 1;
    const words = `${item.type}/${item.text}`;
    if (this.#since.has(words) && this.#unanswered === 0) this.#doubled += 1;
    this.#since.add(words);
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    this.#compare(item.text);
  }

  report(number: string): PhoneReport {
    const [wrote, received, doubled, outOfOrder] = [this.#wrote, this.#received, this.#doubled, this.#outOfOrder];
    return { number, wrote, received, doubled, outOfOrder };
  }

  #compare(text: string): void {
    const [, family = '', number, end = ''] = /^(.*\D|)(\d{1,12})(\D*)$/s.exec(text) ?? [];
    if (number === undefined) return;
    const key = `${family}#${end}`;
    const highest = this.#highest.get(key);
    if (highest !== undefined && Number(number) < highest) this.#outOfOrder += 1;
    this.#highest.set(key, Math.max(highest ?? 0, Number(number)));
  }
}

/** All of them, by number; a hidden id is its owner's. */
export class Phones {
  readonly #phones = new Map<string, Phone>();
  readonly #numberOfHidden = new Map<string, string>();

  /** Makes the hidden id known. */
  know({ number, hidden }: Person): void {
    this.#numberOfHidden.set(hidden, number);
  }

  /** Whose phone it is; undefined for a hidden id that nobody has, and for groups. */
  numberOf({ kind, id }: Recipient): string | undefined {
    if (kind === 'group') return undefined;
    return kind === 'hidden' ? this.#numberOfHidden.get(id) : id;
  }

  wrote(number: string, id: string, said: Said, at: number): void {
    const text = said.kind === 'text' ? said.text : said.kind === 'button' ? said.title : '';
    this.#phone(number)?.show({ id, at, by: 'person', type: said.kind, text });
  }

  /** False when nobody's phone it is. */
  received({ id, to, type, text, choices, at }: AcceptedMessage): boolean {
    const number = this.numberOf(to);
    if (number === undefined) return false;
    const shown = choices.length === 0 ? {} : { choices };
    this.#phone(number)?.show({ id, at, by: 'business', type, text, ...shown });
    return true;
  }

  /** What a phone shows, oldest first; the last 10 000. */
  items(number: string): readonly PhoneItem[] {
    return this.#phones.get(number)?.items ?? [];
  }

  reports(): readonly PhoneReport[] {
    return [...this.#phones].map(([number, phone]) => phone.report(number));
  }

  #phone(number: string): Phone | undefined {
    const known = this.#phones.get(number);
    if (known !== undefined || this.#phones.size >= phonesMax) return known;
    const made = new Phone();
    this.#phones.set(number, made);
    return made;
  }
}
