/** `prosa deliveries`: what is being sent. */
import { deliveryStatuses } from '../../api/delivery-status.ts';
import type { Delivery } from '../../api/routes/deliveries.ts';
import { defineCommand } from '../command.ts';
import { listOptions, shortTime, showPage } from '../lists.ts';
import { oneOf, text } from '../options.ts';

export const deliveries = defineCommand({
  name: 'deliveries',
  summary: 'List deliveries, newest change first',
  options: {
    status: oneOf(deliveryStatuses, 'Only those with this status'),
    conversation: text('id', 'Only those of this conversation'),
    instance: text('id', 'Only those through this instance'),
    ...listOptions,
  },
  examples: [
    ['deliveries --status failed', 'what could not be sent, and why'],
    ['deliveries --conversation c_01M7XY07TEGVRTR4BBJ222T4AY', 'all of one conversation'],
  ],
  async run({ options: { status, conversation, instance, limit, cursor } }, { api, out }) {
    const page = await api().list<Delivery>('/v1/deliveries', { status, conversation, instance }, limit, cursor);
    return showPage(out, page, {
      ID: (one) => one.id,
      STATUS: (one) => one.status,
      REASON: (one) => one.reason,
      ATTEMPTS: (one) => one.attempts,
      KIND: (one) => one.kind,
      PROVIDER: (one) => one.provider,
      CONVERSATION: (one) => one.conversationId,
      UPDATED: (one) => shortTime(one.updatedAt),
    });
  },
});
