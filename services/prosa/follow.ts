/** Following something that goes on: polling with back-off, until the user or a time limit ends it. */
import { setTimeout as sleep } from 'node:timers/promises';

import { CommandError, exitCodes } from './exit-codes.ts';
import { optionalDuration } from './options.ts';
import type { Session } from './session.ts';

/** Milliseconds between looks: soon after something was new, later while nothing is. */
const pauseMs = { least: 500, growth: 1.5, most: 5_000, away: 30_000 } as const;

/** Ids remembered, so that nothing is shown twice. */
const rememberedMax = 10_000;

/** Options of every command that follows. */
export const followOptions = { for: optionalDuration('Stop after this long', 7 * 86_400_000) };

/**
 * Looks again and again. `look` shows what is new and tells whether anything was. While the API is away
 * it is asked less and less often, which is said once; any other refusal ends it.
 */
export async function follow(session: Session, forMs: number | undefined, look: () => Promise<boolean>): Promise<void> {
  const { out, signal } = session;
  const until = forMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + forMs;
  let pause: number = pauseMs.least;
  let away = false;
  while (performance.now() < until) {
    try {
      const news = await look();
      if (away) out.note('It answers again.');
      away = false;
      pause = news ? pauseMs.least : Math.min(pause * pauseMs.growth, pauseMs.most);
    } catch (caught) {
      if (signal.aborted || !(caught instanceof CommandError) || caught.exitCode !== exitCodes.unavailable)
        throw caught;
      if (!away) out.note(`${caught.message} Trying again …`);
      away = true;
      pause = Math.min(Math.max(pause * 2, (caught.retryAfterSeconds ?? 0) * 1_000), pauseMs.away);
    }
    await sleep(Math.max(0, Math.min(pause, until - performance.now())), undefined, { signal });
  }
}

/** Tells what was there before; forgets the oldest. */
export class Seen {
  readonly #seen = new Set<string>();

  /** True the first time. */
  isNew(id: string): boolean {
    if (this.#seen.has(id)) return false;
    this.#seen.add(id);
    if (this.#seen.size > rememberedMax) for (const oldest of this.#seen) return this.#seen.delete(oldest);
    return true;
  }
}
