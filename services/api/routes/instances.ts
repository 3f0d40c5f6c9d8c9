/** Provider instances. Credentials are shown once, when an instance is made. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import { type Instance, instanceSettings, providers } from '#runtime/instances/instances.ts';

import { cursorOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, idParams, limit, listOf } from '../shapes.ts';

const instance = z
  .object({
    id: z.string(),
    provider: z.enum(providers),
    name: z.string(),
    line: z.string().describe('The number that it serves'),
    config: instanceSettings,
  })
  .meta({ id: 'Instance', description: 'A connection to a provider, without its credentials.' });

/** An instance as it is answered. */
export type InstanceItem = z.output<typeof instance>;

const example: z.input<typeof instance> = {
  id: exampleIds.instance,
  provider: 'waha',
  name: 'reception',
  line: exampleIds.line,
  config: { baseUrl: 'https://waha.example.com', session: 'default', engine: 'NOWEB' },
};

const newInstance = z
  .strictObject({
    provider: z.enum(providers),
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .refine((name) => !name.includes('\0')),
    config: z
      .strictObject({
        ...instanceSettings.shape,
        apiKey: z.string().min(1).max(500).optional().describe('What the provider asks of us; never shown'),
      })
      .default({}),
  })
  .refine(({ provider, config }) => provider !== 'waha' || config.baseUrl !== undefined, {
    path: ['config', 'baseUrl'],
    message: 'WAHA needs a base URL',
  });

const idPlace = z.tuple([z.string()]);

/** Postgres' unique_violation. */
const isTaken = (caught: unknown): boolean => caught instanceof Error && 'code' in caught && caught.code === '23505';

const shown = ({ id, provider, name, line, settings }: Instance): z.input<typeof instance> => ({
  id,
  provider,
  name,
  line,
  config: settings,
});

/** The routes of instances. */
export function instanceRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'instances.list',
      method: 'GET',
      path: '/v1/instances',
      summary: 'Instances, oldest first',
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(instance),
      example: { query: { limit: 20 }, answer: { items: [example], next: null } },
      async handler({ key, query }) {
        const [after] = placeOf(query.cursor, idPlace) ?? [undefined];
        const all = await runtime.instances.list(key.tenant);
        // A tenant has few; an instance that went meanwhile ends the list.
        const start = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1;
        const items = start === 0 && after !== undefined ? [] : all.slice(start, start + query.limit);
        const last = items.at(-1);
        const more = last !== undefined && start + items.length < all.length;
        return { items: items.map(shown), next: more ? cursorOf([last.id]) : null };
      },
    }),

    defineRoute({
      name: 'instances.create',
      method: 'POST',
      path: '/v1/instances',
      summary: 'Makes an instance',
      description:
        'This answer is the only one that holds the secret. WAHA needs `config.baseUrl`; give its session a webhook with this path and this secret.',
      body: newInstance,
      status: 201,
      response: z.object({
        id: z.string(),
        webhook: z.string().describe("Path of the webhook, to be put behind the server's public URL"),
        secret: z.string().optional().describe('HMAC key of the webhook'),
      }),
      problems: ['name-taken'],
      example: {
        body: {
          provider: 'waha',
          name: example.name,
          config: { ...example.config, apiKey: 'the key that WAHA asks for' },
        },
        answer: {
          id: exampleIds.instance,
          webhook: `/webhooks/waha/${exampleIds.wahaToken}`,
          secret: 'example-secret-cj7bRmIZGNnLWXA3',
        },
      },
      async handler({ key, body }) {
        const { apiKey, ...settings } = body.config;
        const made = await runtime.instances
          .create(
            {
              tenant: key.tenant,
              provider: body.provider,
              name: body.name,
              settings,
              ...(apiKey === undefined ? {} : { apiKey }),
            },
            runtime.now(),
          )
          .catch((caught: unknown) => {
            if (isTaken(caught)) throw new Problem(409, 'name-taken', 'An instance of this name exists.');
            throw caught;
          });
        await access.record(key, [{ actor: made.id, action: 'instance.created', instance: made.id }]);
        const { webhookToken, webhookSecret } = made.credentials;
        return {
          id: made.id,
          webhook: `/webhooks/${made.provider}/${webhookToken}`,
          ...(webhookSecret === undefined ? {} : { secret: webhookSecret }),
        };
      },
    }),

    defineRoute({
      name: 'instances.read',
      method: 'GET',
      path: '/v1/instances/:id',
      summary: 'An instance, without its credentials',
      params: idParams,
      status: 200,
      response: instance,
      example: { params: { id: exampleIds.instance }, answer: example },
      async handler({ key, params }) {
        const found = await runtime.instances.read(key.tenant, params.id);
        if (found === undefined) throw notFound();
        return shown(found);
      },
    }),
  ];
}
