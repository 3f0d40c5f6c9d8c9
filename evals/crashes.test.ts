/**
 * Goal: a turn survives kill -9 between any two of its effects: one booking, one answer. Method: `crashes.cases.ts`; at every
 * point with `EVALS=all`, else at one of each kind.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { type Death, Mortals, deaths, nameOf } from './crashes.cases.ts';

/** Of each kind of moment one, at the effects where most is at stake. */
const usual: readonly string[] = [
  'effect model.propose answer-kept',
  'effect calendar.book carried-out',
  'effect mail.confirm answer-told',
  'commit calendar.book commit-acknowledged',
];
const isStaged = ({ of, source, point }: Death): boolean =>
  process.env['EVALS'] === 'all' || usual.includes(`${of} ${source} ${point}`);
const staged = deaths.filter(isStaged);

describe('a process that is killed', () => {
  let mortals: Mortals;
  beforeAll(async () => {
    // And one of each kind without a death.
    mortals = await Mortals.open({ conversations: staged.length + 2 });
  }, 120_000);
  afterAll(() => mortals.close());

  test('has what it was at done by another: what that is without a death', async () => {
    const { turns, rows, mails } = await mortals.undisturbed('booking');
    expect(turns.filter((turn) => turn.includes('asks'))).toEqual([
      'said: asks model.propose',
      'said: asks calendar.find',
      'answered calendar.find: asks calendar.hold',
      'said: asks calendar.book',
      'said: asks mail.confirm',
    ]);
    expect([rows, mails]).toEqual([1, 1]);
  }, 120_000);

  test.each(staged.map((death) => [nameOf(death), death] as const))(
    '%s: one booking, one answer',
    (_, death) => mortals.survives(death),
    120_000,
  );

  test('and every conversation is what follows from its records', () => mortals.replays(), 60_000);
});
