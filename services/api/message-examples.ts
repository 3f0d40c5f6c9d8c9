/** A call for every kind of message. */
import type { z } from 'zod';

import { exampleIds, examplePhone } from './example-ids.ts';
import type { contentFields } from './message-content.ts';

type Content = z.input<z.ZodObject<typeof contentFields>>;

const to = { instanceId: exampleIds.instance, to: examplePhone };

const contents: readonly (readonly [summary: string, content: Content])[] = [
  [
    'A text that answers a message, after a moment of typing',
    { text: 'Até amanhã!', replyTo: exampleIds.message, typingMs: 500 },
  ],
  [
    'A list',
    {
      text: 'Qual horário você prefere?',
      list: {
        button: 'Ver horários',
        sections: [
          { title: 'Manhã', rows: [{ id: 'slot.0900', title: '9h', description: 'Dra. Ana' }] },
          { title: 'Tarde', rows: [{ id: 'slot.1400', title: '14h' }] },
        ],
      },
    },
  ],
  [
    'A document',
    {
      media: {
        kind: 'document',
        url: 'https://clinic.example/preparo.pdf',
        mimetype: 'application/pdf',
        filename: 'preparo.pdf',
        caption: 'Como se preparar para o exame',
      },
    },
  ],
  [
    'A voice note',
    {
      media: {
        kind: 'audio',
        url: 'https://clinic.example/recado.ogg',
        mimetype: 'audio/ogg; codecs=opus',
        voice: true,
      },
    },
  ],
  [
    'A place',
    { location: { latitude: -23.5614, longitude: -46.6559, name: 'Clínica', address: 'Av. Paulista, 1578' } },
  ],
  ['A template', { template: { name: 'appointment_reminder', language: 'pt_BR', body: ['Maria', '21 de novembro'] } }],
  ['A contact', { contacts: [{ name: 'Recepção', phone: '+551133334444' }] }],
  ['A reaction', { reaction: { messageId: exampleIds.message, emoji: '👍' } }],
];

/** Bodies of `POST /v1/messages`, besides its first example. */
export const messageExamples = contents.map(([summary, content]) => ({ summary, body: { ...to, ...content } }));
