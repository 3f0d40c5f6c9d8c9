/**
 * Webhooks as the documents describe them. Ingest serves them; a test calls its routes as they are
 * described here.
 */
import { z } from 'zod';

import type { providers } from '#runtime/instances/instances.ts';

import { exampleIds, examplePhone } from '../example-ids.ts';
import type { Operation } from '../operation.ts';
import type { ProblemCode } from '../problems.ts';
import { simulatedMessage } from '../routes/simulator.ts';

const params = z.strictObject({ token: z.string().describe("The token in the instance's webhook path") });

const counts = {
  accepted: z.number().int().describe('Events that are new'),
  duplicates: z.number().int().describe('Events that were there before'),
  ignored: z.number().int().describe('Events that are kept and need no action'),
};

const problems: readonly ProblemCode[] = [
  'body-not-json',
  'body-not-object',
  'body-too-deep',
  'content-length-wrong',
  'not-found',
  'body-too-large',
  'content-type-unsupported',
  'rate-limited',
  'ingest-full',
];

const wahaEvent = z
  .looseObject({
    id: z.string().optional().describe('The same in every delivery of the event'),
    event: z.string().describe('Such as message.any; kinds that are not known are kept'),
    session: z.string().optional(),
    timestamp: z.number().optional().describe('Epoch milliseconds'),
    payload: z.unknown().optional(),
  })
  .meta({ id: 'WahaEvent', description: "WAHA's own form; its documentation has all of it." });

const common = { tag: 'webhooks', method: 'POST', roles: undefined, params, operating: true } as const;
const contentType = 'application/json';

const byProvider: Readonly<Record<(typeof providers)[number], Operation>> = {
  waha: {
    ...common,
    name: 'webhooks.waha',
    path: '/webhooks/waha/:token',
    summary: 'Takes an event of WAHA',
    description:
      'Answered once the event is durable. The signature is the SHA-512 HMAC of the body as sent, in lower case hex, with the secret of the instance; give both to the WAHA session and it does the rest.',
    proof: 'wahaSignature',
    body: wahaEvent,
    answers: [
      {
        status: 200,
        meaning: 'Every event of the body is durable.',
        contentType,
        shape: z.object(counts),
        example: { accepted: 1, duplicates: 0, ignored: 0 },
      },
    ],
    problems: ['signature-invalid', ...problems],
    example: {
      params: { token: exampleIds.wahaToken },
      body: {
        id: 'evt_01m7xy07teqhbg2286ap62a3g9',
        event: 'message.any',
        session: 'default',
        engine: 'NOWEB',
        timestamp: 1_795_227_131_726,
        payload: {
          id: `false_${examplePhone}@c.us_3EB0C431C26A1916E07E`,
          timestamp: 1_795_227_131,
          from: `${examplePhone}@c.us`,
          fromMe: false,
          body: 'Oi',
          hasMedia: false,
        },
      },
    },
  },
  simulator: {
    ...common,
    name: 'webhooks.simulator',
    path: '/webhooks/simulator/:token',
    summary: 'Takes a message of the simulated phone',
    description: 'Exactly one of `text`, `media` and `button`. The token is all that is asked for.',
    body: z.object(simulatedMessage.shape),
    answers: [
      {
        status: 200,
        meaning: 'The message is durable.',
        contentType,
        shape: z.object({
          ...counts,
          events: z.array(z.object({ eventId: z.string(), conversationId: z.string() })),
        }),
        example: {
          accepted: 1,
          duplicates: 0,
          ignored: 0,
          events: [{ eventId: exampleIds.event, conversationId: exampleIds.conversation }],
        },
      },
    ],
    problems: ['body-invalid', ...problems],
    example: {
      params: { token: exampleIds.simulatorToken },
      body: { from: examplePhone, button: { id: 'consent.yes', title: 'Sim' } },
    },
  },
};

/** One per provider. */
export const webhookOperations: readonly Operation[] = Object.values(byProvider);
