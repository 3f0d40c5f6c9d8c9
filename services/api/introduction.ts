/**
 * The words of the documents that belong to no single route. `#` headings, lists, fenced code and
 * `code` in backticks are understood by the page; nothing else of Markdown is.
 */
import type { Tag } from './operation.ts';
import { bodyBytesMax, listBytesMax } from './route.ts';

/** Text before the routes. */
export const introduction = `
Prosa keeps WhatsApp conversations as durable actors on a log. This API reads them, writes to people, and says what
happened.

## First call

\`npm start\` prints a URL and a key. With both in the environment every example of this page can be run as it is, once its
ids are replaced by ids of yours.

\`\`\`sh
export PROSA_URL=… PROSA_KEY=…
curl -s "$PROSA_URL/v1/health" -H "authorization: Bearer $PROSA_KEY"
\`\`\`

## Conventions

- Keys: routes under \`/v1\` ask for \`Authorization: Bearer\` and an API key. A key belongs to one tenant and has one role.
- Tenants: what another tenant has answers as what does not exist, 404 with the same body.
- Forms: JSON in UTF-8. Fields and query parameters that are not documented are refused with 400. Answers may gain fields:
  ignore those that you do not know.
- Times: ISO 8601. Those in answers are in UTC; those that you give carry a zone.
- Ids: opaque text, at most 128 of \`A-Z a-z 0-9 _ -\`.
- Lists: \`{items, next}\`. Give \`next\` as \`cursor\` for the next page; it is null on the last one.
- 202: it is durable, and takes effect in its turn among the records of its conversation.
- Errors: problem JSON (RFC 9457) with a stable \`code\`, listed below.
- Trying again: reading changes nothing. 429 and 503 say in \`Retry-After\` when to try again. A message with an
  \`idempotencyKey\` is sent once, however often it is asked for.
- Request ids: every answer has one in \`X-Request-Id\`, errors in \`requestId\` as well; it finds the request in the logs.
- Caches: answers under \`/v1\` may not be stored (\`Cache-Control: no-store\`).

## Limits

- Bodies: ${bodyBytesMax / 1_024} KiB under \`/v1\`, ${listBytesMax / 1_048_576} MiB where they are lists of messages or people, 6 MiB for webhooks. A request must be whole within 15 s.
- Pages: 200 items, 50 unless asked otherwise.
- Rate: an edge in front of the program may set one, and answers 429 with \`Retry-After\`. So does the webhook of a
  tenant that has too many events waiting; see docs/scaling.md.
`.trim();

/** What belongs together, in the order in which it is shown. */
export const tagTexts: Readonly<Record<Tag, string>> = {
  conversations: 'Chats with people: their state, their messages, and their whole past.',
  'service-queues': 'People who wait for people.',
  chat: 'The same conversations without WhatsApp.',
  messages: 'Messages that you ask to be sent.',
  broadcasts: 'One message to many people, at a pace.',
  simulator: 'A simulated WhatsApp: write as a person, see what that person receives.',
  instances: "Connections to providers, each serving one of the tenant's numbers.",
  templates: 'Messages approved by Meta beforehand, which may be sent to people who did not write for a day.',
  audit: 'What was done and by whom, without a word of what anyone said.',
  replays:
    'What happened, folded again: to verify it, to rebuild from it, to try another machine on it, to write it out.',
  files: 'Media that people sent, and media to be sent to them.',
  transcriptions: 'What is said in recordings.',
  models: 'The language models that conversations ask.',
  configuration: 'What the tenant sets: machines and their settings, sending, how long things are kept.',
  appointments: 'Times that are booked.',
  participants: "Inscriptions to the tenant's event.",
  subscriptions: 'Your own endpoints, which are told what happens.',
  deliveries: 'The sending of replies, and what became of it.',
  queues: 'What waits to be sent, by account and priority, and why.',
  topics: 'The log of the installation, and how far its readers are.',
  parked: 'Records that no release can process, set aside so that the others go on.',
  health: 'Whether what the system stands on answers.',
  webhooks:
    "Where providers deliver. The token in the path finds the instance; an instance's path is told when it is made.",
  'schema-registry':
    "Schemas of the records on the log, read-only, in the form of Confluent's schema registry: stock clients decode with it. No key is asked for; schemas hold no personal data.",
  probes: 'For orchestrators and Prometheus. No key is asked for.',
  documents: 'What you are reading.',
};
