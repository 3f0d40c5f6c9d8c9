/** The simulated WhatsApp phone: writes to us and shows what it received. */
import { z } from 'zod';

import type { Instance } from '#runtime/instances/instances.ts';
import { newUlid } from '#runtime/records.ts';
import { isOneThing, simulatedFields, simulatedKinds } from '#runtime/simulator/simulated-message.ts';
import { type PhoneMessage, isPhoneCursor } from '#runtime/simulator/simulator-phone.ts';

import { postSimulated } from '../adapters/ingest-client.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { limit, time } from '../shapes.ts';
import { simulatorExamples } from '../simulator-examples.ts';

const phone = z.string().regex(/^\+?\d{8,15}$/);

const outgoingMessage = z
  .strictObject({
    ...simulatedFields,
    instanceId: z.string().min(1).max(128).optional().describe('Which simulator; the oldest one when absent'),
  })
  .refine(isOneThing, { message: `one of ${simulatedKinds.join(', ')}` });

const place = z.object({
  latitude: z.number(),
  longitude: z.number(),
  name: z.string().optional(),
  address: z.string().optional(),
});

const phoneMessage = z
  .object({
    id: z.string(),
    at: time,
    type: z.string().describe('text, buttons, list, image, … or erased'),
    text: z.string().describe('Text or caption; of what has neither, what it says in words'),
    buttons: z.array(z.object({ id: z.string(), title: z.string() })).optional(),
    list: z
      .object({
        button: z.string(),
        sections: z.array(
          z.object({
            title: z.string().optional(),
            rows: z.array(z.object({ id: z.string(), title: z.string(), description: z.string().optional() })),
          }),
        ),
      })
      .optional(),
    media: z
      .object({
        url: z.string().optional(),
        fileId: z.string().optional(),
        mimetype: z.string(),
        filename: z.string().optional(),
        voice: z.boolean().optional(),
      })
      .optional(),
    location: place.optional(),
    contacts: z.array(z.object({ name: z.string(), phone: z.string() })).optional(),
    template: z.object({ name: z.string(), language: z.string() }).optional(),
    reaction: z.object({ messageId: z.string(), emoji: z.string().describe('Empty: taken back') }).optional(),
    replyTo: z.string().optional().describe('The message that it answers'),
  })
  .meta({ id: 'PhoneMessage', description: 'A message as a simulated phone shows it.' });

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
        'Exactly one of `text`, `media`, `button`, `list`, `location`, `contacts`, `poll`, and what is done to an earlier message: `reaction`, `vote`, `edit`, `revoke`. It takes the same way as a webhook; the answer comes when it is durable, and before the conversation has replied.',
      body: outgoingMessage,
      status: 202,
      response: z.object({
        eventId: z.string(),
        conversationId: z.string(),
        messageId: z.string().describe('The id that the message has at the phone'),
      }),
      problems: ['not-found', 'rate-limited', 'ingest.unavailable'],
      example: {
        body: { from: examplePhone, text: 'Oi', name: 'Maria' },
        answer: { eventId: exampleIds.event, conversationId: exampleIds.conversation, messageId: 'SIM-01M7XY07TDF3' },
      },
      moreExamples: simulatorExamples,
      async handler({ key, body: { instanceId, ...message } }) {
        const simulator = await simulatorOf(key.tenant, instanceId);
        const messageId = message.messageId ?? `SIM-${newUlid(runtime.now())}`;
        const sent = { ...message, messageId };
        return { ...(await postSimulated(deps.ingestUrl(), simulator.credentials.webhookToken, sent)), messageId };
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
        items: z.array(phoneMessage),
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
        return { items: page.items.map(shownOf), next: page.next };
      },
    }),
  ];
}

/** As it is answered: plain JSON, without the type's promises not to write. */
const shownOf = (message: PhoneMessage): z.input<typeof phoneMessage> =>
  structuredClone(message) as z.input<typeof phoneMessage>;
