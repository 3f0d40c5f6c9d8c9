/** Shapes that several routes share. */
import { z } from 'zod';

/** An opaque id in a path. */
export const idParams = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/)
    .describe('Opaque id'),
});

/** Text that Postgres can compare with: no NUL. */
export const filterText = z
  .string()
  .min(1)
  .max(200)
  .refine((text) => !text.includes('\0'));

/** A point in time: ISO 8601 with an offset or `Z`. */
export const instant = z.iso.datetime({ offset: true }).transform((text) => Date.parse(text));

/** A point in time in an answer: ISO 8601 in UTC. */
export const time = z.string().meta({ format: 'date-time' });

/** `?limit`. */
export const limit = z.coerce.number().int().min(1).max(200).default(50).describe('Most items of a page');

/** `?cursor`: opaque to callers. */
export const cursor = z.string().min(1).max(1_000).optional().describe('`next` of the page before');

/** A page. */
export const listOf = <Item extends z.ZodType>(item: Item) =>
  z.object({
    items: z.array(item),
    next: z.string().nullable().describe('Cursor of the next page; null on the last one'),
  });

/** Names a request, so that it can be repeated. */
export const idempotencyKey = z
  .string()
  .regex(/^[\x21-\x7e]{1,200}$/)
  .optional()
  .describe('A second request with the same key is the first one');
