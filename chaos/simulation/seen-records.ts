/** The log of a simulation as the checker of histories wants it. */
import { OperatingError } from '#runtime/errors.ts';
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { recordOf } from '#runtime/records.ts';
import type { SealedMessage } from '#schemas/content.ts';
import type { ProsaRecord } from '#schemas/records.ts';
import { parkedTopicOf, topics } from '#schemas/topics.ts';

import type { SeenRecord, TopicRole } from '../history.ts';
import { openPlain } from './vault.ts';

const roles = new Map<string, TopicRole>([
  [topics.events, 'events'],
  [topics.effects, 'effects'],
  [topics.timers, 'timers'],
  [topics.replies, 'replies'],
  [topics.audit, 'audit'],
  [parkedTopicOf(topics.events), 'parked events'],
]);

/** What can be read of some records. */
export const seenRecords = (logged: readonly LoggedRecord[]): readonly SeenRecord[] => logged.flatMap(seenRecord);

function seenRecord(logged: LoggedRecord): readonly SeenRecord[] {
  const topic = roles.get(logged.topic);
  const record = decoded(logged);
  if (topic === undefined || record === undefined) return [];
  const { partition, offset } = logged;
  const { type, actor, eventId, causationId } = record;
  // What could not be decoded is parked without a cause: it has no id.
  const transactional = (topic !== 'events' && causationId !== null) || type === 'conversation.quarantined';
  return [{ topic, partition, offset, type, actor, eventId, causationId, transactional, ...partsOf(record) }];
}

/** What of some types the checker looks at. */
function partsOf(record: ProsaRecord): Partial<SeenRecord> {
  switch (record.type) {
    case 'message.received':
      return messageOf(record);
    case 'timer.set':
      return { timerId: record.timerId };
    case 'timer.cancelled':
    case 'timer.fired':
      return { timerId: record.timerId, generation: record.generation };
    case 'effect.requested':
    case 'effect.cancelled':
    case 'effect.completed':
      return { effectId: record.effectId };
    case 'audit.recorded':
      return { action: record.action };
    default:
      return {};
  }
}

function messageOf(record: ProsaRecord & { readonly sealed: Uint8Array | null }): Partial<SeenRecord> {
  const opened = readable(() => openPlain<SealedMessage>(record, record.sealed ?? Buffer.alloc(0)));
  return opened === undefined ? {} : { message: opened.stableId };
}

const decoded = (logged: LoggedRecord): ProsaRecord | undefined => readable(() => recordOf(logged));

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.disposition !== 'park') throw caught;
    return undefined;
  }
}
