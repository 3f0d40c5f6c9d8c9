/** One conversation again: step by step with all that a step did, and as a golden history. */
import { z } from 'zod';

import type { Output } from '#runtime/actor/outputs.ts';
import type { FoldStep } from '#runtime/actor/fold.ts';
import { OperatingError } from '#runtime/errors.ts';
import { Problem } from '#runtime/http.ts';
import { contextDifference } from '#runtime/replays/context-difference.ts';
import { historyFilesOf } from '#runtime/replays/history-file.ts';
import { watchMachines } from '#runtime/replays/watched-machines.ts';

import { cursorOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { seesPersonalData } from '../roles.ts';
import { type Route, defineRoute, notFound } from '../route.ts';
import { cursor, idParams, instant, limit, listOf, time } from '../shapes.ts';

/** Records that an exported history may have. */
const historyRecordsMax = 5_000;

const personal = 'Only for roles that see personal data';

const step = z
  .object({
    offset: z.number(),
    partition: z.number(),
    eventId: z.string(),
    type: z.string().describe('Type of the record'),
    at: time,
    record: z.record(z.string(), z.unknown()).describe('Its plain fields'),
    content: z.unknown().optional().describe(`Its sealed part. ${personal}`),
    erased: z.literal(true).optional().describe('Its key was destroyed'),
    outcome: z.string().describe('applied, recorded, duplicate, held, quarantined or released'),
    from: z.string().describe('State value before it; `none` outside an episode'),
    to: z.string(),
    machine: z.string().nullable(),
    machineVersion: z.string().nullable(),
    configRevision: z.string().nullable(),
    changes: z
      .array(z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }))
      .optional()
      .describe(`What it changed in the context. ${personal}`),
    outputs: z.array(
      z.object({
        type: z.string(),
        id: z.string(),
        record: z.record(z.string(), z.unknown()).describe('Its plain fields'),
        content: z.unknown().optional().describe(`Its sealed part. ${personal}`),
      }),
    ),
  })
  .meta({ id: 'ReplayStep', description: 'A record of a conversation and all that it did.' });

/** A step as it is answered. */
export type ReplayStep = z.output<typeof step>;

const exampleStep: z.input<typeof step> = {
  offset: 0,
  partition: 3,
  eventId: exampleIds.event,
  type: 'message.received',
  at: '2026-11-21T02:12:11.726Z',
  record: { instance: exampleIds.instance, kind: 'text', group: false, revision: exampleIds.revision },
  content: { messageId: 'example', stableId: 'example', chat: 'example', content: { kind: 'text', text: 'Oi' } },
  outcome: 'applied',
  from: 'none',
  to: 'consent',
  machine: 'conversation',
  machineVersion: '1',
  configRevision: exampleIds.revision,
  changes: [{ path: 'locale', after: 'pt-BR' }],
  outputs: [
    {
      type: 'reply.requested',
      id: exampleIds.delivery,
      record: { instance: exampleIds.instance, kind: 'text', origin: 'machine', priority: 'normal', messageId: null },
      content: { content: { kind: 'text', text: 'Posso guardar seus dados?' } },
    },
  ],
};

const history = z
  .object({
    machine: z.string(),
    machineVersion: z.string(),
    episodes: z.number(),
    events: z.number(),
    exact: z.boolean().describe('Whether it ends in the state on record'),
    text: z.string().describe('The file: one JSON value per line'),
  })
  .meta({ id: 'HistoryFile', description: 'Episodes of one version under the same settings, as a golden history.' });

/** A history as it is answered. */
export type HistoryItem = z.output<typeof history>;

const exampleHistory: z.input<typeof history> = {
  machine: 'conversation',
  machineVersion: '1',
  episodes: 1,
  events: 1,
  exact: true,
  text: '{"machine":"conversation","version":"1","settings":{},"at":1795227131726}\n',
};

const offsetPlace = z.tuple([z.number().int().min(0)]);

/** The routes of one conversation's replay. */
export function conversationReplayRoutes({ runtime, deps, actors, access }: ApiContext): readonly Route[] {
  const requireConversation = async (tenant: string, id: string): Promise<void> => {
    if ((await runtime.directory.read(tenant, id)) === undefined) throw notFound();
  };

  const configurationsOf = async (
    tenant: string,
    steps: readonly FoldStep[],
  ): Promise<Readonly<Record<string, unknown>>> => {
    const named = steps.flatMap(({ told, after }) => [told.record.revision, after.episode?.configRevision]);
    const revisions = new Set(named.filter((revision) => typeof revision === 'string'));
    const found: Record<string, unknown> = {};
    for (const revision of revisions) found[revision] = await runtime.tenants.configuration(tenant, revision);
    return found;
  };

  return [
    defineRoute({
      name: 'conversations.replay',
      method: 'GET',
      path: '/v1/conversations/:id/replay',
      summary: 'Step by step: each record, the states, what changed, what came out',
      description:
        'Folded anew with the machine version and configuration revision on record. Content is audited as a read of messages.',
      params: idParams,
      query: z.strictObject({
        to: z.coerce
          .number()
          .int()
          .min(0)
          .max(Number.MAX_SAFE_INTEGER - 1)
          .optional()
          .describe('Offset of the last record wanted'),
        at: instant.optional().describe('Ends before the first record later than this'),
        limit,
        cursor,
      }),
      status: 200,
      response: listOf(step).extend({
        configurations: z
          .record(z.string(), z.unknown())
          .describe('Content of the configuration revisions that the page names'),
      }),
      problems: ['history-too-long', 'machine-unknown'],
      example: {
        params: { id: exampleIds.conversation },
        query: { limit: 20 },
        answer: {
          items: [exampleStep],
          next: null,
          configurations: { [exampleIds.revision]: { machines: {}, answerGroups: false } },
        },
      },
      async handler({ key, params, query }) {
        await requireConversation(key.tenant, params.id);
        const [from] = placeOf(query.cursor, offsetPlace) ?? [0];
        const sees = seesPersonalData(key.role);
        if (sees) await access.record(key, [{ actor: params.id, action: 'access.messages' }]);
        const page: FoldStep[] = [];
        let next: string | null = null;
        await knownMachines(async () => {
          for await (const one of actors.steps(key.tenant, params.id, from)) {
            const { offset, record } = one.told;
            if (offset > (query.to ?? Infinity) || record.occurredAt > (query.at ?? Infinity)) return;
            if (page.length === query.limit) {
              next = cursorOf([offset]);
              return;
            }
            page.push(one);
          }
        });
        const configurations = await configurationsOf(key.tenant, page);
        return { items: page.map((one) => stepOf(one, sees)), next, configurations };
      },
    }),

    defineRoute({
      name: 'conversations.history',
      method: 'GET',
      path: '/v1/conversations/:id/history',
      summary: 'The conversation as golden histories, which the tests of machines run',
      description: `One file for the episodes in a row that ran the same version under the same settings; ${historyRecordsMax} records at most. Holds what was said. Each export is audited.`,
      params: idParams,
      status: 200,
      response: listOf(history),
      problems: ['history-too-long', 'machine-unknown'],
      example: { params: { id: exampleIds.conversation }, answer: { items: [exampleHistory], next: null } },
      async handler({ key, params }) {
        await requireConversation(key.tenant, params.id);
        await access.record(key, [{ actor: params.id, action: 'access.history' }]);
        const machines = watchMachines(deps.find);
        const steps = bounded(actors.foldWhole(key.tenant, params.id, machines.find));
        const items = await knownMachines(() => historyFilesOf(steps, machines));
        return { items: [...items], next: null };
      },
    }),
  ];
}

async function* bounded(steps: AsyncIterable<FoldStep>): AsyncGenerator<FoldStep> {
  let count = 0;
  for await (const one of steps) {
    if (++count > historyRecordsMax)
      throw new Problem(422, 'history-too-long', `The conversation has more than ${historyRecordsMax} records.`);
    yield one;
  }
}

/** A version that is no longer there is said, not guessed. */
async function knownMachines<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (caught) {
    if (!(caught instanceof OperatingError) || caught.code !== 'actor.machine-unknown') throw caught;
    throw new Problem(422, 'machine-unknown', 'The machine version on record is not there any more.');
  }
}

function stepOf({ told, outcome, from, to, before, after, outputs }: FoldStep, sees: boolean): z.input<typeof step> {
  const { offset, partition, record, opened } = told;
  const { episode } = after;
  return {
    offset,
    partition,
    eventId: record.eventId,
    type: record.type,
    at: new Date(record.occurredAt).toISOString(),
    record: plainOf(record),
    ...(opened?.state === 'erased' ? { erased: true as const } : {}),
    ...(sees && opened?.state === 'open' ? { content: opened.value } : {}),
    outcome,
    from,
    to,
    machine: episode?.machine ?? null,
    machineVersion: episode?.machineVersion ?? null,
    configRevision: episode?.configRevision ?? null,
    ...(sees
      ? {
          changes: contextDifference(before?.episode?.snapshot.context, episode?.snapshot.context).map((one) => ({
            ...one,
          })),
        }
      : {}),
    outputs: outputs.map((output) => outputOf(output, sees)),
  };
}

const outputOf = ({ record, personal: sealed }: Output, sees: boolean) => ({
  type: record.type,
  id: record.eventId,
  record: plainOf(record),
  ...(sees && sealed !== undefined ? { content: sealed } : {}),
});

/** All that is not sealed, nor shown beside it. */
function plainOf(record: { readonly type: string; readonly eventId: string }): Readonly<Record<string, unknown>> {
  const { type: _type, eventId: _eventId, ...rest } = record as Readonly<Record<string, unknown>>;
  delete (rest as { sealed?: unknown }).sealed;
  return rest;
}
