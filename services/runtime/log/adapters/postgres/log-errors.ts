/** Postgres' failures in the words of the log port. */
import { isUnavailable } from '../../../database/database.ts';
import { OperatingError } from '../../../errors.ts';

/** What a failed statement or transaction means to the log's callers: `log.unavailable`, or the error itself. */
export function logErrorOf(caught: unknown): unknown {
  if (caught instanceof OperatingError)
    return caught.code === 'database.unavailable' ? new OperatingError('log.unavailable', undefined, caught) : caught;
  if (isUnavailable(caught)) return new OperatingError('log.unavailable', undefined, caught);
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
