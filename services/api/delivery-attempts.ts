/** Attempts to send a message, as they are answered. */
import { z } from 'zod';

import type { Database } from '#runtime/database/database.ts';

import { time } from './shapes.ts';

/** One call to a provider. */
export const attempt = z.object({
  number: z.number(),
  at: time,
  instanceId: z.string(),
  provider: z.string().nullable(),
  outcome: z.string().describe('sent, retry, refused or unknown'),
  code: z.string().nullable().describe('Stable code of why it did not succeed'),
  httpStatus: z.number().nullable().describe('What the provider answered'),
  durationMs: z.number().nullable(),
});

interface AttemptRow {
  readonly number: number;
  readonly at: Date;
  readonly instance: string;
  readonly provider: string | null;
  readonly outcome: string;
  readonly code: string | null;
  readonly http_status: number | null;
  readonly duration_ms: number | null;
}

/** Every attempt of a delivery, the first one first. Throws `database.unavailable`. */
export async function readAttempts(
  database: Pick<Database, 'query'>,
  tenant: string,
  delivery: string,
): Promise<readonly z.output<typeof attempt>[]> {
  const { rows } = await database.query<AttemptRow>(
    [tenant],
    `SELECT number, at, instance, provider, outcome, code, http_status, duration_ms FROM delivery_attempts
     WHERE tenant = $1 AND delivery = $2 ORDER BY number`,
    [tenant, delivery],
  );
  return rows.map((row) => ({
    number: row.number,
    at: row.at.toISOString(),
    instanceId: row.instance,
    provider: row.provider,
    outcome: row.outcome,
    code: row.code,
    httpStatus: row.http_status,
    durationMs: row.duration_ms,
  }));
}
