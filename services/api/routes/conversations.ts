/** Conversations: lists, search, reading one, releasing it. */
import { z } from 'zod';

import { type Envelope, statusOf } from '#runtime/actor/envelope.ts';
import { newUlid, outgoing, uncaused } from '#runtime/records.ts';

import type { ApiKey } from '../api-keys.ts';
import {
  type ConversationRow,
  conversationItem,
  exampleItem,
  itemOf,
  listConversations,
} from '../conversation-list.ts';
import { pageOf, placeOf, timePlace } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds, examplePhone } from '../example-ids.ts';
import { seesPersonalData } from '../roles.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { type Found, scannedMax, searchName, searchPhone, searchText } from '../search.ts';
import { cursor, filterText, idParams, limit, listOf, time } from '../shapes.ts';

const conversation = z
  .object({
    id: z.string(),
    instanceId: z.string().nullable().describe('The instance that it was last heard of through'),
    personId: z.string(),
    group: z.boolean(),
    machine: z.string().nullable().describe('Null before the first episode'),
    machineVersion: z.string().nullable(),
    configRevision: z.string().nullable(),
    state: z.object({
      value: z.unknown().describe("XState's state value; null before the first episode and when erased"),
      context: z.unknown().optional().describe('Only for roles that see personal data'),
      erased: z.literal(true).optional().describe('The keys of what was said were destroyed'),
    }),
    status: z.enum(['active', 'done', 'quarantined', 'merged']),
    episode: z.number().describe('Counts from 1; a message after the end begins the next'),
    quarantine: z
      .object({ code: z.string(), offset: z.number() })
      .nullable()
      .describe('Why it is held, and the record at which'),
    mergedInto: z.string().nullable().describe('The elder conversation that it goes on in: both are one chat'),
    held: z.number().describe('Records held while in quarantine'),
    pendingEffects: z
      .array(z.object({ effectId: z.string(), source: z.string() }))
      .describe('What it asked for and waits for'),
    timers: z.array(z.object({ timerId: z.string(), dueAt: time })),
    nextOffset: z.number().describe('Offset after the last record in this state'),
    updatedAt: time.nullable(),
  })
  .meta({ id: 'Conversation', description: 'A conversation as last committed.' });

/** A conversation as it is answered. */
export type Conversation = z.output<typeof conversation>;

const example: z.input<typeof conversation> = {
  id: exampleIds.conversation,
  instanceId: exampleIds.instance,
  personId: exampleIds.person,
  group: false,
  machine: 'conversation',
  machineVersion: '1',
  configRevision: exampleIds.revision,
  state: { value: 'name', context: { locale: 'pt-BR', consent: { status: 'given', by: 'text' }, name: null } },
  status: 'active',
  episode: 1,
  quarantine: null,
  mergedInto: null,
  held: 0,
  pendingEffects: [],
  timers: [{ timerId: 'xstate.after.sessionTimeout.conversation.name', dueAt: '2026-11-22T02:12:13.351Z' }],
  nextOffset: 4,
  updatedAt: '2026-11-21T02:12:13.524Z',
};

const searchWanted = { limit: limit.describe('Most conversations wanted') };
const search = z.union([
  z.strictObject({ phone: z.string().min(8).max(40).describe('In any spelling'), ...searchWanted }),
  z.strictObject({ name: z.string().min(2).max(200).describe('Words or their beginnings'), ...searchWanted }),
  z.strictObject({ text: z.string().min(2).max(200), ...searchWanted }),
]);

/** What of an actor is shown; the context only to those who may see it. */
export function stateOf(envelope: Envelope | undefined, personal: boolean, erased = false) {
  const snapshot = envelope?.episode?.snapshot;
  return {
    value: snapshot?.value ?? null,
    ...(personal && snapshot !== undefined ? { context: snapshot.context } : {}),
    ...(erased ? { erased: true as const } : {}),
  };
}

/** The routes of conversations. */
export function conversationRoutes({ runtime, actors, access }: ApiContext): readonly Route[] {
  const list = async (tenant: string, ids: readonly string[]): Promise<readonly ConversationRow[]> => {
    if (ids.length === 0) return [];
    const committed = await actors.committed();
    return runtime.database.transaction([tenant], (sql) =>
      listConversations(sql, { tenant, committed, ids, rowsMax: ids.length }),
    );
  };

  const find = (key: ApiKey, body: z.output<typeof search>): Promise<Found> => {
    if ('phone' in body) return searchPhone(runtime, key.tenant, body.phone, body.limit);
    if ('name' in body) return searchName(runtime, key.tenant, body.name, body.limit);
    return searchText(runtime, key.tenant, body.text, body.limit);
  };

  return [
    defineRoute({
      name: 'conversations.list',
      method: 'GET',
      path: '/v1/conversations',
      summary: 'Conversations, newest change first',
      description: 'A conversation is listed once its first record was applied.',
      query: z.strictObject({
        state: filterText.optional().describe('State value; parallel regions joined by `|`'),
        instance: filterText.optional().describe('Id of the instance that serves its line'),
        limit,
        cursor,
      }),
      status: 200,
      response: listOf(conversationItem),
      example: {
        query: { instance: exampleIds.instance, limit: 20 },
        answer: { items: [exampleItem], next: null },
      },
      async handler({ key, query }) {
        const committed = await actors.committed();
        const after = placeOf(query.cursor, timePlace);
        const { state, instance } = query;
        const rows = await runtime.database.transaction([key.tenant], (sql) =>
          listConversations(sql, { tenant: key.tenant, committed, state, instance, after, rowsMax: query.limit + 1 }),
        );
        return pageOf(rows, query.limit, itemOf, (row) => [Number(row.place), row.id]);
      },
    }),

    defineRoute({
      name: 'conversations.search',
      method: 'POST',
      path: '/v1/conversations/search',
      summary: 'Finds conversations by phone, name or text',
      description:
        'One of `phone`, `name` and `text`. In a body and not in a URL, because URLs are written to logs. Each search and each find is audited.',
      body: search,
      status: 200,
      response: listOf(
        conversationItem.extend({
          messages: z.array(z.string()).optional().describe('Ids of the messages that have the text'),
        }),
      ).extend({
        scanned: z.number().describe(`Messages opened for a search by text, ${scannedMax} at most, newest first`),
        complete: z.boolean().describe('False when there may be more matches'),
      }),
      example: {
        body: { phone: `+${examplePhone}` },
        answer: { items: [exampleItem], next: null, scanned: 0, complete: true },
      },
      async handler({ key, body }) {
        const found = await find(key, body);
        await access.record(key, [
          { actor: key.id, action: 'access.search' },
          ...found.conversations.map((actor) => ({ actor, action: 'access.found' })),
        ]);
        const rows = await list(key.tenant, found.conversations);
        return {
          items: rows.map((row) => {
            const messages = found.messages.get(row.id);
            return { ...itemOf(row), ...(messages === undefined ? {} : { messages: [...messages] }) };
          }),
          next: null,
          scanned: found.scanned,
          complete: found.complete,
        };
      },
    }),

    defineRoute({
      name: 'conversations.read',
      method: 'GET',
      path: '/v1/conversations/:id',
      summary: 'A conversation as last committed',
      description: 'Roles without sight of personal data get no `context`. A read of it is audited.',
      params: idParams,
      status: 200,
      response: conversation,
      problems: ['history-too-long'],
      example: { params: { id: exampleIds.conversation }, answer: example },
      async handler({ key, params }) {
        const entry = await runtime.directory.read(key.tenant, params.id);
        if (entry === undefined) throw notFound();
        const reading = await actors.read(key.tenant, params.id);
        const { envelope } = reading;
        const personal = seesPersonalData(key.role);
        if (personal) await access.record(key, [{ actor: params.id, action: 'access.context' }]);
        return {
          id: entry.conversation,
          instanceId: envelope?.instance ?? null,
          personId: entry.person,
          group: entry.group,
          machine: envelope?.episode?.machine ?? null,
          machineVersion: envelope?.episode?.machineVersion ?? null,
          configRevision: envelope?.episode?.configRevision ?? null,
          state: stateOf(envelope, personal, reading.erased),
          status: envelope === undefined ? ('active' as const) : statusOf(envelope),
          episode: envelope?.episode?.number ?? 0,
          quarantine: envelope?.quarantine ?? null,
          mergedInto: envelope?.mergedInto ?? null,
          held: envelope?.held.length ?? 0,
          pendingEffects: (envelope?.pendingEffects ?? []).map(({ effectId, source }) => ({ effectId, source })),
          timers: (envelope?.timers ?? []).map(({ timerId, dueAt }) => ({
            timerId,
            dueAt: new Date(dueAt).toISOString(),
          })),
          nextOffset: reading.nextOffset,
          updatedAt: reading.updatedAt === undefined ? null : new Date(reading.updatedAt).toISOString(),
        };
      },
    }),

    defineRoute({
      name: 'conversations.release',
      method: 'POST',
      path: '/v1/conversations/:id/release',
      summary: 'Releases a quarantined conversation',
      description:
        'The records that were held are applied in order. The release is a record like any other: of a conversation that is not in quarantine it changes nothing.',
      params: idParams,
      status: 202,
      response: z.object({ eventId: z.string() }),
      example: { params: { id: exampleIds.conversation }, answer: { eventId: exampleIds.event } },
      async handler({ key, params }) {
        const entry = await runtime.directory.read(key.tenant, params.id);
        if (entry === undefined) throw notFound();
        const at = runtime.now();
        const eventId = newUlid(at);
        await access.record(key, [{ actor: params.id, action: 'conversation.release-requested', subject: eventId }]);
        await runtime.log.append([
          outgoing({
            ...uncaused(key.tenant, params.id, eventId, at, await runtime.tenants.currentRevision(key.tenant)),
            type: 'conversation.released',
            requestedBy: key.id,
          }),
        ]);
        return { eventId };
      },
    }),
  ];
}
