/** Broadcasts: one message to many people, at a pace. */
import { z } from 'zod';

import { recipientsMax } from '#runtime/broadcasts/bounds.ts';

import {
  type BroadcastOrder,
  type BroadcastRow,
  addRecipients,
  broadcastColumns,
  createBroadcast,
  orderBroadcast,
  readBroadcast,
} from '../broadcasts.ts';
import { contentSources } from '../content-sources.ts';
import { pageOf, placeOf, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { contentFields, contentOf, oneKind } from '../message-content.ts';
import { type OutcomeCount, broadcastOutcomes, countOf } from '../message-outcomes.ts';
import { contentProblems } from '../problems.ts';
import { type Route, defineRoute, listBytesMax, notFound } from '../route.ts';
import { dueOf, sendTimeFields } from '../send-time.ts';
import { cursor, filterText, idParams, instant, limit, listOf } from '../shapes.ts';
import { addedPeople, broadcastItem, broadcastProgress, exampleBroadcast, variableValues } from './broadcast-shapes.ts';

const namedMax = 1_000;
const perMinuteMax = 6_000;
const minuteMs = 60_000;

const { replyTo: _, reaction: __, ...contentToMany } = contentFields;

const conversationId = z.string().min(1).max(128);
const to = z.string().max(60).describe('A phone number with country code, or a chat address');

const segment = z
  .strictObject({
    conversations: z.array(conversationId).max(namedMax).optional(),
    phones: z.array(to).max(namedMax).optional(),
    consent: z.literal('given').optional().describe('Everybody whose newest answer about consent is yes'),
    lastSeenWithinDays: z.number().int().min(1).max(3_650).optional().describe('Everybody who wrote since'),
    state: filterText.optional().describe('Everybody whose conversation is in this state, as lists show it'),
  })
  .superRefine(({ conversations, phones, consent, lastSeenWithinDays, state }, check) => {
    const isNamed = conversations !== undefined || phones !== undefined;
    if (isNamed && [consent, lastSeenWithinDays, state].some((one) => one !== undefined))
      check.addIssue({ code: 'custom', path: ['consent'], message: 'people are named, or looked for' });
  });

const newBroadcast = z
  .strictObject({
    instanceId: z
      .string()
      .min(1)
      .max(128)
      .describe('The instance to send with; its line is where people are looked for'),
    name: filterText.optional().describe('Shown in lists; nothing about a person'),
    segment: segment
      .optional()
      .describe('Who gets it: people who are named here or added to the draft, or all to whom what is said applies'),
    ...contentToMany,
    pacing: z.strictObject({ perMinute: z.number().int().min(1).max(perMinuteMax) }).default({ perMinute: 10 }),
    sendAt: sendTimeFields.sendAt,
    expiresAt: instant.optional().describe('What is not sent by then is cancelled'),
  })
  .superRefine(oneKind);

const people = z.strictObject({
  recipients: z
    .array(
      z
        .strictObject({
          to: to.optional(),
          conversationId: conversationId.optional(),
          variables: variableValues.optional(),
        })
        .refine((one) => (one.to === undefined) !== (one.conversationId === undefined), {
          message: 'one of to and conversationId',
        }),
    )
    .min(1)
    .max(namedMax),
});

const itemOf = (row: BroadcastRow): z.input<typeof broadcastItem> => ({
  id: row.id,
  name: row.name,
  instanceId: row.instance,
  status: row.status,
  reason: row.reason,
  recipients: row.recipients,
  perMinute: row.per_minute,
  startsAt: row.starts_at?.toISOString() ?? null,
  expiresAt: row.expires_at?.toISOString() ?? null,
  createdAt: row.created_at.toISOString(),
  startedAt: row.started_at?.toISOString() ?? null,
  endedAt: row.ended_at?.toISOString() ?? null,
});

/** Progress of a broadcast, of counts made at `at`. */
function progressOf(row: BroadcastRow, counts: readonly OutcomeCount[], at: number): z.input<typeof broadcastProgress> {
  const one = (...outcomes: readonly string[]): number => countOf(counts, ...outcomes);
  const sentLastMinute = counts.reduce((sum, { recent }) => sum + recent, 0);
  const left = one('waiting', 'queued', 'scheduled', 'sending');
  const from = Math.max(at, row.starts_at?.getTime() ?? at);
  // Before anything was sent, as fast as was asked for.
  const rate = sentLastMinute === 0 ? row.per_minute : Math.min(sentLastMinute, row.per_minute);
  return {
    waiting: one('waiting'),
    queued: one('queued', 'scheduled', 'sending'),
    sent: one('sent'),
    delivered: one('delivered'),
    read: one('read'),
    failed: one('failed'),
    unknown: one('unknown'),
    manual: one('manual'),
    declined: one('declined'),
    cancelled: one('cancelled'),
    skipped: one('skipped'),
    reasons: counts.flatMap(({ outcome, reason, count }) =>
      reason === null ? [] : [{ status: outcome, reason, count }],
    ),
    gathering: row.status === 'running' && !row.is_gathered,
    sentLastMinute,
    endsAt: row.status !== 'running' || left === 0 ? null : new Date(from + (left / rate) * minuteMs).toISOString(),
  };
}

const orderTexts = {
  start: {
    path: '/v1/broadcasts/:id/start',
    summary: 'Starts a draft',
    description: 'At once, or when `sendAt` says. Its recipients are fixed then.',
    done: 'broadcast.started',
    example: exampleIds.broadcast,
  },
  pause: {
    path: '/v1/broadcasts/:id/pause',
    summary: 'Pauses a broadcast',
    description: 'What is not due yet waits again. What is in the queue of the account already still goes out.',
    done: 'broadcast.paused',
    example: exampleIds.broadcast,
  },
  resume: {
    path: '/v1/broadcasts/:id/resume',
    summary: 'Goes on with a paused broadcast',
    description: 'At its pace: the time that passed is not made up for.',
    done: 'broadcast.resumed',
    example: exampleIds.broadcast,
  },
  stop: {
    path: '/v1/broadcasts/:id/stop',
    summary: 'Stops a broadcast for good',
    description: 'Everything that is not on its way to the provider is cancelled at once, also what is queued.',
    done: 'broadcast.stopped',
    example: exampleIds.stoppedBroadcast,
  },
} as const satisfies Record<BroadcastOrder, object>;

/** The routes of broadcasts. */
export function broadcastRoutes({ runtime, access }: ApiContext): readonly Route[] {
  const orderRoute = (order: BroadcastOrder): Route => {
    const { path, summary, description, done, example: id } = orderTexts[order];
    const status = order === 'stop' ? 'stopped' : order === 'pause' ? 'paused' : 'running';
    return defineRoute({
      name: `broadcasts.${order}`,
      method: 'POST',
      path,
      summary,
      description: `${description} What is so already stays so.`,
      params: idParams,
      body: z.strictObject({}),
      status: 202,
      response: broadcastItem,
      problems: order === 'start' ? ['broadcast-state', 'broadcast-empty'] : ['broadcast-state'],
      example: { params: { id }, body: {}, answer: { ...exampleBroadcast, id, status } },
      async handler({ key, params }) {
        const { row, changed } = await orderBroadcast(runtime, key.tenant, params.id, order);
        if (changed)
          await access.record(key, [{ actor: row.instance, action: done, subject: row.id, instance: row.instance }]);
        return itemOf(row);
      },
    });
  };

  return [
    defineRoute({
      name: 'broadcasts.create',
      method: 'POST',
      path: '/v1/broadcasts',
      summary: 'Makes a draft of a broadcast',
      description:
        'Nothing is sent before it is started. `{{name}}` in words is replaced by the variable `name` of each recipient. Messages have low priority, respect quiet hours and the limits of the instance, and go through the conversation of each person, who is not written to against their will.',
      body: newBroadcast,
      bodyBytesMax: listBytesMax,
      status: 201,
      response: broadcastItem.extend({ people: addedPeople }),
      problems: contentProblems,
      example: {
        body: {
          instanceId: exampleIds.instance,
          name: 'Vacinação de outono',
          segment: { phones: [examplePhone] },
          text: 'A vacina da gripe chegou. Responda SIM para agendar.',
          pacing: { perMinute: 60 },
          sendAt: '2026-11-23T09:00:00Z',
          expiresAt: '2026-11-25T18:00:00Z',
        },
        answer: {
          ...exampleBroadcast,
          status: 'draft',
          recipients: 1,
          startedAt: null,
          people: { added: 1, known: 0, refused: [], recipients: 1 },
        },
      },
      async handler({ key, body }) {
        const { tenant } = key;
        const instance = await runtime.instances.read(tenant, body.instanceId);
        if (instance === undefined) throw notFound();
        const { conversations = [], phones = [], ...common } = body.segment ?? {};
        const isLookedFor = Object.values(common).some((one) => one !== undefined);
        const content = await contentOf(body, contentSources(runtime, tenant, ''));
        const row = await createBroadcast(runtime, {
          instance,
          name: body.name,
          content,
          segment: isLookedFor ? common : undefined,
          perMinute: body.pacing.perMinute,
          startsAt: (await dueOf(runtime, tenant, { sendAt: body.sendAt }))?.at,
          expiresAt: body.expiresAt,
        });
        const named = [
          ...conversations.map((one) => ({ conversationId: one })),
          ...phones.map((phone) => ({ to: phone })),
        ];
        const added = await addRecipients(runtime, tenant, row, named);
        const { id: actor } = instance;
        await access.record(key, [{ actor, action: 'broadcast.created', subject: row.id, instance: actor }]);
        return {
          ...itemOf({ ...row, recipients: added.recipients }),
          people: { ...added, refused: [...added.refused] },
        };
      },
    }),

    defineRoute({
      name: 'broadcasts.recipients',
      method: 'POST',
      path: '/v1/broadcasts/:id/recipients',
      summary: 'Adds people to a draft',
      description: `At most ${namedMax} at a call and ${recipientsMax} in all. Each chat once, however often it is added.`,
      params: idParams,
      body: people,
      bodyBytesMax: listBytesMax,
      status: 202,
      response: addedPeople,
      problems: ['broadcast-started', 'recipients-too-many'],
      example: {
        params: { id: exampleIds.draftBroadcast },
        body: {
          recipients: [
            { to: examplePhone, variables: { nome: 'Maria' } },
            { conversationId: exampleIds.twin, variables: { nome: 'João' } },
            { to: '123' },
          ],
        },
        answer: {
          added: 2,
          known: 0,
          refused: [
            {
              index: 2,
              problem: {
                status: 422,
                code: 'recipient-invalid',
                detail: 'It is neither a phone number nor a chat address.',
              },
            },
          ],
          recipients: 2,
        },
      },
      async handler({ key, params, body }) {
        const row = await readBroadcast(runtime, key.tenant, params.id);
        const added = await addRecipients(runtime, key.tenant, row, body.recipients);
        const { instance: actor } = row;
        await access.record(key, [{ actor, action: 'broadcast.recipients-added', subject: row.id, instance: actor }]);
        return { ...added, refused: [...added.refused] };
      },
    }),

    ...(['start', 'pause', 'resume', 'stop'] as const).map(orderRoute),

    defineRoute({
      name: 'broadcasts.list',
      method: 'GET',
      path: '/v1/broadcasts',
      summary: 'Broadcasts, the newest first',
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(broadcastItem),
      problems: ['cursor-invalid'],
      example: { answer: { items: [exampleBroadcast], next: null } },
      async handler({ key, query }) {
        const after = placeOf(query.cursor, timePlace);
        const found = await runtime.database.query<BroadcastRow & { readonly place: string }>(
          [key.tenant],
          `SELECT ${broadcastColumns}, ${placeOfTime('created_at')} AS place FROM broadcasts
           WHERE tenant = $1 AND per_minute > 0 -- for the index broadcasts_listed
             AND ($2::bigint IS NULL OR (created_at, id) < (${timeOfPlace('$2')}, $3))
           ORDER BY created_at DESC, id DESC LIMIT $4`,
          [key.tenant, after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
        );
        return pageOf(found.rows, query.limit, itemOf, (row) => [Number(row.place), row.id]);
      },
    }),

    defineRoute({
      name: 'broadcasts.read',
      method: 'GET',
      path: '/v1/broadcasts/:id',
      summary: 'A broadcast and how far it is',
      description: 'Every recipient is counted once, in the furthest that the message came to.',
      params: idParams,
      status: 200,
      response: broadcastItem.extend({ progress: broadcastProgress }),
      example: {
        params: { id: exampleIds.broadcast },
        answer: {
          ...exampleBroadcast,
          progress: {
            waiting: 1_060,
            queued: 58,
            sent: 10,
            delivered: 40,
            read: 28,
            failed: 1,
            unknown: 0,
            manual: 0,
            declined: 2,
            cancelled: 0,
            skipped: 1,
            reasons: [
              { status: 'declined', reason: 'consent.withdrawn', count: 2 },
              { status: 'failed', reason: 'provider.recipient-unknown', count: 1 },
              { status: 'skipped', reason: 'erased', count: 1 },
            ],
            gathering: false,
            sentLastMinute: 60,
            endsAt: '2026-11-23T09:20:00.000Z',
          },
        },
      },
      async handler({ key, params }) {
        const row = await readBroadcast(runtime, key.tenant, params.id);
        const counts = await broadcastOutcomes(runtime.database, key.tenant, params.id);
        return { ...itemOf(row), progress: progressOf(row, counts, runtime.now()) };
      },
    }),
  ];
}
