/** Shapes of lists of people and of broadcasts. */
import { z } from 'zod';

import { broadcastStatuses } from '../broadcasts.ts';
import { exampleIds } from '../example-ids.ts';
import { time } from '../shapes.ts';

/** Values of variables, for one person. */
export const variableValues = z
  .record(z.string().regex(/^[a-zA-Z_]\w{0,59}$/), z.string().max(1_024))
  .refine((values) => Object.keys(values).length <= 50, { message: 'at most 50' })
  .describe('Values of `{{name}}`, by name');

/** Why something of a list was not taken: as a problem of its own would say it. */
export const refusal = z
  .object({ status: z.number().int(), code: z.string(), detail: z.string() })
  .meta({ id: 'Refusal', description: 'Why something of a list was not taken.' });

/** What came of naming people. */
export const addedPeople = z.object({
  added: z.number(),
  known: z.number().describe('Were in it already, or twice in the list: each chat gets one message'),
  refused: z.array(z.object({ index: z.number().describe('Place in the list, from 0'), problem: refusal })),
  recipients: z.number().describe('All that the broadcast has'),
});

/** A broadcast in lists. */
export const broadcastItem = z
  .object({
    id: z.string(),
    name: z.string().nullable(),
    instanceId: z.string(),
    status: z.enum(broadcastStatuses),
    reason: z.string().nullable().describe('Stable code of why it failed'),
    recipients: z.number(),
    perMinute: z.number(),
    startsAt: time.nullable(),
    expiresAt: time.nullable(),
    createdAt: time,
    startedAt: time.nullable(),
    endedAt: time.nullable(),
  })
  .meta({ id: 'Broadcast', description: 'One message to many people, at a pace.' });

/** How far it is. Every recipient is counted in one of the first eleven. */
export const broadcastProgress = z
  .object({
    waiting: z.number().describe('Their turn has not come'),
    queued: z.number().describe('Handed over, and not at the provider yet'),
    sent: z.number().describe('Sent, and not known to have arrived'),
    delivered: z.number().describe('Arrived, and not known to be read'),
    read: z.number(),
    failed: z.number(),
    unknown: z.number().describe('May have arrived'),
    manual: z.number().describe('Wait for a decision'),
    declined: z.number().describe('Not sent: the person does not want messages'),
    cancelled: z.number().describe('Not sent: it was stopped, or taken back'),
    skipped: z.number().describe('Not sent: `erased`, `same-chat` as another recipient, `no-address`'),
    reasons: z.array(z.object({ status: z.string(), reason: z.string(), count: z.number() })),
    gathering: z.boolean().describe('The people are still being looked for: there may be more'),
    sentLastMinute: z.number(),
    endsAt: time.nullable().describe('When the last one is sent if it goes on like that, quiet hours left aside'),
  })
  .meta({ id: 'BroadcastProgress', description: 'How far a broadcast is.' });

/** One as the documents show it. */
export const exampleBroadcast: z.input<typeof broadcastItem> = {
  id: exampleIds.broadcast,
  name: 'Vacinação de outono',
  instanceId: exampleIds.instance,
  status: 'running',
  reason: null,
  recipients: 1_200,
  perMinute: 60,
  startsAt: '2026-11-23T09:00:00.000Z',
  expiresAt: '2026-11-25T18:00:00.000Z',
  createdAt: '2026-11-21T02:12:15.175Z',
  startedAt: '2026-11-21T02:13:20.005Z',
  endedAt: null,
};
