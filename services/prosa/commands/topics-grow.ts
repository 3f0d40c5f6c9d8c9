/** `prosa topics grow`: more partitions. Works on the log and Postgres themselves, while nothing runs. */
import { readConfig } from '#runtime/config.ts';
import { createLogger } from '#runtime/logger.ts';

import { defineCommand } from '../command.ts';
import { CommandError, exitCodes, usageError } from '../exit-codes.ts';
import { flag, optionalInteger } from '../options.ts';
import { root } from '../session.ts';

const partitionsMax = 10_000;

export const topicsGrow = defineCommand({
  name: 'topics grow',
  summary: 'Give every topic more partitions, while all services are stopped',
  description:
    'The log goes on with new topics; the old ones are kept for reading. Settings come from the environment, as those of the services do. Stop ingest, wait until topics shows no lag, stop the rest; run this; start again. It may be repeated when it was interrupted.',
  options: {
    partitions: optionalInteger('n', 'How many there are to be, more than now', { min: 2, max: partitionsMax }),
    'dry-run': flag('Look whether it can be done, and say what would be'),
  },
  examples: [
    ['topics grow --partitions 48 --dry-run', 'can it be done now?'],
    ['topics grow --partitions 48', 'do it'],
  ],
  async run({ options }, { out, environment }) {
    const { partitions, 'dry-run': dryRun } = options;
    if (partitions === undefined) throw usageError('--partitions must be given.');
    process.chdir(root);
    const config = readConfig(environment);
    const { GrowthRefused, grow } = await import('../../set-up/grow.ts');
    const step = (text: string): void => out.note(text);
    try {
      const { from, to } = await grow(config, createLogger('error', 'set-up'), {
        partitionCount: partitions,
        dryRun,
        step,
      });
      out.result({ dryRun, from, to }, () => [
        `${dryRun ? 'It can be done: the' : 'The'} topics ${dryRun ? 'would have' : 'have'} ${to.partitionCount} partitions instead of ${from.partitionCount}.`,
        dryRun ? 'Nothing was changed.' : 'Start the services.',
      ]);
      return exitCodes.ok;
    } catch (caught) {
      if (!(caught instanceof GrowthRefused)) throw caught;
      throw new CommandError(exitCodes.refused, caught.message, { hint: caught.hint, code: 'growth.refused' });
    }
  },
});
