/** A call for everything that a simulated phone can do. */
import { exampleIds, examplePhone } from './example-ids.ts';

const from = examplePhone;

/** Bodies of `POST /v1/simulator/messages`, besides its first example. */
export const simulatorExamples = [
  { summary: 'A button of the message before', body: { from, button: { id: 'consent.yes', title: 'Sim' } } },
  { summary: 'A row of a list', body: { from, list: { id: 'slot.0900', title: '9h' } } },
  {
    summary: 'A photo',
    body: {
      from,
      media: {
        kind: 'image' as const,
        url: 'https://clinic.example/receita.jpg',
        mimetype: 'image/jpeg',
        caption: 'A receita',
      },
    },
  },
  { summary: 'A place', body: { from, location: { latitude: -23.5614, longitude: -46.6559, name: 'Estou aqui' } } },
  { summary: 'A contact', body: { from, contacts: [{ name: 'João', phone: '5511988887777' }] } },
  {
    summary: 'A poll, with an id to vote by',
    body: { from, messageId: 'poll-1', poll: { name: 'Qual dia?', options: ['Segunda', 'Terça'] } },
  },
  { summary: 'A vote', body: { from, vote: { messageId: 'poll-1', options: ['Terça'] } } },
  {
    summary: 'A tap on a message that it received',
    body: { from, reaction: { messageId: exampleIds.message, emoji: '❤️' } },
  },
  { summary: 'A text, with an id to change it by', body: { from, messageId: 'text-1', text: 'Amnhã posso' } },
  { summary: 'A change of that text', body: { from, edit: { messageId: 'text-1', text: 'Amanhã posso' } } },
  { summary: 'Its deletion', body: { from, revoke: { messageId: 'text-1' } } },
];
