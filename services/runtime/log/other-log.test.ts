// Goal: tables and log that do not belong together are found before anything is written to either, and those
// that do are not. Method: ends and rows by hand.
import { expect, test } from 'vitest';

import { topics } from '#schemas/topics.ts';

import type { Database, Sql } from '../database/database.ts';
import { refuseOtherLog } from './other-log.ts';
import { expectCode } from '#runtime/testing/record-log-cases/case.ts';

const refuse = (applied: readonly number[], ends: readonly number[]): Promise<void> =>
  refuseOtherLog(
    {
      ends: async (topic) => {
        expect(topic).toBe(topics.events);
        return ends.map((stableEnd, partition) => ({ partition, start: 0, stableEnd, end: stableEnd }));
      },
    },
    {
      transaction: (_tenants: readonly string[], work: (sql: Sql) => Promise<unknown>) =>
        work({
          query: async () => ({
            rows: applied.map((progress, partition) => ({ partition, progress: String(progress) })),
          }),
        } as unknown as Sql),
    } as unknown as Database,
  );

test('an empty log under tables that have applied records is refused, with what to set', async () => {
  await expectCode(refuse([0, 22], [0, 0]), 'log.offset-out-of-range');
  await expect(refuse([0, 22], [0, 0])).rejects.toThrow(/partition 1 .* offset 22, .* ends at 0.*PROSA_DATA_DIR/);
});

test.each([
  ['nothing was applied', [], [0, 0]],
  ['all was applied', [5, 22], [5, 22]],
  ['some waits', [5, 21], [7, 22]],
  ['rows are of partitions that are no more', [5, 22, 9], [5, 22]],
])('is the log as before when %s', async (_case, applied, ends) => {
  await refuse(applied, ends);
});
