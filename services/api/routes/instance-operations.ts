/** What can be done with an instance, and how it is. */
import { z } from 'zod';

import { type InstanceContext, instanceStates } from '#machines/instance/context.ts';
import { flagName } from '#machines/instance/settings.ts';
import type { InstanceOperation } from '#machines/machine.ts';
import { Problem } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { openRouting } from '#runtime/instances/routing.ts';

import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { requestOfInstance } from '../instance-requests.ts';
import { qrImage } from '../qr-image.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { idParams, time } from '../shapes.ts';

const instanceId = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/);
const fallbacksMax = 10;

const accepted = z.object({ requestId: z.string().describe('Event id of the request, which the audit names') });
const acceptedExample = { requestId: exampleIds.event };
const params = { id: exampleIds.instance };

const status = z
  .object({
    id: z.string(),
    provider: z.string(),
    status: z.enum(instanceStates),
    reason: z.string().nullable().describe('Stable code of why it does not work'),
    since: time.nullable(),
    checkedAt: time.nullable().describe('When the provider last answered a check'),
    linked: z.boolean().describe('It worked and was not logged out: when it fails it is brought back'),
    restrictedUntil: time.nullable(),
    recoveries: z.number().describe('Restarts without being asked, in the window in which they are counted'),
    line: z.object({
      id: z.string(),
      change: z.string().describe('`steady`, or the step that a change of its route is at'),
      servedBy: z.string().nullable().describe('Null: by the instance that each message names'),
      split: z.object({ instanceId: z.string(), percent: z.number(), flag: z.string().nullable() }).nullable(),
      fallbacks: z.array(z.string()),
    }),
  })
  .meta({ id: 'InstanceStatus', description: 'How an instance is, and who serves its line.' });

const statusExample: z.input<typeof status> = {
  id: exampleIds.instance,
  provider: 'waha',
  status: 'working',
  reason: null,
  since: '2026-11-21T02:12:15.175Z',
  checkedAt: '2026-11-21T02:14:45.302Z',
  linked: true,
  restrictedUntil: null,
  recoveries: 0,
  line: { id: exampleIds.line, change: 'steady', servedBy: exampleIds.instance, split: null, fallbacks: [] },
};

const routeWish = z
  .strictObject({
    to: instanceId.describe('The instance that is to take over, or to share'),
    mode: z.enum(['switch', 'split']),
    percent: z.number().int().min(0).max(100).optional().describe('Split: share of the chats; 0 ends it'),
    flag: z.string().regex(flagName).optional().describe('Split: only while this feature flag is on'),
    fallback: z
      .array(instanceId)
      .max(fallbacksMax)
      .default([])
      .describe('Instances that may stand in for one that is down or restricted, in this order'),
  })
  .refine(({ mode, percent }) => mode !== 'split' || percent !== undefined, {
    path: ['percent'],
    message: 'a split needs a percentage',
  });

/** What is told of a moment that may not have been. */
const timeOf = (at: number | null | undefined): string | null => (at == null ? null : new Date(at).toISOString());

/** The routes of what instances do. */
export function instanceOperationRoutes(context: ApiContext): readonly Route[] {
  const { runtime, actors, access } = context;
  const find = async (tenant: string, id: string): Promise<Instance> => {
    const found = await runtime.instances.read(tenant, id);
    if (found === undefined) throw notFound();
    return found;
  };
  const snapshotOf = async (tenant: string, id: string) => (await actors.read(tenant, id)).envelope?.episode?.snapshot;

  const operation = (name: 'restart' | 'recover' | 'logout', summary: string, description: string) =>
    defineRoute({
      name: `instances.${name}`,
      method: 'POST',
      path: `/v1/instances/:id/${name}`,
      summary,
      description,
      params: idParams,
      status: 202,
      response: accepted,
      problems: ['machine-unknown'],
      example: { params, answer: acceptedExample },
      handler: async ({ key, params: { id } }) =>
        requestOfInstance(context, key, await find(key.tenant, id), name satisfies InstanceOperation),
    });

  return [
    defineRoute({
      name: 'instances.connect',
      method: 'POST',
      path: '/v1/instances/:id/connect',
      summary: 'Connects an instance',
      description:
        'Starts its session at the provider, and makes it where the provider has none. Where a phone has to be linked, the status becomes `scanning` and `/qr` has the code.',
      params: idParams,
      body: z.strictObject({
        phoneNumber: z
          .string()
          .regex(/^\d{8,15}$/)
          .optional()
          .describe('To be given a code to type in on this phone, beside the one to scan'),
      }),
      status: 202,
      response: accepted,
      problems: ['machine-unknown'],
      example: { params, body: {}, answer: acceptedExample },
      handler: async ({ key, params: { id }, body }) =>
        requestOfInstance(context, key, await find(key.tenant, id), 'connect', {
          ...(body.phoneNumber === undefined ? {} : { phoneNumber: body.phoneNumber }),
        }),
    }),

    defineRoute({
      name: 'instances.qr',
      method: 'GET',
      path: '/v1/instances/:id/qr',
      summary: 'The newest code that links a phone',
      description:
        'Codes are valid for about 20 seconds, so that this is asked for again and again. 404 while none is waited for.',
      params: idParams,
      status: 200,
      response: z.object({
        code: z.string().describe('Text of the QR code'),
        pairingCode: z.string().nullable().describe('To type in, where one was asked for'),
        image: z.string().nullable().describe('The QR code as a PNG, as a `data:` URL'),
        at: time.describe('When it was seen'),
      }),
      problems: ['not-found', 'qr-missing'],
      example: {
        params: { id: exampleIds.scannedInstance },
        answer: {
          code: '2@an-invented-code',
          pairingCode: null,
          image: qrImage('2@an-invented-code'),
          at: '2026-11-21T02:12:15.175Z',
        },
      },
      async handler({ key, params: { id } }) {
        const instance = await find(key.tenant, id);
        const { qr } = ((await snapshotOf(key.tenant, id))?.context ?? {}) as Partial<InstanceContext>;
        if (qr == null) throw new Problem(404, 'qr-missing', 'The instance shows no QR code now.');
        await access.record(key, [{ actor: id, action: 'access.qr', instance: instance.id }]);
        return {
          code: qr.code,
          pairingCode: qr.pairingCode ?? null,
          image: qr.code === '' ? null : qrImage(qr.code),
          at: new Date(qr.at).toISOString(),
        };
      },
    }),

    defineRoute({
      name: 'instances.status',
      method: 'GET',
      path: '/v1/instances/:id/status',
      summary: 'How an instance is, and who serves its line',
      params: idParams,
      status: 200,
      response: status,
      example: { params, answer: statusExample },
      async handler({ key, params: { id } }) {
        const instance = await find(key.tenant, id);
        const snapshot = await snapshotOf(key.tenant, id);
        const { status: now, ...seen } = (snapshot?.context ?? {}) as Partial<InstanceContext>;
        const route = await openRouting(runtime.database, runtime.tenants).read(key.tenant, instance.line);
        const value = snapshot?.value as { readonly line?: string } | undefined;
        return {
          id,
          provider: instance.provider,
          status: now ?? 'unknown',
          reason: seen.reason ?? null,
          since: timeOf(seen.changedAt),
          checkedAt: timeOf(seen.checkedAt),
          linked: seen.linked ?? false,
          restrictedUntil: timeOf(seen.restrictedUntil),
          recoveries: seen.recoveries?.length ?? 0,
          line: {
            id: instance.line,
            change: typeof value === 'object' ? (value.line ?? 'steady') : 'steady',
            servedBy: route?.instance ?? null,
            split:
              route?.split == null
                ? null
                : { instanceId: route.split.instance, percent: route.split.percent, flag: route.split.flag },
            fallbacks: [...(route?.fallbacks ?? [])],
          },
        };
      },
    }),

    operation('restart', 'Restarts an instance', 'Its session at the provider is restarted; the phone stays linked.'),
    operation(
      'recover',
      'Brings an instance back',
      'As `restart`, and what failed before is forgotten: automatic recovery begins anew.',
    ),
    operation(
      'logout',
      'Unlinks the phone of an instance',
      'It is stopped until somebody connects it again. What waits to be sent with it goes on waiting.',
    ),

    defineRoute({
      name: 'instances.provider',
      method: 'POST',
      path: '/v1/instances/:id/provider',
      summary: 'Has the line of an instance served by another one',
      description:
        '`switch`: the other one is verified, new messages go through it, what is on its way ends where it is, and for some minutes the old one stands in should it fail. `split`: a share of the chats goes through it, always the same ones. Conversations keep their ids and threads. The steps are audit events of the instance; `/status` has the present one.',
      params: idParams,
      body: routeWish,
      status: 202,
      response: accepted,
      problems: ['machine-unknown'],
      example: {
        params,
        body: { to: exampleIds.scannedInstance, mode: 'split', percent: 10, fallback: [exampleIds.instance] },
        answer: acceptedExample,
      },
      async handler({ key, params: { id }, body: { mode, fallback, ...body } }) {
        const instance = await find(key.tenant, id);
        for (const other of [body.to, ...fallback]) await find(key.tenant, other);
        const { to, percent, flag } = body;
        const route = {
          to,
          fallbacks: fallback,
          ...(percent === undefined ? {} : { percent }),
          ...(flag === undefined ? {} : { flag }),
        };
        return requestOfInstance(context, key, instance, mode, { route });
      },
    }),

    defineRoute({
      name: 'instances.delete',
      method: 'DELETE',
      path: '/v1/instances/:id',
      summary: 'Takes an instance away',
      description:
        'Its session at the provider is taken down, its webhook answers 404, and nothing more is sent with it. Conversations and their history stay.',
      params: idParams,
      status: 202,
      response: accepted,
      problems: ['machine-unknown'],
      example: { params, answer: acceptedExample },
      handler: async ({ key, params: { id } }) => requestOfInstance(context, key, await find(key.tenant, id), 'delete'),
    }),
  ];
}
