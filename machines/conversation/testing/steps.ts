/** What can happen to a conversation, in the words of its tests. */
import type { Untold } from '#machines/testing/given.ts';
import type { InboundContent } from '#schemas/content.ts';

/** The person sends something. */
export const sends = (content: InboundContent): Untold => ({ type: 'message.received', content });

/** The person writes. */
export const says = (text: string): Untold => sends({ kind: 'text', text });

/** The person presses a button. */
export const presses = (id: string, title: string): Untold => sends({ kind: 'button', id, title });

/** The person sends a voice note. */
export const speaks = (): Untold => sends({ kind: 'audio', media: { voice: true, mimetype: 'audio/ogg' } });

/** The API, an operator or a broadcast asks for a message to be sent. */
export const requests = (messageId: string, origin = 'api', priority = 'normal'): Untold => ({
  type: 'message.requested',
  messageId,
  origin,
  priority,
  content: { kind: 'text', text: `mensagem ${messageId}` },
});

/** What happens without being said to the machine by the person, and must change nothing. */
export const asides: readonly Untold[] = [
  { type: 'message.echoed', source: 'api' },
  { type: 'message.echoed', source: 'unknown' },
  { type: 'message.changed', change: 'edited', text: 'PARAR' },
  { type: 'message.changed', change: 'revoked' },
  { type: 'delivery.updated', deliveryId: 'd_1', status: 'sent' },
  { type: 'delivery.updated', deliveryId: 'd_1', status: 'failed', reason: 'x' },
];

/** The shortest ways into each state. */
export const waysInto = {
  idle: [],
  consent: [says('Oi')],
  name: [says('Oi'), says('sim')],
  menu: [says('Oi'), says('sim'), says('Ana Souza')],
  waitingForPerson: [says('Oi'), says('sim'), says('Ana Souza'), says('3')],
  declined: [says('Oi'), says('não')],
} as const satisfies Readonly<Record<string, readonly Untold[]>>;
