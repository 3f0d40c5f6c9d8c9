/** The simulated WhatsApp phone: writes to us and shows what it received. */
import { z } from 'zod';

import type { Instance } from '#runtime/instances/instances.ts';
import { isPhoneCursor } from '#runtime/simulator/simulator-phone.ts';

import { postSimulated } from '../adapters/ingest-client.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { limit, time } from '../shapes.ts';

const phone = z.string().regex(/^\+?\d{8,15}$/);

/** What a simulated phone can send: exactly one of text, media and button. */
export const simulatedMessage = z.strictObject({
  from: phone.describe('The number that writes, with country code'),
  text: z.string().min(1).max(65_536).optional(),
  media: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('`kind` (image, audio, video, document, sticker), `url`, `mimetype`, `filename`, `size`, `caption`'),
  button: z
    .strictObject({ id: z.string().min(1).max(256), title: z.string().max(256).optional() })
    .optional()
    .describe('The button that was pressed'),
  messageId: z
    .string()
    .min(1)
    .max(128)
    .optional()
    .describe('A message with an id that was there before is a duplicate'),
  name: z.string().min(1).max(256).optional().describe('The name that the phone shows'),
});

const outgoingMessage = z
  .strictObject({
    ...simulatedMessage.shape,
    instanceId: z.string().min(1).max(128).optional().describe('Which simulator; the oldest one when absent'),
  })
  .refine(({ text, media, button }) => [text, media, button].filter((part) => part !== undefined).length === 1, {
    message: 'one of text, media and button',
  });

/** The routes of the simulator. */
export function simulatorRoutes({ runtime, deps }: ApiContext): readonly Route[] {
  const simulatorOf = async (tenant: string, id: string | undefined): Promise<Instance> => {
    const found =
      id === undefined
        ? (await runtime.instances.list(tenant)).find(({ provider }) => provider === 'simulator')
        : await runtime.instances.read(tenant, id);
    if (found?.provider !== 'simulator') throw notFound();
    return found;
  };

  return [
    defineRoute({
      name: 'simulator.send',
      method: 'POST',
      path: '/v1/simulator/messages',
      summary: 'Writes as if a person wrote on WhatsApp',
      description:
        'Exactly one of `text`, `media` and `button`. The message takes the same way as a webhook; the answer comes when it is durable, and before the conversation has replied.',
      body: outgoingMessage,
      status: 202,
      response: z.object({ eventId: z.string(), conversationId: z.string() }),
      problems: ['not-found', 'rate-limited', 'ingest.unavailable'],
      example: {
        body: { from: examplePhone, text: 'Oi', name: 'Maria' },
        answer: { eventId: exampleIds.event, conversationId: exampleIds.conversation },
      },
      async handler({ key, body: { instanceId, ...message } }) {
        const simulator = await simulatorOf(key.tenant, instanceId);
        return postSimulated(deps.ingestUrl(), simulator.credentials.webhookToken, message);
      },
    }),
    defineRoute({
      name: 'simulator.read',
      method: 'GET',
      path: '/v1/simulator/messages',
      summary: 'What a simulated phone received, oldest first',
      query: z.strictObject({
        phone: phone.describe('The simulated number, with country code'),
        after: z.string().refine(isPhoneCursor).optional().describe('`next` of the answer before'),
        instanceId: z.string().min(1).max(128).optional(),
        limit,
      }),
      status: 200,
      response: z.object({
        items: z.array(
          z.object({
            id: z.string(),
            at: time,
            type: z.string().describe('text, buttons, list, image, … or erased'),
            text: z.string(),
            buttons: z.array(z.object({ id: z.string(), title: z.string() })).optional(),
          }),
        ),
        next: z.string().describe('Newer messages come after it, also when `items` is empty'),
      }),
      example: {
        query: { phone: examplePhone, limit: 20 },
        answer: {
          items: [
            {
              id: exampleIds.delivery,
              at: '2026-11-21T02:12:11.990Z',
              type: 'buttons',
              text: 'Podemos guardar seu nome e as mensagens desta conversa?',
              buttons: [
                { id: 'consent.yes', title: 'Sim' },
                { id: 'consent.no', title: 'Não' },
              ],
            },
          ],
          next: '1',
        },
      },
      async handler({ key, query }) {
        const page = await deps.phone.read({
          tenant: key.tenant,
          phone: query.phone,
          limit: query.limit,
          ...(query.after === undefined ? {} : { after: query.after }),
          ...(query.instanceId === undefined ? {} : { instance: query.instanceId }),
        });
        return {
          items: page.items.map(({ buttons, ...item }) => ({
            ...item,
            ...(buttons === undefined ? {} : { buttons: [...buttons] }),
          })),
          next: page.next,
        };
      },
    }),
  ];
}
