/** A log that tells when its transactional consumer passes the moments at which a process may die. */
import type { Assignment, OutgoingRecord, RecordLog } from '#runtime/log/record-log.ts';
import { changedLog } from '#runtime/testing/changed-log.ts';
import { decodeRecord } from '#schemas/codec.ts';

import type { Reached } from './plan.ts';

/** The same log. The moments within the log's own transaction are told by its adapter, where it has a seam. */
export const tellingLog = (log: RecordLog, reached: Reached): RecordLog =>
  changedLog(log, {
    consume: (options) =>
      log.consume({
        ...options,
        assigned: (assignment) => options.assigned(options.transactional ? telling(assignment, reached) : assignment),
      }),
  });

function telling(assignment: Assignment, reached: Reached): Assignment {
  const { topic, partition, startOffset, lost } = assignment;
  return {
    topic,
    partition,
    startOffset,
    lost,
    async commit(outputs, nextOffset, prepare) {
      const sources = outputs.flatMap(askedIn);
      await reached('transition', sources);
      await assignment.commit(outputs, nextOffset, async (transaction) => {
        await prepare?.(transaction);
        await reached('snapshot-written', sources);
      });
      await reached('commit-acknowledged', sources);
    },
  };
}

/** Source of the effect that an output asks for. */
function askedIn({ headers, value }: OutgoingRecord): readonly string[] {
  if (headers['ce_type'] !== 'prosa.effect.requested') return [];
  const record = decodeRecord(Buffer.from(value));
  return record.type === 'effect.requested' ? [record.source] : [];
}
