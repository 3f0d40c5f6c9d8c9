/** The past of a conversation: its messages, its timeline, its state at any moment. */
import { z } from 'zod';

import type { Output } from '#runtime/actor/outputs.ts';
import { statusOf } from '#runtime/actor/envelope.ts';
import type { FoldStep } from '#runtime/actor/fold.ts';

import type { PastActor } from '../actors.ts';
import { cursorOf, pageOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { effectOf, effectShape } from '../effect-steps.ts';
import { exampleIds } from '../example-ids.ts';
import {
  type Change,
  type HistoryMessage,
  messagePlace,
  openMessages,
  placeOfMessage,
  readChanges,
  readFileStates,
  readMessages,
  textOf,
} from '../history.ts';
import { seesPersonalData } from '../roles.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, idParams, instant, limit, listOf, time } from '../shapes.ts';
import { stateOf } from './conversations.ts';

const marks = {
  erased: z.literal(true).optional().describe('Its key was destroyed; there is no text any more'),
  unreadable: z.literal(true).optional().describe('It cannot be opened'),
};

const message = z
  .object({
    id: z.string(),
    direction: z.enum(['in', 'out']),
    origin: z.string().describe('person, machine, api, operator, broadcast, app (written on the phone) or echo'),
    kind: z
      .string()
      .describe(
        'text, buttons, list, image, audio, video, document, sticker, location, contacts, template, reaction, …',
      ),
    at: time,
    instanceId: z.string(),
    messageId: z.string().nullable().describe('Id of the request it answers, for messages sent through the API'),
    text: z.string().nullable().describe('Text, caption, or the name of what was sent'),
    content: z.unknown().nullable().describe('All of it, by its kind'),
    file: z
      .object({
        id: z.string().nullable().describe('For `GET /v1/files/{id}`; null when it could not be had'),
        mimetype: z.string().nullable().describe('As found by looking into it'),
        bytes: z.number().nullable(),
        reason: z.string().nullable().describe('Stable code of why it could not be had'),
      })
      .nullable()
      .describe('What became of the file of a message that was received; null when it has none, or is still fetched'),
    ...marks,
    status: z.string().nullable().describe('Delivery status of what we sent; null for what we received'),
    reason: z.string().nullable(),
    statusAt: time.nullable(),
    changes: z
      .array(
        z.object({
          change: z.string().describe('edited, revoked, reacted, unreacted, voted or responded'),
          at: time,
          text: z.string().optional(),
          reaction: z.string().optional(),
          options: z.array(z.string()).optional(),
          ...marks,
        }),
      )
      .describe('What happened to it later'),
  })
  .meta({ id: 'Message', description: 'A message of a conversation, in either direction.' });

/** A message as it is answered. */
export type ConversationMessage = z.output<typeof message>;

const exampleMessages: z.input<typeof message>[] = [
  {
    id: exampleIds.event,
    direction: 'in',
    origin: 'person',
    kind: 'text',
    at: '2026-11-21T02:12:11.726Z',
    instanceId: exampleIds.instance,
    messageId: null,
    text: 'Oi',
    content: { kind: 'text', text: 'Oi' },
    file: null,
    status: null,
    reason: null,
    statusAt: null,
    changes: [],
  },
  {
    id: exampleIds.delivery,
    direction: 'out',
    origin: 'machine',
    kind: 'text',
    at: '2026-11-21T02:12:13.351Z',
    instanceId: exampleIds.instance,
    messageId: null,
    text: 'Como você se chama?',
    content: { kind: 'text', text: 'Como você se chama?' },
    file: null,
    status: 'sent',
    reason: null,
    statusAt: '2026-11-21T02:12:13.524Z',
    changes: [],
  },
];

const step = z
  .object({
    offset: z.number(),
    eventId: z.string(),
    type: z.string().describe('Type of the record'),
    at: time,
    outcome: z.string().describe('applied, recorded, duplicate, held, quarantined or released'),
    from: z.string().describe('State value before it; `none` outside an episode'),
    to: z.string(),
    outputs: z.array(z.object({ type: z.string(), id: z.string(), name: z.string().optional() })),
    effect: effectShape.optional().describe('Of `effect.completed`: what was asked for, and what it took'),
  })
  .meta({ id: 'Step', description: 'A record of a conversation and what it did.' });

/** A step as it is answered. */
export type Step = z.output<typeof step>;

const exampleStep: z.input<typeof step> = {
  offset: 0,
  eventId: exampleIds.event,
  type: 'message.received',
  at: '2026-11-21T02:12:11.726Z',
  outcome: 'applied',
  from: 'none',
  to: 'consent',
  outputs: [
    { type: 'audit.recorded', id: 'a_7G1H13YFYDGD3M38T03GENG1JV', name: 'actor.transitioned' },
    { type: 'reply.requested', id: exampleIds.delivery, name: 'buttons' },
    {
      type: 'timer.set',
      id: 't_3T0XQRXGZ017FTPTR6V28056NJ',
      name: 'xstate.after.sessionTimeout.conversation.consent',
    },
  ],
};

const pastState = z
  .object({
    offset: z.number().describe('The state is the one just before this offset'),
    at: time.nullable().describe('Time of the last record in it; null before the first'),
    machine: z.string().nullable(),
    machineVersion: z.string().nullable(),
    episode: z.number(),
    status: z.enum(['active', 'done', 'quarantined', 'merged']),
    state: z.object({
      value: z.unknown().describe("XState's state value"),
      context: z.unknown().optional().describe('Only for roles that see personal data'),
    }),
  })
  .meta({ id: 'PastState', description: 'A conversation as it was.' });

/** A state as it is answered. */
export type PastState = z.output<typeof pastState>;

const examplePast: z.input<typeof pastState> = {
  offset: 1,
  at: '2026-11-21T02:12:11.726Z',
  machine: 'conversation',
  machineVersion: '1',
  episode: 1,
  status: 'active',
  state: { value: 'consent', context: { locale: 'pt-BR', consent: { status: 'requested', by: null }, name: null } },
};

const moment = z
  .strictObject({
    offset: z.coerce
      .number()
      .int()
      .min(0)
      .max(Number.MAX_SAFE_INTEGER)
      .optional()
      .describe('The state just before this record'),
    at: instant.optional().describe('The state after all records up to this time'),
  })
  .refine(({ offset, at }) => (offset === undefined) !== (at === undefined), { message: 'one of offset and at' });

const offsetPlace = z.tuple([z.number().int().min(0)]);

/** The routes of the past. */
export function historyRoutes({ runtime, actors, access }: ApiContext): readonly Route[] {
  const requireConversation = async (tenant: string, id: string): Promise<void> => {
    if ((await runtime.directory.read(tenant, id)) === undefined) throw notFound();
  };

  return [
    defineRoute({
      name: 'conversations.messages',
      method: 'GET',
      path: '/v1/conversations/:id/messages',
      summary: 'Messages in both directions, with delivery status',
      description: 'Each read is audited.',
      params: idParams,
      query: z.strictObject({
        order: z.enum(['asc', 'desc']).default('asc').describe('asc: oldest first'),
        limit,
        cursor,
      }),
      status: 200,
      response: listOf(message),
      example: {
        params: { id: exampleIds.conversation },
        query: { order: 'asc', limit: 20 },
        answer: { items: exampleMessages, next: null },
      },
      async handler({ key, params, query }) {
        const { tenant } = key;
        await requireConversation(tenant, params.id);
        const after = placeOf(query.cursor, messagePlace);
        const { rows, changes, files } = await runtime.database.transaction([tenant], async (sql) => {
          const page = await readMessages(sql, {
            tenant,
            conversation: params.id,
            newestFirst: query.order === 'desc',
            after,
            rowsMax: query.limit + 1,
          });
          const ids = page.slice(0, query.limit).map(({ id }) => id);
          const [changes, files] = await Promise.all([readChanges(sql, tenant, ids), readFileStates(sql, tenant, ids)]);
          return { rows: page, changes, files };
        });
        await access.record(key, [{ actor: params.id, action: 'access.messages' }]);
        const opened = await openMessages(runtime.vault, rows, changes, files);
        return pageOf(opened, query.limit, messageOf, ({ row }) => placeOfMessage(row));
      },
    }),

    defineRoute({
      name: 'conversations.timeline',
      method: 'GET',
      path: '/v1/conversations/:id/timeline',
      summary: 'Every record and transition, in order',
      params: idParams,
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(step),
      problems: ['history-too-long'],
      example: {
        params: { id: exampleIds.conversation },
        query: { limit: 20 },
        answer: { items: [exampleStep], next: null },
      },
      async handler({ key, params, query }) {
        await requireConversation(key.tenant, params.id);
        const [from] = placeOf(query.cursor, offsetPlace) ?? [0];
        const items: z.input<typeof step>[] = [];
        for await (const one of actors.steps(key.tenant, params.id, from)) {
          if (items.length === query.limit) return { items, next: cursorOf([one.told.offset]) };
          items.push(stepOf(one, seesPersonalData(key.role)));
        }
        return { items, next: null };
      },
    }),

    defineRoute({
      name: 'conversations.state',
      method: 'GET',
      path: '/v1/conversations/:id/state',
      summary: 'The state just before an offset, or at a moment',
      description:
        'Exactly one of `offset` and `at`. Offsets are those of the timeline: the state before one is what that record met.',
      params: idParams,
      query: moment,
      status: 200,
      response: pastState,
      example: { params: { id: exampleIds.conversation }, query: { offset: 1 }, answer: examplePast },
      async handler({ key, params, query }) {
        await requireConversation(key.tenant, params.id);
        const { at } = query;
        const before = query.offset ?? Number.MAX_SAFE_INTEGER;
        await actors.requireJournal(params.id, before);
        const past = await actors.past(key.tenant, params.id, at === undefined ? { before } : { at });
        const personal = seesPersonalData(key.role);
        if (personal) await access.record(key, [{ actor: params.id, action: 'access.context' }]);
        return pastStateOf(past, query.offset, personal);
      },
    }),
  ];
}

function messageOf({ row, file, reading, changes }: HistoryMessage): z.input<typeof message> {
  return {
    id: row.id,
    direction: row.direction,
    origin: row.origin,
    kind: row.kind,
    at: row.at.toISOString(),
    instanceId: row.instance,
    messageId: row.request_id,
    text: reading.state === 'open' ? (textOf(reading.value) ?? null) : null,
    content: reading.state === 'open' ? reading.value : null,
    file:
      file === undefined
        ? null
        : {
            id: file.file_id,
            mimetype: file.mimetype,
            bytes: file.bytes === null ? null : Number(file.bytes),
            reason: file.reason,
          },
    ...marksOf(reading),
    // Requested and not yet reported on: it waits to be sent.
    status: row.status ?? (row.direction === 'out' ? 'queued' : null),
    reason: row.reason,
    statusAt: row.status_at?.toISOString() ?? null,
    changes: changes.map(changeOf),
  };
}

function changeOf({ change, at, reading }: Change): z.input<typeof message>['changes'][number] {
  const common = { change, at: at.toISOString(), ...marksOf(reading) };
  if (reading.state !== 'open') return common;
  const { text, reaction, options } = reading.value;
  return {
    ...common,
    ...(text === undefined ? {} : { text }),
    ...(reaction === undefined ? {} : { reaction }),
    ...(options === undefined ? {} : { options: [...options] }),
  };
}

const marksOf = ({ state }: { readonly state: 'open' | 'erased' | 'unreadable' }) => ({
  ...(state === 'erased' ? { erased: true as const } : {}),
  ...(state === 'unreadable' ? { unreadable: true as const } : {}),
});

function stepOf(one: FoldStep, personal: boolean): z.input<typeof step> {
  const { told, outcome, from, to, outputs } = one;
  const { offset, record } = told;
  const effect = effectOf(one, personal);
  return {
    offset,
    eventId: record.eventId,
    type: record.type,
    at: new Date(record.occurredAt).toISOString(),
    outcome,
    from,
    to,
    outputs: outputs.map(outputOf),
    ...(effect === undefined ? {} : { effect }),
  };
}

function outputOf({ record }: Output): z.input<typeof step>['outputs'][number] {
  const common = { type: record.type, id: record.eventId };
  switch (record.type) {
    case 'audit.recorded':
      return { ...common, name: record.action };
    case 'effect.requested':
      return { ...common, name: record.source };
    case 'timer.set':
    case 'timer.cancelled':
      return { ...common, name: record.timerId };
    case 'reply.requested':
      return { ...common, name: record.kind };
    case 'actor.told':
      return { ...common, name: record.name };
    default:
      return common;
  }
}

function pastStateOf(
  { envelope, lastAt }: PastActor,
  offset: number | undefined,
  personal: boolean,
): z.input<typeof pastState> {
  return {
    offset: offset ?? envelope?.nextOffset ?? 0,
    at: lastAt === undefined ? null : new Date(lastAt).toISOString(),
    machine: envelope?.episode?.machine ?? null,
    machineVersion: envelope?.episode?.machineVersion ?? null,
    episode: envelope?.episode?.number ?? 0,
    status: envelope === undefined ? 'active' : statusOf(envelope),
    state: stateOf(envelope, personal),
  };
}
