/** The same conversations without WhatsApp. */
import { z } from 'zod';

import { locales } from '#machines/conversation/texts/catalogue.ts';
import { Problem } from '#runtime/http.ts';
import type { OutboundContent } from '#schemas/content.ts';
import { asText } from '#schemas/plain-text.ts';

import { type ChatMessage, chat } from '../chat.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute } from '../route.ts';
import { idempotencyKey } from '../shapes.ts';

/** Calls of one process that may wait for replies at once. */
const waitingMax = 200;
const retryAfterSeconds = 2;

const choice = z.object({ id: z.string(), title: z.string() });

const newMessage = z
  .strictObject({
    sessionId: z
      .string()
      .min(1)
      .max(200)
      .optional()
      .describe('Your own name of the chat; a new one begins a conversation'),
    conversationId: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,128}$/)
      .optional()
      .describe('Instead of it, what an earlier answer named. Only conversations of this route'),
    text: z.string().min(1).max(4_096).optional(),
    button: z
      .strictObject({ id: z.string().min(1).max(256), title: z.string().min(1).max(256).optional() })
      .optional()
      .describe('One of the `buttons` of a reply'),
    locale: z.enum(locales).optional().describe('The language in which a new conversation begins'),
    idempotencyKey,
  })
  .refine(({ sessionId, conversationId }) => (sessionId === undefined) !== (conversationId === undefined), {
    message: 'one of sessionId, conversationId',
  })
  .refine(({ text, button }) => (text === undefined) !== (button === undefined), { message: 'one of text, button' });

const reply = z
  .object({
    id: z.string(),
    type: z.string().describe('text, buttons, list, image, …'),
    text: z.string().describe('Text or caption; of what has neither, what it says in words'),
    buttons: z.array(choice).optional().describe('What can be chosen, of buttons and of lists'),
  })
  .meta({ id: 'ChatReply', description: 'What the conversation said.' });

type Body = z.output<typeof newMessage>;

const contentOf = ({ text, button }: Body): ChatMessage['content'] =>
  button === undefined
    ? { kind: 'text', text: text ?? '' }
    : { kind: 'button', id: button.id, title: button.title ?? button.id };

const chatOf = ({ sessionId, conversationId }: Body): ChatMessage['chat'] =>
  conversationId === undefined ? { session: sessionId ?? '' } : { conversation: conversationId };

function buttonsOf(content: OutboundContent): { buttons?: { id: string; title: string }[] } {
  if (content.kind === 'buttons') return { buttons: content.buttons.map(({ id, title }) => ({ id, title })) };
  if (content.kind !== 'list') return {};
  return { buttons: content.sections.flatMap(({ rows }) => rows.map(({ id, title }) => ({ id, title }))) };
}

const shownOf = (id: string, content: OutboundContent): z.input<typeof reply> => ({
  id,
  type: content.kind,
  text: 'text' in content ? content.text : asText(content),
  ...buttonsOf(content),
});

/** The routes of chats. */
export function chatRoutes({ runtime, actors, access }: ApiContext): readonly Route[] {
  let waiting = 0;

  return [
    defineRoute({
      name: 'chat.send',
      method: 'POST',
      path: '/v1/chat',
      summary: 'Writes to the tenant’s assistant, and answers what it replies',
      description:
        'The same conversations without WhatsApp, for a site or a test: consent, agents, queue and all, as records that replay. The answer comes when the conversation has replied, after 15 s at most; `pending` says that more may come, which `GET /v1/conversations/{id}/messages` shows. What is said without being asked, such as a place in the queue, is there too. A call repeated with its `idempotencyKey` answers the same.',
      body: newMessage,
      status: 200,
      response: z.object({ conversationId: z.string(), replies: z.array(reply), pending: z.boolean() }),
      problems: ['not-found', 'idempotency-key-reused', 'recipient-erased', 'rate-limited', 'history-too-long'],
      example: {
        body: { sessionId: 'site-visitor-7f3a', text: 'Oi', locale: 'pt-BR' },
        answer: {
          conversationId: exampleIds.conversation,
          replies: [
            {
              id: exampleIds.delivery,
              type: 'buttons',
              text: 'Podemos guardar seu nome e as mensagens desta conversa?',
              buttons: [
                { id: 'consent.yes', title: 'Sim' },
                { id: 'consent.no', title: 'Não' },
              ],
            },
          ],
          pending: false,
        },
      },
      async handler({ key, body }) {
        if (waiting >= waitingMax)
          throw new Problem(429, 'rate-limited', 'Too many chats are waiting for replies.', retryAfterSeconds);
        waiting += 1;
        try {
          const { tenant } = key;
          const { locale } = body;
          const message = { tenant, chat: chatOf(body), content: contentOf(body), locale };
          const answer = await chat(runtime, actors, { ...message, idempotencyKey: body.idempotencyKey });
          await access.record(key, [{ actor: answer.conversation, action: 'access.chat', subject: answer.eventId }]);
          return {
            conversationId: answer.conversation,
            replies: answer.replies.map(({ id, content }) => shownOf(id, content)),
            pending: answer.pending,
          };
        } finally {
          waiting -= 1;
        }
      },
    }),
  ];
}
