/**
 * Tells a conversation what became of a reply: `delivery.updated` on its events and one audit
 * record. Both have ids made of delivery, status and attempt, and the time at which the delivery
 * settled, so that a report made twice is the same report.
 */
import type { SealedDelivery } from '#schemas/content.ts';
import type { DeliveryUpdated } from '#schemas/records.ts';

import { OperatingError } from '#runtime/errors.ts';
import { joinCalls } from '#runtime/joined-calls.ts';
import type { OutgoingRecord } from '#runtime/log/record-log.ts';
import { auditRecord, causedBy, derivedId, outgoing } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { Deliveries, PendingReport } from './deliveries.ts';
import type { PersonFinder } from './people.ts';

/** Reports that are appended together: those that came while others were on their way. */
const appendedMax = 100;

/** Makes the function that reports one delivery. It throws `log.unavailable`, `database.unavailable`; then the outbox keeps it. */
export function createReporter(
  runtime: Pick<Runtime, 'log' | 'vault'>,
  deliveries: Deliveries,
  personOf: PersonFinder,
): (report: PendingReport) => Promise<void> {
  const { log, vault } = runtime;

  const append = joinCalls(
    async (reports: readonly (readonly OutgoingRecord[])[]) => {
      await log.append(reports.flat());
      return reports.map(() => undefined);
    },
    { callsMax: appendedMax },
  );

  const resealed = async (report: PendingReport, eventId: string): Promise<Buffer | null> => {
    if (report.result === null) return null;
    const where = { tenant: report.tenant, actor: report.conversation };
    try {
      const opened = await vault.open<SealedDelivery>(
        { ...where, type: 'delivery.result', eventId: report.id },
        report.result,
      );
      const person = await personOf(report.tenant, report.conversation);
      if (opened.state === 'erased' || person === undefined) return null;
      return await vault.seal({ ...where, type: 'delivery.updated', eventId }, person, report.settledAt, opened.value);
    } catch (caught) {
      // What cannot be read or sealed any more is left out; the status itself is told.
      if (caught instanceof OperatingError && caught.disposition === 'park') return null;
      throw caught;
    }
  };

  return async (report) => {
    const { tenant, id, conversation, instance, revision, status, reason, attempts, settledAt } = report;
    const cause = { tenant, actor: conversation, eventId: id, revision };
    const eventId = derivedId('e', id, status, attempts);
    const updated: DeliveryUpdated = {
      ...causedBy(cause, eventId, settledAt),
      type: 'delivery.updated',
      instance,
      deliveryId: id,
      status,
      reason,
      attempts,
      sealed: await resealed(report, eventId),
    };
    const audit = auditRecord(causedBy(cause, derivedId('e', id, status, attempts, 'audit'), settledAt), {
      action: `delivery.${status}`,
      instance,
      subject: id,
      outcome: reason,
    });
    await append([outgoing(updated), outgoing(audit)]);
    await deliveries.reported(report);
  };
}
