/** Message templates as Meta has them, for the tenant's WhatsApp Business Accounts. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import { TemplatesUnavailable, readTemplates } from '#runtime/templates/adapters/graph-templates.ts';
import { type Template, openTemplates } from '#runtime/templates/templates.ts';

import { pageOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, limit, listOf, time } from '../shapes.ts';

const variables = z.array(z.string()).describe('Names of its variables, in the order in which values are given');

const template = z
  .object({
    name: z.string(),
    language: z.string(),
    category: z.string().describe("Meta's word, such as UTILITY or MARKETING"),
    status: z.string().describe("Meta's word; only APPROVED ones can be sent"),
    businessAccountId: z.string(),
    header: z.object({ format: z.string(), text: z.string().optional(), variables }).optional(),
    body: z.object({ text: z.string(), variables }),
    footer: z.string().optional(),
    buttons: z.array(z.object({ type: z.string(), text: z.string(), variables: z.number().int() })),
    syncedAt: time,
  })
  .meta({ id: 'Template', description: 'A message that Meta has approved, or not yet.' });

const example: z.input<typeof template> = {
  name: 'appointment_reminder',
  language: 'pt_BR',
  category: 'UTILITY',
  status: 'APPROVED',
  businessAccountId: '102290129340398',
  body: { text: 'Olá {{1}}, sua consulta é em {{2}}.', variables: ['1', '2'] },
  buttons: [{ type: 'QUICK_REPLY', text: 'Confirmar', variables: 0 }],
  syncedAt: '2026-11-21T02:12:15.175Z',
};

const place = z.tuple([z.string().max(512), z.string().max(20), z.string().max(40)]);

const shown = ({ header, footer, buttons, syncedAt, ...one }: Template): z.input<typeof template> => ({
  name: one.name,
  language: one.language,
  category: one.category,
  status: one.status,
  businessAccountId: one.businessAccountId,
  ...(header === undefined ? {} : { header: { ...header, variables: [...header.variables] } }),
  body: { text: one.body.text, variables: [...one.body.variables] },
  ...(footer === undefined ? {} : { footer }),
  buttons: buttons.map(({ type, text, variables: count }) => ({ type, text, variables: count })),
  syncedAt: syncedAt.toISOString(),
});

/** The routes of templates. */
export function templateRoutes({ runtime, access }: ApiContext): readonly Route[] {
  return [
    defineRoute({
      name: 'templates.list',
      method: 'GET',
      path: '/v1/templates',
      summary: 'Message templates, by name and language',
      description: 'As of the last synchronisation.',
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(template),
      example: { query: { limit: 20 }, answer: { items: [example], next: null } },
      async handler({ key, query }) {
        const after = placeOf(query.cursor, place);
        const rows = await openTemplates(runtime.database).list(key.tenant, after, query.limit + 1);
        return pageOf(rows, query.limit, shown, ({ name, language, businessAccountId }) => [
          name,
          language,
          businessAccountId,
        ]);
      },
    }),

    defineRoute({
      name: 'templates.sync',
      method: 'POST',
      path: '/v1/templates/sync',
      summary: "Reads the templates of an instance's business account from Meta",
      description:
        'For instances of the Cloud API with `config.businessAccountId`. Those that Meta no longer has are removed.',
      body: z.strictObject({ instanceId: z.string().min(1).max(128) }),
      status: 200,
      response: z.object({
        templates: z.number().int().describe('That Meta has now'),
        removed: z.number().int().describe('That it no longer has'),
      }),
      problems: ['not-found', 'templates-none', 'templates-unavailable'],
      example: { body: { instanceId: exampleIds.cloudInstance }, answer: { templates: 3, removed: 0 } },
      async handler({ key, body }) {
        const instance = await runtime.instances.read(key.tenant, body.instanceId);
        if (instance === undefined) throw notFound();
        const account = instance.provider === 'cloud' ? instance.settings.businessAccountId : undefined;
        if (account === undefined) throw new Problem(422, 'templates-none', 'The instance has no templates.');
        const all = await readTemplates(instance, account).catch((caught: unknown) => {
          if (!(caught instanceof TemplatesUnavailable)) throw caught;
          throw new Problem(502, 'templates-unavailable', `Meta does not give the templates (${caught.code}).`);
        });
        const done = await openTemplates(runtime.database).replace(key.tenant, account, all, runtime.now());
        await access.record(key, [{ actor: instance.id, action: 'templates.synchronised', instance: instance.id }]);
        return done;
      },
    }),
  ];
}
