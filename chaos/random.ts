/** Every choice of a staging comes from its seed. */
import { type Chance, chanceOf } from '#runtime/log/adapters/simulated/chance.ts';

/** A source of choices. */
export class Random implements Chance {
  #chance: Chance;

  constructor(seed: number) {
    this.#chance = chanceOf(seed);
  }

  /** Begins the choices of another seed. */
  reseed(seed: number): void {
    this.#chance = chanceOf(seed);
  }

  share(): number {
    return this.#chance.share();
  }

  below(end: number): number {
    return this.#chance.below(end);
  }

  once(every: number): boolean {
    return this.#chance.once(every);
  }

  /** One of some things, of which there is at least one. */
  one<T>(of: readonly [T, ...T[]]): T {
    return of[this.below(of.length)] ?? of[0];
  }
}
