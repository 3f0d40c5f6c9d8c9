/**
 * Crashes at any step. Parts are wrapped so that each of their calls is a step; at the one that is due, the process
 * "dies": before the step is done or just after it, and from then on does nothing more.
 */

/** What is thrown where a process would have died. */
class Crash extends Error {
  override readonly name = 'Crash';
}

/** Counts steps, and dies at one of them. */
export class CrashPlan {
  readonly #dieAt: number;
  readonly #when: 'before' | 'after';
  #steps = 0;

  /** `dieAt` counts from 0. */
  constructor(dieAt: number, when: 'before' | 'after') {
    this.#dieAt = dieAt;
    this.#when = when;
  }

  /** Whether there were enough steps to die. */
  get died(): boolean {
    return this.#steps > this.#dieAt;
  }

  /** The same thing, whose calls are steps. */
  wrap<Part extends object>(part: Part): Part {
    return new Proxy(part, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => this.#step(() => Reflect.apply(value, target, args) as Promise<unknown>);
      },
    });
  }

  async #step(work: () => Promise<unknown>): Promise<unknown> {
    const step = this.#steps++;
    if (step > this.#dieAt || (step === this.#dieAt && this.#when === 'before')) throw new Crash();
    const result = await work();
    if (step === this.#dieAt) throw new Crash();
    return result;
  }
}

/** Runs something, dying at each of its steps in turn, before and after it; `attempt` is told the plan and must see to a life after it. */
export async function atEveryCrash(attempt: (plan: CrashPlan, name: string) => Promise<void>): Promise<number> {
  for (let step = 0; ; step += 1) {
    let died = false;
    for (const when of ['before', 'after'] as const) {
      const plan = new CrashPlan(step, when);
      await attempt(plan, `${when}-${step}`);
      died ||= plan.died;
    }
    if (!died) return step;
  }
}
