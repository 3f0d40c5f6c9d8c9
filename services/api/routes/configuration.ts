/** The tenant's configuration: which machines are in force, and what the tenant set of them. Holds no personal data. */
import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import { configurationProblems } from '#runtime/tenants/check-configuration.ts';
import { type Configuration, RevisionOutdated, configurationShape, revisionOf } from '#runtime/tenants/tenants.ts';

import type { ApiKey } from '../api-keys.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { idParams } from '../shapes.ts';

const content = configurationShape.meta({
  id: 'Configuration',
  description: 'Everything that a tenant sets. `docs/configuration.md` explains each setting.',
});

const revisionShape = z
  .object({
    revision: z.string().describe('Its name, made of its content: the same content has the same name'),
    isCurrent: z.boolean().describe('Whether it is in force'),
    setBy: z
      .string()
      .nullable()
      .describe('API key with which the one in force was set; null for set-up, and for others'),
    configuration: configurationShape,
  })
  .meta({ id: 'ConfigurationRevision', description: 'A revision of the configuration; it never changes.' });

/** An answer of the API. */
export type ConfigurationRevision = z.infer<typeof revisionShape>;

const example: Configuration = {
  machines: {
    conversation: {
      version: '2',
      settings: {
        locale: 'pt-BR',
        businessName: 'Clínica Aurora',
        agents: ['scheduling', 'appointments'],
        scheduling: {
          services: [{ id: 'consulta', name: 'Consulta', durationMinutes: 30 }],
          openingHours: { mon: [['08:00', '12:00']], wed: [['08:00', '12:00']] },
        },
        media: { speechModel: 'whisper-1', baseUrl: 'https://models.clinic.example/v1' },
      },
    },
    instance: { version: '2', settings: {} },
  },
  answerGroups: false,
  sending: { timeZone: 'America/Sao_Paulo', quietHours: [{ from: '21:00', to: '08:00' }] },
  retention: { filesDays: 365 },
};

const problemsNamedMax = 200;

function named(problems: readonly string[]): string {
  const more = problems.length - problemsNamedMax;
  return [...problems.slice(0, problemsNamedMax), ...(more > 0 ? [`and ${more.toString()} more`] : [])].join('; ');
}

/** The routes of the configuration. */
export function configurationRoutes({ runtime: { tenants }, deps, access }: ApiContext): readonly Route[] {
  /** Puts a content in force; in the place of one revision alone, where that is asked for. */
  const put = async (key: ApiKey, body: Configuration, instead: string | undefined): Promise<string> => {
    const about = { actor: key.id, subject: revisionOf(body) };
    try {
      // Whoever repeats what came off is not late.
      if (instead !== undefined) await tenants.requireCurrent(key.tenant, [instead, about.subject]);
      await access.record(key, [{ ...about, action: 'configuration.changed' }]);
      return await tenants.configure(key.tenant, body, key.id, instead).catch(async (caught: unknown) => {
        if (caught instanceof RevisionOutdated)
          await access.record(key, [{ ...about, action: 'configuration.not-changed' }]);
        throw caught;
      });
    } catch (caught) {
      if (!(caught instanceof RevisionOutdated)) throw caught;
      throw new Problem(412, 'revision-outdated', 'Another revision is in force by now: read it, and change that one.');
    }
  };
  const shown = async (tenant: string, revision: string): Promise<ConfigurationRevision> => {
    const configuration = await tenants.configuration(tenant, revision);
    if (configuration === undefined) throw notFound();
    const isCurrent = (await tenants.currentRevision(tenant)) === revision;
    return { revision, isCurrent, setBy: isCurrent ? await tenants.configuredBy(tenant) : null, configuration };
  };

  return [
    defineRoute({
      name: 'configuration.read',
      method: 'GET',
      path: '/v1/configuration',
      summary: 'Shows the configuration that is in force',
      status: 200,
      response: revisionShape,
      problems: ['tenant-unconfigured'],
      example: {
        answer: { revision: exampleIds.revision, isCurrent: true, setBy: exampleIds.key, configuration: example },
      },
      handler: async ({ key: { tenant } }) => shown(tenant, await tenants.currentRevision(tenant)),
    }),

    defineRoute({
      name: 'configuration.set',
      method: 'PUT',
      path: '/v1/configuration',
      summary: 'Puts a configuration in force',
      description:
        'The whole of it: what is left out has its default. Conversations that go on keep the revision with which their episode began; the next episode takes up the new one. Everything else does so within five seconds. Nothing is stored when a setting is wrong. Audited as `configuration.changed`. Idempotent.',
      query: z.strictObject({
        ifRevision: z
          .string()
          .max(128)
          .optional()
          .describe('The revision that was read and changed: where another one is in force by now, nothing changes'),
      }),
      body: content,
      status: 200,
      response: z
        .object({ revision: z.string() })
        .meta({ id: 'ConfigurationSet', description: 'The revision that is in force now.' }),
      problems: ['configuration-invalid', 'revision-outdated'],
      example: { body: example, answer: { revision: exampleIds.revision } },
      async handler({ key, query: { ifRevision }, body }) {
        const problems = configurationProblems(body, deps.find);
        if (problems.length > 0) throw new Problem(400, 'configuration-invalid', named(problems));
        return { revision: await put(key, body, ifRevision) };
      },
    }),

    defineRoute({
      name: 'configuration.read-revision',
      method: 'GET',
      path: '/v1/configuration/revisions/:id',
      summary: 'Shows a revision of the configuration',
      description: 'Records, conversations and audit events name the revision that held for them.',
      params: idParams,
      status: 200,
      response: revisionShape,
      problems: ['tenant-unconfigured'],
      example: {
        params: { id: exampleIds.revision },
        answer: { revision: exampleIds.revision, isCurrent: false, setBy: null, configuration: example },
      },
      handler: ({ key: { tenant }, params: { id } }) => shown(tenant, id),
    }),
  ];
}
