/**
 * Every refusal of the API and of ingest, by its code. Codes are stable: callers may branch on them. A
 * test compares this table with what the sources throw.
 */
import { z } from 'zod';

import { type ErrorCode, errorTable } from '#runtime/errors.ts';

/** Status and meaning of each code. */
export const problemTable = {
  'request-invalid': [400, 'Not the documented form; `detail` names the places.'],
  'cursor-invalid': [400, 'The cursor is not one that this list gave.'],
  'body-not-json': [400, 'The body is empty or not JSON.'],
  'body-not-object': [400, 'The body is JSON, but not an object.'],
  'body-too-deep': [400, 'The body is nested deeper than 64.'],
  'body-invalid': [400, 'The body is not a message of the simulated phone.'],
  'content-length-wrong': [400, 'The body is not as long as its header says.'],
  'url-malformed': [400, 'The URL cannot be read.'],
  unauthorized: [401, 'The API key is missing, wrong or revoked.'],
  'signature-invalid': [401, 'The signature of the webhook is missing or wrong. Nothing was written.'],
  forbidden: [403, 'The role of the key may not do this.'],
  'not-found': [404, 'Nothing has this id, or another tenant has it: the answer is the same.'],
  'name-taken': [409, 'An instance of this name exists.'],
  'replays-too-many': [409, 'The tenant has too many replays that are not over.'],
  'idempotency-key-reused': [409, 'The idempotency key was used for another message.'],
  'body-too-large': [413, 'The body is too large.'],
  'content-type-unsupported': [415, 'The content type is not `application/json`.'],
  'history-too-long': [422, 'Too many records lie between the page and where reading can begin.'],
  'machine-unknown': [422, 'There is no such machine or version, or no longer.'],
  'rate-limited': [429, 'Too many requests; wait as long as `Retry-After` says.'],
  internal: [500, 'A defect of ours. The request id finds it in the logs.'],
  'ingest-full': [503, 'Too much is being taken in. Nothing was written; try again.'],
  'ingest.unavailable': [503, 'Ingest cannot take the message now; try again.'],
} as const satisfies Readonly<Record<string, readonly [status: number, meaning: string]>>;

/** Code of a refusal. */
export type ProblemCode = keyof typeof problemTable;

/** Codes of operating errors as they are answered: 503 where trying again helps, else 500. */
export const operatingCodes = (status: 500 | 503): readonly ErrorCode[] =>
  (Object.keys(errorTable) as ErrorCode[]).filter((code) => {
    const [disposition] = errorTable[code];
    return (disposition === 'retry' || disposition === 'yield') === (status === 503);
  });

/** The body of every refusal (RFC 9457). */
export const problem = z
  .object({
    type: z.string().meta({ format: 'uri-reference' }),
    title: z.string(),
    status: z.number().int(),
    code: z.string().describe('Stable; callers may branch on it'),
    detail: z.string().describe('For people; never repeats what was sent'),
    requestId: z.string().describe('The same as the header `X-Request-Id`'),
  })
  .meta({ id: 'Problem', description: 'A refusal (RFC 9457).' });
