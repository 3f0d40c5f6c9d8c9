/** Participants: who inscribed themselves to the tenant's event. */
import { Readable } from 'node:stream';

import { z } from 'zod';

import { Problem } from '#runtime/http.ts';
import {
  type Participant,
  type ParticipantContent,
  type Participants,
  openParticipants,
} from '#runtime/participants/participants.ts';

import type { ApiKey } from '../api-keys.ts';
import { microseconds, pageOf, placeOf } from '../cursors.ts';
import type { ApiContext } from '../deps.ts';
import { exampleIds } from '../example-ids.ts';
import { csvOf } from '../csv.ts';
import { seesPersonalData } from '../roles.ts';
import { FileAnswer, type Route, defineRoute, fileAnswer } from '../route.ts';
import { cursor, filterText, limit, listOf, time } from '../shapes.ts';

const personal = {
  fullName: z.string().optional(),
  email: z.string().optional(),
  cpf: z.string().optional().describe('Digits'),
  phone: z.string().optional().describe('E.164'),
  city: z.string().optional(),
  state: z.string().optional().describe('UF'),
};

const participant = z
  .object({
    id: z.string().describe('Number of the inscription'),
    conversationId: z.string(),
    personId: z.string(),
    profile: z.string().describe('Its id in the settings of the conversation'),
    createdAt: time,
    updatedAt: time.describe('When it was last corrected'),
    ...personal,
    erased: z.literal(true).optional().describe('The key of the rest was destroyed'),
  })
  .meta({
    id: 'Participant',
    description: 'An inscription. Who it is of is shown to roles that see personal data.',
  });

const example: z.input<typeof participant> = {
  id: exampleIds.participant,
  conversationId: exampleIds.conversation,
  personId: exampleIds.person,
  profile: 'estudante',
  createdAt: '2026-11-21T02:12:15.175Z',
  updatedAt: '2026-11-21T02:12:15.175Z',
  fullName: 'Maria Silva',
  email: 'maria@exemplo.example',
  cpf: '52998224725',
  phone: '+5511999990001',
  city: 'São Paulo',
  state: 'SP',
};

const searchWanted = { limit: limit.describe('Most inscriptions wanted') };
const search = z.union([
  z.strictObject({ name: z.string().min(2).max(200).describe('Words or their beginnings'), ...searchWanted }),
  z.strictObject({ cpf: z.string().min(11).max(20).describe('In any spelling'), ...searchWanted }),
  z.strictObject({ email: z.string().min(3).max(254), ...searchWanted }),
]);

const place = z.tuple([microseconds, z.string().max(128)]);

/** Most rows of a file. */
const exportedMax = 50_000;
const rowsAtOnce = 500;
const fields = [
  'fullName',
  'email',
  'cpf',
  'phone',
  'city',
  'state',
] as const satisfies readonly (keyof ParticipantContent)[];

/** The routes of participants. */
export function participantRoutes({ runtime, access }: ApiContext): readonly Route[] {
  // Opened by the first call: the documents are made without a runtime.
  let opened: Participants | undefined;
  const participants = (): Participants => (opened ??= openParticipants(runtime));

  const shown = async (key: ApiKey, rows: readonly Participant[]): Promise<z.input<typeof participant>[]> => {
    if (!seesPersonalData(key.role)) return rows.map(plainOf);
    await access.record(
      key,
      rows.map(({ id, conversation }) => ({ actor: conversation, action: 'access.participant', subject: id })),
    );
    await runtime.vault.prefetch(rows.map(({ sealed }) => ({ tenant: key.tenant, sealed })));
    return Promise.all(
      rows.map(async (row) => {
        const content = await participants().open(key.tenant, row);
        return content.state === 'open'
          ? { ...plainOf(row), ...content.value }
          : { ...plainOf(row), erased: true as const };
      }),
    );
  };

  return [
    defineRoute({
      name: 'participants.list',
      method: 'GET',
      path: '/v1/participants',
      summary: 'Inscriptions, newest first',
      description: 'Who they are of is shown to roles that see personal data; each sight is audited.',
      query: z.strictObject({ profile: filterText.optional(), limit, cursor }),
      status: 200,
      response: listOf(participant),
      example: { query: { profile: 'estudante', limit: 20 }, answer: { items: [example], next: null } },
      async handler({ key, query }) {
        const after = placeOf(query.cursor, place);
        const before = after === undefined ? undefined : { createdAt: after[0], id: after[1] };
        const rows = await participants().list(key.tenant, { before, profile: query.profile, max: query.limit + 1 });
        const page = pageOf(
          rows,
          query.limit,
          (row) => row,
          ({ createdAt, id }) => [createdAt, id],
        );
        return { ...page, items: await shown(key, page.items) };
      },
    }),

    defineRoute({
      name: 'participants.search',
      method: 'POST',
      path: '/v1/participants/search',
      summary: 'Finds inscriptions by name, CPF or e-mail',
      description:
        'One of `name`, `cpf` and `email`. In a body and not in a URL, because URLs are written to logs. Each search and each find is audited.',
      body: search,
      status: 200,
      response: listOf(participant),
      example: { body: { name: 'maria' }, answer: { items: [example], next: null } },
      async handler({ key, body: { limit: max, ...query } }) {
        await access.record(key, [{ actor: key.id, action: 'access.search' }]);
        return { items: await shown(key, await participants().search(key.tenant, query, max)), next: null };
      },
    }),

    defineRoute({
      name: 'participants.export',
      method: 'GET',
      path: '/v1/participants/export',
      summary: 'All inscriptions as CSV',
      description: `In UTF-8 with a header line, separated by commas, newest first, ${exportedMax} at most. A value that a spreadsheet could take for a formula begins with an apostrophe. Audited.`,
      status: 200,
      response: fileAnswer,
      problems: ['export-too-large'],
      example: { answer: new FileAnswer('text/csv', 0, Readable.from([])) },
      async handler({ key }) {
        await access.record(key, [{ actor: key.id, action: 'participants.exported' }]);
        const lines: (readonly string[])[] = [];
        for (let before: Participant | undefined; ;) {
          const rows = await participants().list(key.tenant, { before, max: rowsAtOnce });
          if (lines.length + rows.length > exportedMax)
            throw new Problem(422, 'export-too-large', 'There are more inscriptions than a file may have.');
          for (const row of rows) {
            const content = await participants().open(key.tenant, row);
            lines.push(lineOf(row, content.state === 'open' ? content.value : undefined));
          }
          before = rows.at(-1);
          if (rows.length < rowsAtOnce) break;
        }
        const file = csvOf(['id', 'createdAt', 'profile', ...fields], lines);
        return new FileAnswer('text/csv; charset=utf-8', file.byteLength, Readable.from([file]));
      },
    }),
  ];
}

const plainOf = (row: Participant) => ({
  id: row.id,
  conversationId: row.conversation,
  personId: row.person,
  profile: row.profile,
  createdAt: new Date(row.createdAt).toISOString(),
  updatedAt: new Date(row.updatedAt).toISOString(),
});

const lineOf = (row: Participant, content: ParticipantContent | undefined): readonly string[] => [
  row.id,
  new Date(row.createdAt).toISOString(),
  row.profile,
  // Without its sign a number is no formula.
  ...fields.map((name) => (name === 'phone' ? content?.phone.replace('+', '') : content?.[name]) ?? ''),
];
