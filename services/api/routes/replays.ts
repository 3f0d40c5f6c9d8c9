/** Replays: asking for one, seeing how far it is and what it found, giving it up. */
import { z } from 'zod';

import { analystTopicName, analystTopicOf } from '#schemas/topics.ts';
import { Problem } from '#runtime/http.ts';
import {
  type Finding,
  type Replay,
  type ReplayRequest,
  cancelReplay,
  createReplay,
  findingSealedIn,
  nothingDone,
  openReplaysMax,
  readFindings,
  readReplay,
  replayColumns,
  type ReplayRow,
  replayOf,
} from '#runtime/replays/replays.ts';

import type { ApiKey } from '../api-keys.ts';
import { cursorOf, pageOf, placeOf, placeOfTime, timeOfPlace, timePlace } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { mayAskReplay, seesPersonalData } from '../roles.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, idParams, instant, limit, listOf, time } from '../shapes.ts';

const recordsPerSecond = z
  .number()
  .int()
  .min(1)
  .max(100_000)
  .default(1_000)
  .describe('Bound on the records folded or written per second, so that live traffic keeps its latency');

const scope = {
  conversationId: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .optional()
    .describe('One conversation alone'),
  partition: z.number().int().min(0).optional().describe('The conversations of one partition of the log'),
  recordsPerSecond,
};
const source = z
  .enum(['journal', 'log'])
  .default('journal')
  .describe('Where the records are read: the journal, or the log from its first record');

const wanted = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('verify'), source, ...scope }),
  z.strictObject({
    kind: z.literal('rebuild'),
    source,
    repair: z
      .boolean()
      .default(false)
      .describe('Throw away the snapshots that differ, so that their actors are folded anew before their next record'),
    ...scope,
  }),
  z.strictObject({
    kind: z.literal('what-if'),
    machine: z.strictObject({ name: z.string().min(1).max(100), version: z.string().min(1).max(100) }),
    ...scope,
  }),
  z.strictObject({
    kind: z.literal('re-emit'),
    records: z.enum(['events', 'audit']).describe('events stay sealed; audit is plain'),
    from: instant.describe('By the log’s clock; inclusive'),
    to: instant.describe('Exclusive'),
    topic: z
      .string()
      .regex(analystTopicName)
      .describe('Lower case letters, digits and hyphens; the topic is `analysts.<tenant>.<topic>`'),
    recordsPerSecond,
  }),
]);

const replay = z
  .object({
    id: z.string(),
    kind: z.enum(['verify', 'rebuild', 'what-if', 're-emit']),
    request: z.record(z.string(), z.unknown()).describe('What was asked for, defaults filled in'),
    topic: z.string().optional().describe('The topic that records are written to'),
    status: z.enum(['queued', 'running', 'done', 'failed', 'cancelled']),
    code: z.string().nullable().describe('Why it failed, or what it waits for'),
    done: z.number().describe('Conversations looked at, or records written'),
    total: z.number().nullable().describe('What `done` will be; null while it is not known'),
    records: z.number().describe('Records folded or written'),
    recordsPerSecond: z.number().nullable().describe('Since it was begun, or last gone on with'),
    secondsLeft: z.number().nullable().describe('Estimate'),
    differs: z.boolean().describe('Whether anything so far is otherwise than on record'),
    verdicts: z
      .record(z.string(), z.number())
      .describe(
        'How many conversations came out how; of `re-emit`, partitions of which records of that time may be gone',
      ),
    requestedBy: z.string().describe('Id of the API key'),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
  })
  .meta({ id: 'Replay', description: 'A replay, how far it is, and what it came to.' });

/** A replay as it is answered. */
export type ReplayItem = z.output<typeof replay>;

const exampleReplay: z.input<typeof replay> = {
  id: exampleIds.replay,
  kind: 'verify',
  request: { kind: 'verify', source: 'journal', conversationId: exampleIds.conversation, recordsPerSecond: 1_000 },
  status: 'done',
  code: null,
  done: 1,
  total: 1,
  records: 4,
  recordsPerSecond: 800,
  secondsLeft: 0,
  differs: false,
  verdicts: { same: 1 },
  requestedBy: exampleIds.key,
  createdAt: '2026-11-21T02:12:20.000Z',
  startedAt: '2026-11-21T02:12:20.412Z',
  finishedAt: '2026-11-21T02:12:21.003Z',
};

const finding = z
  .object({
    conversationId: z.string().optional().describe('Absent of what was found about a partition'),
    partition: z
      .number()
      .optional()
      .describe('Of which records of the time asked for may be gone; from `offset` on they are there'),
    verdict: z.string().describe('same, diverged, different-replies, …: docs/replay.md has them all'),
    offset: z.number().optional().describe('The record at which it begins to differ'),
    eventId: z.string().optional(),
    type: z.string().optional().describe('Type of that record'),
    what: z.enum(['state', 'output', 'snapshot']).optional(),
    recorded: z.string().optional().describe('State or code on record'),
    folded: z.string().optional().describe('State or code that the fold came to'),
    outputId: z.string().optional(),
    outputType: z.string().optional(),
    machine: z.string().optional().describe('Machine or revision that is no longer there'),
    replies: z.object({ same: z.number(), different: z.number() }).optional(),
    unreached: z.array(z.string()).optional().describe('States on record that the other machine did not come to'),
    migration: z.string().optional().describe('Why the present state needs a migration to the other version'),
    unknownFrom: z
      .object({ offset: z.number(), reason: z.string() })
      .optional()
      .describe('From here on the record has no answer to what the other machine asked'),
    repaired: z.boolean().optional(),
    outputsUnretained: z
      .number()
      .optional()
      .describe('Outputs that could not be compared, because what is as old as they are is no longer on the log'),
    code: z.string().optional().describe('Of an output, the field that is otherwise, or `missing`'),
    differences: z
      .array(z.object({ offset: z.number(), recorded: z.array(z.unknown()), folded: z.array(z.unknown()) }))
      .optional()
      .describe('Replies side by side, the first of them; only for roles that see personal data'),
    erased: z.literal(true).optional().describe('The replies were erased'),
  })
  .meta({ id: 'ReplayFinding', description: 'What was found about one conversation, or one partition.' });

/** A finding as it is answered. */
export type ReplayFinding = z.output<typeof finding>;

const exampleFinding: z.input<typeof finding> = { conversationId: exampleIds.conversation, verdict: 'same' };

const findingPlace = z.tuple([z.string().max(128)]);

/** The routes of replays. */
export function replayRoutes({ runtime, deps, access }: ApiContext): readonly Route[] {
  const { database, directory, log, now, vault } = runtime;

  const read = async (key: ApiKey, id: string): Promise<Replay> => {
    const found = await database.transaction([key.tenant], (sql) => readReplay(sql, key.tenant, id));
    if (found === undefined) throw notFound();
    return found;
  };

  /** Refuses what cannot be; a conversation of another tenant is no conversation. */
  const check = async ({ tenant }: ApiKey, request: z.output<typeof wanted>): Promise<void> => {
    if (request.kind === 're-emit') {
      if (request.from >= request.to) throw refusedField('to', 'not later than from');
      return;
    }
    const { conversationId, partition } = request;
    if (conversationId !== undefined && (await directory.read(tenant, conversationId)) === undefined) throw notFound();
    if (partition !== undefined && conversationId !== undefined)
      throw refusedField('partition', 'one of conversationId and partition');
    if (partition !== undefined && partition >= log.partitionCount)
      throw refusedField('partition', `the log has 0 to ${log.partitionCount - 1}`);
    if (request.kind !== 'what-if') return;
    const { name, version } = request.machine;
    if (deps.find(name, version) === undefined)
      throw new Problem(422, 'machine-unknown', 'There is no such machine or version.');
  };

  return [
    defineRoute({
      name: 'replays.create',
      method: 'POST',
      path: '/v1/replays',
      summary: 'Folds what happened again, or writes it out again',
      description:
        '`verify` folds conversations and compares with replies and states on record. `rebuild` does the same and can repair. `what-if` runs them through another version of a machine. `re-emit` writes records to a topic for analysts. None of them sends, books or calls anything. Roles that see no personal data may verify, ask what if, and re-emit audit.',
      body: wanted,
      status: 202,
      response: replay,
      problems: ['not-found', 'machine-unknown', 'replays-too-many'],
      example: {
        body: { kind: 'verify', conversationId: exampleIds.conversation },
        answer: {
          ...exampleReplay,
          ...nothingDone,
          status: 'queued',
          startedAt: null,
          finishedAt: null,
        },
      },
      async handler({ key, body }) {
        const asked = body.kind === 're-emit' ? (`re-emit ${body.records}` as const) : body.kind;
        if (!mayAskReplay[asked].includes(key.role))
          throw new Problem(403, 'forbidden', 'The role of this key may not do this.');
        await check(key, body);
        const made = await createReplay(database, {
          tenant: key.tenant,
          requestedBy: key.id,
          request: requestOf(body),
          at: now(),
        });
        if (made === undefined)
          throw new Problem(409, 'replays-too-many', `${openReplaysMax} replays of this tenant are open.`);
        await access.record(key, [{ actor: key.id, action: `replay.${asked.replace(' ', '-')}`, subject: made.id }]);
        return answerOf(made);
      },
    }),

    defineRoute({
      name: 'replays.list',
      method: 'GET',
      path: '/v1/replays',
      summary: 'Replays, newest first',
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(replay),
      example: { query: { limit: 20 }, answer: { items: [exampleReplay], next: null } },
      async handler({ key, query }) {
        const after = placeOf(query.cursor, timePlace);
        const { rows } = await database.transaction([key.tenant], (sql) =>
          sql.query<ReplayRow & { readonly place: string }>(
            `SELECT ${replayColumns}, ${placeOfTime('created_at')} AS place FROM replays
             WHERE tenant = $1 AND ($2::bigint IS NULL OR (created_at, id) < (${timeOfPlace('$2')}, $3))
             ORDER BY created_at DESC, id DESC LIMIT $4`,
            [key.tenant, after?.[0] ?? null, after?.[1] ?? null, query.limit + 1],
          ),
        );
        return pageOf(
          rows,
          query.limit,
          (row) => answerOf(replayOf(row)),
          (row) => [Number(row.place), row.id],
        );
      },
    }),

    defineRoute({
      name: 'replays.read',
      method: 'GET',
      path: '/v1/replays/:id',
      summary: 'How far a replay is and what it came to',
      params: idParams,
      status: 200,
      response: replay,
      example: { params: { id: exampleIds.replay }, answer: exampleReplay },
      async handler({ key, params }) {
        return answerOf(await read(key, params.id));
      },
    }),

    defineRoute({
      name: 'replays.findings',
      method: 'GET',
      path: '/v1/replays/:id/findings',
      summary: 'What a replay found',
      description:
        'One item per conversation that did not come out the same, and always one of a replay of a single conversation; of `re-emit`, one per partition of which records may be gone. Replies side by side are audited.',
      params: idParams,
      query: z.strictObject({ limit, cursor }),
      status: 200,
      response: listOf(finding),
      example: {
        params: { id: exampleIds.replay },
        query: { limit: 20 },
        answer: { items: [exampleFinding], next: null },
      },
      async handler({ key, params, query }) {
        const { tenant } = key;
        await read(key, params.id);
        const [after] = placeOf(query.cursor, findingPlace) ?? [''];
        const found = await database.transaction([tenant], (sql) =>
          readFindings(sql, { tenant, id: params.id, after, rowsMax: query.limit + 1 }),
        );
        const shown = found.slice(0, query.limit);
        const personal = seesPersonalData(key.role);
        const sights = personal ? shown.filter(({ content }) => content !== undefined) : [];
        await access.record(
          key,
          sights.map(({ actor }) => ({ actor, action: 'access.replay', subject: params.id })),
        );
        const items = await Promise.all(
          shown.map(async (one) => ({
            ...plainOf(one),
            ...(personal ? await differencesOf(tenant, params.id, one) : {}),
          })),
        );
        const last = shown.at(-1);
        return { items, next: found.length > query.limit && last !== undefined ? cursorOf([last.actor]) : null };
      },
    }),

    defineRoute({
      name: 'replays.cancel',
      method: 'DELETE',
      path: '/v1/replays/:id',
      summary: 'Gives a replay up',
      description: 'It ends within moments; what it found stays. A replay that is over stays what it is.',
      params: idParams,
      status: 202,
      response: replay,
      example: { params: { id: exampleIds.replay }, answer: exampleReplay },
      async handler({ key, params }) {
        await read(key, params.id);
        await access.record(key, [{ actor: key.id, action: 'replay.cancel-requested', subject: params.id }]);
        await database.transaction([key.tenant], (sql) => cancelReplay(sql, key.tenant, params.id, now()));
        return answerOf(await read(key, params.id));
      },
    }),
  ];

  async function differencesOf(
    tenant: string,
    id: string,
    { actor, content }: Finding,
  ): Promise<Pick<z.input<typeof finding>, 'differences' | 'erased'>> {
    if (content === undefined) return {};
    const opened = await vault.open<z.input<typeof finding>['differences']>(
      findingSealedIn(tenant, actor, id),
      content,
    );
    return opened.state === 'erased' ? { erased: true } : { differences: opened.value };
  }
}

const refusedField = (name: string, why: string): Problem =>
  new Problem(400, 'request-invalid', `The request does not have the documented form (body.${name}: ${why}).`);

function requestOf(body: z.output<typeof wanted>): ReplayRequest {
  if (body.kind === 're-emit') return body;
  const { conversationId, partition, ...rest } = body;
  return {
    ...rest,
    ...(conversationId === undefined ? {} : { conversation: conversationId }),
    ...(partition === undefined ? {} : { partition }),
  };
}

function answerOf(one: Replay): z.input<typeof replay> {
  const { request, progress } = one;
  return {
    id: one.id,
    kind: request.kind,
    request: shownOf(request),
    ...(request.kind === 're-emit' ? { topic: analystTopicOf(one.tenant, request.topic) } : {}),
    status: one.status,
    code: one.code,
    ...progress,
    requestedBy: one.requestedBy,
    createdAt: one.createdAt.toISOString(),
    startedAt: one.startedAt?.toISOString() ?? null,
    finishedAt: one.finishedAt?.toISOString() ?? null,
  };
}

/** As it was asked for. */
function shownOf(request: ReplayRequest): Readonly<Record<string, unknown>> {
  if (request.kind === 're-emit')
    return { ...request, from: new Date(request.from).toISOString(), to: new Date(request.to).toISOString() };
  const { conversation, ...rest } = request;
  return { ...rest, ...(conversation === undefined ? {} : { conversationId: conversation }) };
}

const plainOf = ({ actor, verdict, body }: Finding): z.input<typeof finding> => ({
  ...(body as Partial<z.input<typeof finding>>),
  ...(body['partition'] === undefined ? { conversationId: actor } : {}),
  verdict,
});
