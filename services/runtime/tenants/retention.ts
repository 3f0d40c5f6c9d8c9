/** What a tenant's configuration says of how long things are kept. */
import { z } from 'zod';

import { OperatingError } from '../errors.ts';
import type { Tenants } from './tenants.ts';

/** As it stands in a configuration. */
export const retentionShape = z.strictObject({
  /** Days after which files, those people sent and those to be sent, are deleted; 365 when nothing is said. */
  filesDays: z.number().int().min(1).max(3_650).optional(),
});

const filesDaysDefault = 365;
const dayMs = 24 * 3_600_000;

/** How long a tenant keeps files. Milliseconds. */
export async function filesKeptMs(tenants: Tenants, tenant: string): Promise<number> {
  const revision = await tenants.currentRevision(tenant).catch((caught: unknown) => {
    if (caught instanceof OperatingError && caught.code === 'tenant.unconfigured') return undefined;
    throw caught;
  });
  const configuration = revision === undefined ? undefined : await tenants.configuration(tenant, revision);
  return (configuration?.retention?.filesDays ?? filesDaysDefault) * dayMs;
}
