/**
 * Webhooks as the documents describe them. Ingest serves them; a test calls its routes as they are
 * described here.
 */
import { z } from 'zod';

import type { providers } from '#runtime/instances/instances.ts';
import { simulatedFields } from '#runtime/simulator/simulated-message.ts';

import { exampleIds, examplePhone } from '../example-ids.ts';
import type { Operation } from '../operation.ts';
import type { ProblemCode } from '../problems.ts';

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
  'tenant-unconfigured',
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

const evolutionEvent = z
  .looseObject({
    event: z.string().describe('Such as messages.upsert; kinds that are not known are kept'),
    instance: z.string().optional().describe('Name of the instance at Evolution'),
    data: z.unknown().optional(),
    apikey: z.string().nullish().describe('Taken out before anything is kept'),
  })
  .meta({ id: 'EvolutionEvent', description: "Evolution's own form; its documentation has all of it." });

const baileysEvent = z
  .looseObject({
    id: z.string().optional().describe('The same in every delivery of the event'),
    event: z.string().describe('Such as messages.upsert; kinds that are not known are kept'),
    session: z.string().optional().describe('The instance'),
    sequence: z.number().optional().describe('Number of the event in its session, without gaps'),
    epoch: z.number().optional().describe('Of the lease under which it was taken'),
    data: z.unknown().optional(),
  })
  .meta({ id: 'BaileysEvent', description: "What the gateway tells; messages are in Baileys' own form." });

const cloudEvent = z
  .looseObject({
    object: z.string().optional(),
    entry: z
      .array(
        z.looseObject({
          id: z.string().optional().describe('The WhatsApp Business Account'),
          changes: z.array(z.looseObject({ field: z.string().optional(), value: z.unknown().optional() })).optional(),
        }),
      )
      .optional(),
  })
  .meta({ id: 'CloudEvents', description: "Meta's own form; its documentation has all of it." });

const common = { tag: 'webhooks', method: 'POST', roles: undefined, params, operating: true } as const;
const contentType = 'application/json';

const durable: Operation['answers'] = [
  {
    status: 200,
    meaning: 'Every event of the body is durable.',
    contentType,
    shape: z.object(counts),
    example: { accepted: 1, duplicates: 0, ignored: 0 },
  },
];

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
    answers: durable,
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
  evolution: {
    ...common,
    name: 'webhooks.evolution',
    path: '/webhooks/evolution/:token',
    summary: 'Takes an event of Evolution API v2',
    description:
      "Answered once the event is durable. Evolution does not sign: the caller presents the instance's secret. Give the Evolution instance a webhook with this path and the header `authorization: Bearer <secret>`, or with the header `jwt_key: <secret>` and it makes a token for each call.",
    proof: 'evolutionSecret',
    body: evolutionEvent,
    answers: durable,
    problems: ['signature-invalid', ...problems],
    example: {
      params: { token: exampleIds.evolutionToken },
      body: {
        event: 'messages.upsert',
        instance: 'clinica',
        data: {
          key: { remoteJid: `${examplePhone}@s.whatsapp.net`, fromMe: false, id: '3A5F0E3C7B1D2A4F6E80' },
          pushName: 'Maria',
          message: { conversation: 'Oi' },
          messageType: 'conversation',
          messageTimestamp: 1_795_227_131,
        },
        date_time: '2026-11-20T09:00:00.000Z',
        sender: '5511999990000@s.whatsapp.net',
      },
    },
  },
  baileys: {
    ...common,
    name: 'webhooks.baileys',
    path: '/webhooks/baileys/:token',
    summary: 'Takes an event of the Baileys gateway',
    description:
      "Answered once the event is durable. The gateway finds path and secret by itself. The signature is the SHA-512 HMAC of the body as sent, in lower case hex, with the instance's secret; in place of it the secret may be presented as a bearer key.",
    proof: 'wahaSignature',
    body: baileysEvent,
    answers: durable,
    problems: ['signature-invalid', ...problems],
    example: {
      params: { token: exampleIds.baileysToken },
      body: {
        id: '01M7XY07TEQHBG2286AP62A3GB',
        timestamp: 1_795_227_131_726,
        event: 'messages.upsert',
        sequence: 42,
        epoch: 3,
        me: { id: '5511999990000:7@s.whatsapp.net' },
        data: {
          type: 'notify',
          messages: [
            {
              key: { remoteJid: `${examplePhone}@s.whatsapp.net`, fromMe: false, id: '3A5F0E3C7B1D2A4F6E81' },
              pushName: 'Maria',
              message: { conversation: 'Oi' },
              messageTimestamp: 1_795_227_131,
            },
          ],
        },
      },
    },
  },
  cloud: {
    ...common,
    name: 'webhooks.cloud',
    path: '/webhooks/cloud/:token',
    summary: 'Takes events of the WhatsApp Cloud API',
    description:
      'Answered once all of the batch is durable. The token is of a Meta app: each change goes to the instance of the number that it names. The signature is the SHA-256 HMAC of the body as sent, in lower case hex, with the secret of the app.',
    proof: 'cloudSignature',
    body: cloudEvent,
    answers: durable,
    problems: ['signature-invalid', ...problems],
    example: {
      params: { token: exampleIds.cloudToken },
      body: {
        object: 'whatsapp_business_account',
        entry: [
          {
            id: '102290129340398',
            changes: [
              {
                field: 'messages',
                value: {
                  messaging_product: 'whatsapp',
                  metadata: { display_phone_number: '5511900000000', phone_number_id: '106540352242922' },
                  contacts: [{ profile: { name: 'Maria' }, wa_id: examplePhone }],
                  messages: [
                    {
                      from: examplePhone,
                      id: 'wamid.HBgNNTUxMTk5OTk5MDAwMRUCABIYFDNBNEYyQjE4',
                      timestamp: '1795227131',
                      type: 'text',
                      text: { body: 'Oi' },
                    },
                  ],
                },
              },
            ],
          },
        ],
      },
    },
  },
  simulator: {
    ...common,
    name: 'webhooks.simulator',
    path: '/webhooks/simulator/:token',
    summary: 'Takes a message of the simulated phone',
    description: 'The same as `POST /v1/simulator/messages` takes. The token is all that is asked for.',
    body: z.object(simulatedFields),
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

/** Meta asks once, when the webhook is set. */
const challenge: Operation = {
  ...common,
  name: 'webhooks.cloud.challenge',
  method: 'GET',
  path: '/webhooks/cloud/:token',
  summary: "Answers Meta's check of the webhook",
  query: z.object({
    'hub.mode': z.literal('subscribe'),
    'hub.challenge': z.string().describe('What is to be answered'),
    'hub.verify_token': z.string().describe('The verify token of the instance'),
  }),
  answers: [{ status: 200, meaning: 'The challenge.', contentType: 'text/plain', example: '1158201444' }],
  problems: ['challenge-refused', 'not-found'],
  example: {
    params: { token: exampleIds.cloudToken },
    query: {
      'hub.mode': 'subscribe',
      'hub.challenge': '1158201444',
      'hub.verify_token': exampleIds.cloudVerifyToken,
    },
  },
};

const evolutionByEvents: Operation = {
  ...byProvider.evolution,
  name: 'webhooks.evolution.event',
  path: '/webhooks/evolution/:token/:event',
  summary: 'Takes an event of Evolution API v2, its name in the path',
  description: 'The same for Evolution instances whose webhook has the option `byEvents`. The name in the body counts.',
  params: params.extend({ event: z.string().describe('Such as messages-upsert') }),
  example: {
    params: { token: exampleIds.evolutionToken, event: 'messages-upsert' },
    body: byProvider.evolution.example.body,
  },
};

/** One per provider, and the check. */
export const webhookOperations: readonly Operation[] = [...Object.values(byProvider), evolutionByEvents, challenge];
