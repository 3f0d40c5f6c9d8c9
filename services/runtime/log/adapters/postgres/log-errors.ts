/** Postgres' failures in the words of the log port. */
import { OperatingError } from '../../../errors.ts';

/**
 * SQLSTATE classes and codes that say "not now" about a sound statement: connection, resources (disk
 * full too), rollback by conflict, operator or timeout, I/O, lock not available, read-only after a failover.
 */
const passing = /^(08|40|53|55|57|58)|^25(006|P03)$/;

/** What a failed statement or transaction means to the log's callers: `log.unavailable`, or the error itself. */
export function logErrorOf(caught: unknown): unknown {
  if (caught instanceof OperatingError)
    return caught.code === 'database.unavailable' ? new OperatingError('log.unavailable', undefined, caught) : caught;
  if (caught instanceof Error && 'code' in caught && typeof caught.code === 'string' && passing.test(caught.code))
    return new OperatingError('log.unavailable', undefined, caught);
  return caught;
}

/** Runs `work` with its failures in the words of the log port. */
export async function asLog<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    throw logErrorOf(caught);
  }
}

/** A topic that set-up did not create: nothing can be done about it at run time. */
export const noSuchTopic = (topic: string): OperatingError =>
  new OperatingError('config.invalid', `The topic ${topic} does not exist.`);
