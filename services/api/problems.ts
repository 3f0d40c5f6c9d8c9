/**
 * Every refusal of the API and of ingest, by its code. Codes are stable: callers may branch on them. A
 * test compares this table with what the sources throw.
 */
import { z } from 'zod';

import { type ErrorCode, errorTable } from '#runtime/errors.ts';

/** Status and meaning of each code. */
export const problemTable = {
  'request-invalid': [400, 'Not the documented form; `detail` names the places.'],
  'configuration-invalid': [
    400,
    'The configuration cannot be put in force; `detail` names every setting that is wrong.',
  ],
  'cursor-invalid': [400, 'The cursor is not one that this list gave.'],
  'body-not-json': [400, 'The body is empty or not JSON.'],
  'body-not-object': [400, 'The body is JSON, but not an object.'],
  'body-too-deep': [400, 'The body is nested deeper than 64.'],
  'body-invalid': [400, 'The body is not a message of the simulated phone.'],
  'content-length-wrong': [400, 'The body is not as long as its header says.'],
  'url-malformed': [400, 'The URL cannot be read.'],
  'url-refused': [400, 'The address may not be called: it is not public, or not http or https.'],
  unauthorized: [401, 'The API key is missing, wrong or revoked.'],
  'signature-invalid': [401, 'The signature of the webhook is missing or wrong. Nothing was written.'],
  'challenge-refused': [403, 'The verify token of the webhook is missing or wrong.'],
  forbidden: [403, 'The role of the key may not do this.'],
  'not-found': [404, 'Nothing has this id, or another tenant has it: the answer is the same.'],
  'qr-missing': [404, 'The instance shows no QR code now.'],
  'template-unknown': [404, 'The tenant has no template of this name in this language.'],
  'tenant-unconfigured': [409, 'The tenant has no configuration yet: nothing can begin for it.'],
  'name-taken': [409, 'An instance of this name, or of this number of the app, exists.'],
  'template-not-approved': [409, 'Meta has not approved the template, or no longer.'],
  'message-not-sent': [409, 'The message that is referred to is not known to have been sent.'],
  'webhooks-too-many': [409, 'The tenant has as many webhooks as it may.'],
  'replays-too-many': [409, 'The tenant has too many replays that are not over.'],
  'consent-refused': [409, 'The person said no, or withdrew the consent.'],
  'queue-at-capacity': [409, 'The attendants of the queue have as many conversations as they may.'],
  'merge-impossible': [409, 'Only two direct chats of one line can be one chat.'],
  'message-not-cancellable': [409, 'The message is on its way, or was sent or given up.'],
  'message-not-retryable': [409, 'The message was sent, or was refused for the sake of the person.'],
  'message-outcome-unknown': [409, 'The message may have arrived; `evenIfUnknown` sends it again all the same.'],
  'idempotency-key-reused': [409, 'The idempotency key was used for something else.'],
  'speech-not-configured': [409, 'The tenant has no model that transcribes, or no key for it.'],
  'model-addresses-too-many': [409, 'The tenant has model keys for as many addresses as it may.'],
  'scheduling-not-configured': [409, 'The tenant offers nothing that can be booked.'],
  'time-taken': [409, 'The time is taken.'],
  'broadcast-empty': [409, 'The broadcast has no recipients.'],
  'broadcast-started': [409, 'The broadcast was started: its recipients are fixed.'],
  'broadcast-state': [409, 'The broadcast is not in a state in which this can be ordered.'],
  'recipients-too-many': [409, 'A broadcast has 100000 recipients at most.'],
  'revision-outdated': [
    412,
    'Another revision of the configuration is in force than the one that was named. Nothing changed.',
  ],
  'recipient-erased': [410, 'The person was erased: nothing more can be kept for them.'],
  'file-gone': [410, 'The file was erased with its person, is older than the tenant keeps files, or is lost.'],
  'recipient-invalid': [422, 'Nobody can be written to there: it is no number and no chat, or a group.'],
  'service-unknown': [422, 'The tenant has no such service.'],
  'export-too-large': [422, 'There are more inscriptions than a file may have.'],
  'variables-missing': [422, 'A variable in the text has no value.'],
  'content-invalid': [422, 'With its variables put in, the content is not one that can be sent.'],
  'speech-too-long': [422, 'The recording is longer than the tenant allows.'],
  'speech-unreadable': [422, 'It is no recording, or nothing is said in it.'],
  'file-refused': [422, 'The file is empty, or of a kind that is not taken.'],
  'file-too-large': [422, 'The file is larger than WhatsApp takes of its kind.'],
  'template-variables-wrong': [422, 'The variables are not those that the template has; `detail` says which.'],
  'body-too-large': [413, 'The body is too large.'],
  'content-type-unsupported': [415, 'The content type is not `application/json`.'],
  'history-too-long': [422, 'Too many records lie between the page and where reading can begin.'],
  'templates-none': [
    422,
    'The instance has no templates: it is not of the Cloud API, or its business account is not known.',
  ],
  'calendar-unavailable': [502, 'Google does not answer, or refuses; try again.'],
  'templates-unavailable': [502, 'Meta does not give the templates now, or not with this access token.'],
  'machine-unknown': [422, 'There is no such machine or version, or no longer.'],
  'send-at-too-late': [422, 'The moment is more than a year ahead.'],
  'model-budget-spent': [
    429,
    'Models have cost as much today as the tenant allows; `Retry-After` is until the next day.',
  ],
  'rate-limited': [429, 'Too many requests; wait as long as `Retry-After` says.'],
  internal: [500, 'A defect of ours. The request id finds it in the logs.'],
  'speech-unavailable': [503, 'The model that transcribes cannot be reached now; try again.'],
  'ingest-full': [503, 'Too much is being taken in. Nothing was written; try again.'],
  'ingest.unavailable': [503, 'Ingest cannot take the message now; try again.'],
} as const satisfies Readonly<Record<string, readonly [status: number, meaning: string]>>;

/** Code of a refusal. */
export type ProblemCode = keyof typeof problemTable;

/** What can be wrong with a content that is to be sent, and with when. */
export const contentProblems = [
  'not-found',
  'url-refused',
  'file-too-large',
  'template-unknown',
  'template-not-approved',
  'template-variables-wrong',
  'send-at-too-late',
] as const satisfies readonly ProblemCode[];

/** Codes of operating errors as they are answered: 503 where trying again helps, else 500. */
export const operatingCodes = (status: 500 | 503): readonly ErrorCode[] =>
  (Object.keys(errorTable) as ErrorCode[]).filter((code) => {
    const [disposition] = errorTable[code];
    // It has an answer of its own.
    if (code === 'tenant.unconfigured') return false;
    return (disposition === 'retry' || disposition === 'yield') === (status === 503);
  });

/** The body of every refusal (RFC 9457). */
export const problem = z
  .object({
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; callers may branch on it'),
    detail: z.string().describe('For people; never repeats a value that was sent'),
    requestId: z.string().describe('The same as the header `X-Request-Id`'),
  })
  .meta({ id: 'Problem', description: 'A refusal (RFC 9457).' });
