/** Provider instances. Credentials are shown once, when an instance is made. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import { type Instance, instanceSettings, providers, webhookProofOf } from '#runtime/instances/instances.ts';

import { cursorOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { beginInstance } from '../instance-requests.ts';
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

const secretText = z.string().min(1).max(500).optional();

const newInstance = z
  .strictObject({
    provider: z.enum(providers),
    name: z
      .string()
      .trim()
      .min(1)
      .max(100)
      .refine((name) => !name.includes('\0')),
    standsBy: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,128}$/)
      .optional()
      .describe(
        'An instance whose number it is linked to as well: both serve one line, and conversations are the same',
      ),
    config: z
      .strictObject({
        ...instanceSettings.shape,
        apiKey: z.string().min(1).max(1_000).optional().describe('What the provider asks of us; never shown'),
        webhookSecret: secretText.describe('Cloud: the secret of the Meta app, by which its webhooks are signed'),
        verifyToken: secretText.describe('Cloud: what Meta presents when it checks the webhook'),
      })
      .default({}),
  })
  .refine(({ provider, config }) => provider !== 'waha' || config.baseUrl !== undefined, {
    path: ['config', 'baseUrl'],
    message: 'WAHA needs a base URL',
  })
  .refine(({ provider, config }) => provider !== 'evolution' || config.baseUrl !== undefined, {
    path: ['config', 'baseUrl'],
    message: 'Evolution needs a base URL',
  })
  .refine(({ provider, config }) => provider !== 'evolution' || config.session !== undefined, {
    path: ['config', 'session'],
    message: 'Evolution needs the name of the instance there',
  })
  .refine(({ provider, config }) => provider !== 'cloud' || config.phoneNumberId !== undefined, {
    path: ['config', 'phoneNumberId'],
    message: 'The Cloud API needs the id of the number',
  })
  .refine(({ provider, config }) => provider !== 'baileys' || (config.baseUrl ?? config.apiKey) === undefined, {
    path: ['config', 'baseUrl'],
    message: 'The Baileys gateway is one for all, and configured with the installation',
  })
  .refine(({ provider, config }) => provider === 'cloud' || config.verifyToken === undefined, {
    path: ['config', 'verifyToken'],
    message: 'Only the Cloud API has a verify token',
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

/** True for an instance of the Cloud API of this Meta app. */
const isOfApp = ({ provider, settings }: Instance, appId: string | undefined): boolean =>
  provider === 'cloud' && appId !== undefined && settings.appId === appId;

/** The routes of instances. */
export function instanceRoutes(context: ApiContext): readonly Route[] {
  const { runtime, access } = context;
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
        'This answer is the only one that holds the secret. WAHA needs `config.baseUrl`; give its session a webhook with this path and this secret. Evolution needs `config.baseUrl` and `config.session` (the instance name there) too; give its instance a webhook with this path and these headers, or with the secret in them as header `jwt_key`. Cloud needs `config.phoneNumberId` and `config.apiKey` (an access token), and `config.webhookSecret` (the secret of the Meta app, else one is made up); give the app a webhook with this path and this verify token. Instances with the same `config.appId` share one webhook and its secrets, which are told when the first is made.',
      body: newInstance,
      status: 201,
      response: z.object({
        id: z.string(),
        webhook: z.string().describe("Path of the webhook, to be put behind the server's public URL"),
        secret: z.string().optional().describe('HMAC key of the webhook'),
        headers: z
          .record(z.string(), z.string())
          .optional()
          .describe('What the webhook is to be called with (Evolution)'),
        verifyToken: z.string().optional().describe('Cloud: what Meta is to present when it checks the webhook'),
      }),
      problems: ['name-taken', 'not-found'],
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
        const { apiKey, webhookSecret, verifyToken, ...settings } = body.config;
        const isShared = (await runtime.instances.list(key.tenant)).some((one) => isOfApp(one, settings.appId));
        const beside =
          body.standsBy === undefined ? undefined : await runtime.instances.read(key.tenant, body.standsBy);
        if (body.standsBy !== undefined && beside === undefined) throw notFound();
        const made = await runtime.instances
          .create(
            {
              tenant: key.tenant,
              ...(beside === undefined ? {} : { line: beside.line }),
              provider: body.provider,
              name: body.name,
              settings,
              ...(apiKey === undefined ? {} : { apiKey }),
              ...(webhookSecret === undefined ? {} : { webhookSecret }),
              ...(verifyToken === undefined ? {} : { verifyToken }),
            },
            runtime.now(),
          )
          .catch((caught: unknown) => {
            if (isTaken(caught))
              throw new Problem(409, 'name-taken', 'An instance of this name, or of this number of the app, exists.');
            throw caught;
          });
        await access.record(key, [{ actor: made.id, action: 'instance.created', instance: made.id }]);
        // Its actor begins, and sees how the account is.
        await beginInstance(context, key, made);
        return {
          id: made.id,
          webhook: `/webhooks/${made.provider}/${made.credentials.webhookToken}`,
          // Those of an app were told when its first instance was made.
          ...(isShared ? {} : webhookProofOf(made)),
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
