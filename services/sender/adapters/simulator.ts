import type { SimulatorPhone } from '#runtime/simulator/simulator-phone.ts';

import type { MessageProvider } from '../ports/provider.ts';

/** Sends to the simulated phones. Idempotent by delivery id, so an unknown outcome is simply repeated. */
export const openSimulator = (phone: SimulatorPhone, now: () => number): MessageProvider => ({
  reaches: ['group', 'pn', 'bsuid', 'lid', 'other'],
  async send(instance, message) {
    await phone.deliver({
      tenant: instance.tenant,
      instance: instance.id,
      conversation: message.conversation,
      person: message.person,
      phone: message.chat,
      deliveryId: message.deliveryId,
      at: now(),
      content: message.content,
    });
    // The id that the phone shows: what a person taps on is found by it.
    return { outcome: 'sent', messageId: message.deliveryId, stableId: message.deliveryId };
  },
  async resolve() {
    return { outcome: 'repeat' };
  },
  async close() {
    // Owns nothing.
  },
});
