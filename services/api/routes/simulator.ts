/** The simulated WhatsApp phone: writes to us and shows what it received. */
import { z } from 'zod';

import type { Instance } from '#runtime/instances/instances.ts';
import { isPhoneCursor } from '#runtime/simulator/simulator-phone.ts';

import { postSimulated } from '../adapters/ingest-client.ts';
import type { ApiContext } from '../deps.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { limit } from '../shapes.ts';

const phone = z.string().regex(/^\+?\d{8,15}$/);

const outgoingMessage = z
  .strictObject({
    from: phone.describe('The number that writes, with country code'),
    text: z.string().min(1).max(65_536).optional(),
    media: z.record(z.string(), z.unknown()).optional(),
    button: z.strictObject({ id: z.string().min(1).max(256), title: z.string().max(256).optional() }).optional(),
    messageId: z.string().min(1).max(128).optional(),
    name: z.string().min(1).max(256).optional().describe('The name that the phone shows'),
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
      body: outgoingMessage,
      status: 202,
      response: z.object({ eventId: z.string(), conversationId: z.string() }),
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
        phone,
        after: z.string().refine(isPhoneCursor).optional().describe('`next` of the answer before'),
        instanceId: z.string().min(1).max(128).optional(),
        limit,
      }),
      status: 200,
      response: z.object({
        items: z.array(
          z.object({
            id: z.string(),
            at: z.string(),
            type: z.enum(['text', 'buttons', 'erased']),
            text: z.string(),
            buttons: z.array(z.object({ id: z.string(), title: z.string() })).optional(),
          }),
        ),
        next: z.string().describe('Newer messages come after it, also when `items` is empty'),
      }),
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
