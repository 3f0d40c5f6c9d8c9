/** What an asker's tenant has set for its agents, in the revision that the asker goes by. */
import type { AgentSettings } from '#machines/conversation/agent-settings.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { EffectCall } from '../handler.ts';

/** The settings. Their form was checked before the revision was put in force. Throws `database.unavailable`. */
export async function agentSettingsOf(
  tenants: Runtime['tenants'],
  { tenant, revision }: Pick<EffectCall, 'tenant' | 'revision'>,
): Promise<AgentSettings> {
  const configuration = await tenants.configuration(tenant, revision ?? (await tenants.currentRevision(tenant)));
  return configuration?.machines['conversation']?.settings ?? {};
}
