/**
 * A deployment with a new version of the machine, in the order of the manual: first every process can
 * run both, then the new one is put in force; and back. In between, a process that was forgotten joins:
 * it cannot run the new version and must not touch what does.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { Fault } from '../fault.ts';
import { historyConfiguration } from '../programs/history-machine.ts';

const old = { versions: ['history-1'] };

export const mixedVersions: Fault = {
  number: 16,
  name: 'mixed machine versions and rollback',
  async stage({ crew, installation: { platform, tenant } }) {
    const { tenants } = platform.runtime('prosa_api', 'chaos');
    await crew.stop('host-1');
    await crew.start('host-1', old);
    await sleep(2_000);
    await crew.stop('host-1');
    await crew.start('host-1');
    await tenants.configure(tenant, historyConfiguration('history-2'));
    await sleep(6_000);
    // The one that was forgotten.
    await crew.stop('host-2');
    await crew.start('host-2', old);
    await sleep(4_000);
    await crew.stop('host-2');
    await crew.start('host-2');
    await tenants.configure(tenant, historyConfiguration('history-1'));
    await sleep(6_000);
    return {};
  },
};
