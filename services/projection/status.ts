/**
 * How far a message of ours got, from two witnesses that report in any order: the sender
 * (`delivery.updated`) and the provider (`message.status`).
 *
 * Every report has a rank; the greatest known rank is the status. Ranks are totally ordered, so the
 * outcome is the same for every order and repetition of the reports, and never goes backwards.
 */
import type { DeliveryUpdated, MessageStatus } from '#schemas/records.ts';

/** One report, ranked. */
export interface RankedStatus {
  /** As the REST contract names it. */
  readonly status: string;
  readonly rank: number;
}

/** Statuses that say: not sent. Among them the report after the most attempts counts, then the later in this list. */
const unsent = ['sending', 'cancelled', 'manual', 'unknown', 'failed'] as const;
const attemptsMax = 1_000_000;

/** Evidence that the provider has it outranks any number of attempts that failed. */
const sentRank = unsent.length * (attemptsMax + 1);

/**
 * What the provider says. It can accept a message and fail later, so its `failed` is above `sent`;
 * whoever received or read a message outranks that. `played` is for voice what `read` is for text.
 */
const providerRanks: Readonly<Record<string, RankedStatus>> = {
  pending: { status: 'sending', rank: 1 },
  sent: { status: 'sent', rank: sentRank },
  failed: { status: 'failed', rank: sentRank + 1 },
  delivered: { status: 'delivered', rank: sentRank + 2 },
  read: { status: 'read', rank: sentRank + 3 },
  played: { status: 'read', rank: sentRank + 4 },
};

/** The rank of a provider's report; undefined when the status is not known to this release. */
export const statusReported = (record: Pick<MessageStatus, 'status'>): RankedStatus | undefined =>
  Object.hasOwn(providerRanks, record.status) ? providerRanks[record.status] : undefined;

/** The rank of the sender's report; undefined when the status is not known to this release. */
export function statusDelivered(record: Pick<DeliveryUpdated, 'status' | 'attempts'>): RankedStatus | undefined {
  if (record.status === 'sent') return { status: 'sent', rank: sentRank };
  const place = unsent.findIndex((status) => status === record.status);
  if (place < 0) return undefined;
  const attempts = Math.min(Math.max(record.attempts, 0), attemptsMax);
  return { status: record.status, rank: attempts * unsent.length + place };
}
