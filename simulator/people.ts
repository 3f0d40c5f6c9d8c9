/** The people of a run: small talk, each the next line when the last was answered, or when patience ended. */
import { chanceOf } from './faults.ts';
import type { Person, Said } from './personalities/personality.ts';
import type { PhoneItem } from './phones.ts';

/** How they behave. */
export interface Habits {
  readonly people: number;
  /** Messages per second, all together. */
  readonly rate: number;
  /** Lines that each says, at most. */
  readonly lines: number;
  /** Milliseconds after which a line that was not answered is followed by the next. */
  readonly patienceMs: number;
}

/** What they need of the simulator. */
export interface Stage {
  readonly seed: number;
  say(person: Person, said: Said): void;
  items(number: string): readonly PhoneItem[];
}

const names = ['Ana', 'Bruno', 'Carla', 'Davi', 'Elisa', 'Fábio', 'Gabriela', 'Heitor', 'Íris', 'João'] as const;
const surnames = ['da Silva', 'Souza', 'Pereira', 'Lima', 'Araújo', 'Rocha', 'Teixeira'] as const;

const one = (of: readonly string[], chance: number): string => of[Math.floor(chance * of.length)] ?? '';

/** Digits of a hidden id, always the same for a number. */
const hiddenOf = (number: string): string => String(Math.floor(chanceOf('hidden', number) * 1e14) + 1e14);

/** The person with that number; name and hidden id come from it. */
export const personOf = (number: string): Person => ({
  number,
  hidden: hiddenOf(number),
  name: `${one(names, chanceOf('name', number))} ${one(surnames, chanceOf('surname', number))}`,
});

/** The number of a run's n-th person. Mobile numbers of São Paulo that nobody has. */
export const numberOf = (seed: number, index: number): string =>
  `551190${String(Math.floor(chanceOf(seed, 'number') * 100)).padStart(2, '0')}${String(index).padStart(5, '0')}`;

/** What somebody says next: through consent and name into the menu, and there this and that. */
function lineOf({ name, number }: Person, line: number, shown: PhoneItem | undefined): Said {
  const opening = ['Oi', 'sim', name][line];
  const text = opening ?? one(['1', '2'], chanceOf(number, line));
  const tapped = shown?.choices?.[opening === undefined ? Math.floor(chanceOf(number, line) * 2) : 0];
  return line > 0 && line !== 2 && tapped !== undefined ? { kind: 'button', ...tapped } : { kind: 'text', text };
}

interface Talk {
  readonly person: Person;
  line: number;
  /** Epoch milliseconds of the last line. */
  since: number;
  /** Items on the phone when it was said. */
  seen: number;
}

/** All of them. */
export class People {
  readonly #habits: Habits;
  readonly #stage: Stage;
  readonly #talks: Talk[];
  #timer: NodeJS.Timeout | undefined;
  #next = 0;

  constructor(habits: Habits, stage: Stage) {
    this.#habits = habits;
    this.#stage = stage;
    this.#talks = Array.from({ length: habits.people }, (_, i) => ({
      person: personOf(numberOf(stage.seed, i)),
      line: 0,
      since: 0,
      seen: 0,
    }));
  }

  get everybody(): readonly Person[] {
    return this.#talks.map(({ person }) => person);
  }

  /** True when everybody said all lines, and was answered or lost patience. */
  get done(): boolean {
    return this.#talks.every((talk) => talk.line >= this.#habits.lines && this.#isReady(talk));
  }

  begin(): void {
    this.#timer ??= setInterval(() => this.#somebody(), 1_000 / this.#habits.rate);
  }

  fallSilent(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The next one who is ready says something. */
  #somebody(): void {
    for (const _ of this.#talks) {
      const talk = this.#talks[this.#next++ % this.#talks.length];
      if (talk === undefined || talk.line >= this.#habits.lines || !this.#isReady(talk)) continue;
      const items = this.#stage.items(talk.person.number);
      this.#stage.say(talk.person, lineOf(talk.person, talk.line, items.at(-1)));
      talk.line += 1;
      talk.since = Date.now();
      talk.seen = this.#stage.items(talk.person.number).length;
      return;
    }
  }

  #isReady({ person, line, since, seen }: Talk): boolean {
    if (line === 0) return true;
    const answered = this.#stage.items(person.number).slice(seen);
    return answered.some(({ by }) => by === 'business') || Date.now() - since > this.#habits.patienceMs;
  }
}
