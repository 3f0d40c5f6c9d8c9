/** What is asked of instances: a record first, of which the instance's actor makes what it does. */
import type { InstanceOperation } from '#machines/machine.ts';
import { Problem } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import { newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { SealedInstanceRequest } from '#schemas/content.ts';
import type { InstanceRequested } from '#schemas/records.ts';

import type { ApiKey } from './api-keys.ts';
import type { ApiContext } from './deps.ts';

/**
 * Asks an instance for something. Not idempotent: each call is a request of its own. Throws `Problem` 422
 * where the tenant's configuration has no machine for instances.
 */
export async function requestOfInstance(
  { runtime, access }: ApiContext,
  key: ApiKey,
  instance: Pick<Instance, 'id' | 'tenant'>,
  operation: InstanceOperation,
  wanted: SealedInstanceRequest = {},
): Promise<{ readonly requestId: string }> {
  const { tenant, id } = instance;
  const revision = await runtime.tenants.currentRevision(tenant);
  if (!(await hasMachine(runtime, tenant, revision)))
    throw new Problem(422, 'machine-unknown', 'The configuration of the tenant has no machine for instances.');
  const at = runtime.now();
  const eventId = newUlid(at);
  const where = { tenant, actor: id, type: 'instance.requested', eventId };
  const record: InstanceRequested = {
    ...uncaused(tenant, id, eventId, at, revision),
    type: 'instance.requested',
    instance: id,
    operation,
    requestedBy: key.id,
    sealed: await runtime.vault.seal(where, tenantSubject(tenant), at, wanted),
  };
  await runtime.log.append([outgoing(record)]);
  await access.record(key, [{ actor: id, action: `instance.${operation}-requested`, subject: eventId, instance: id }]);
  return { requestId: eventId };
}

/** Tells an instance that it was made, where the tenant's configuration has a machine for instances. */
export async function beginInstance(context: ApiContext, key: ApiKey, instance: Instance): Promise<void> {
  const { runtime } = context;
  const revision = await runtime.tenants.currentRevision(instance.tenant);
  if (await hasMachine(runtime, instance.tenant, revision)) await requestOfInstance(context, key, instance, 'create');
}

const hasMachine = async ({ tenants }: Pick<Runtime, 'tenants'>, tenant: string, revision: string): Promise<boolean> =>
  (await tenants.configuration(tenant, revision))?.machines['instance'] !== undefined;
