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

const begun = (hello: string, yes: string, no: string) =>
  ({
    idle: [],
    consent: [says(hello)],
    name: [says(hello), says(yes)],
    menu: [says(hello), says(yes), says('Ana Souza')],
    waitingForPerson: [says(hello), says(yes), says('Ana Souza'), says('3')],
    declined: [says(hello), says(no)],
  }) as const satisfies Readonly<Record<string, readonly Untold[]>>;

/** The shortest ways into each state, in the words of each language. */
export const waysInOf = {
  'pt-BR': begun('Oi', 'sim', 'não'),
  en: begun('Hi', 'yes', 'no'),
  es: begun('Hola', 'sí', 'no'),
} as const;

/** The same in pt-BR. */
export const waysInto = waysInOf['pt-BR'];
