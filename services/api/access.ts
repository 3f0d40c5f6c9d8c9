/**
 * Audit of what holders of API keys do: every sight of personal content and every act. Written before
 * the answer is given: what cannot be audited is not answered.
 */
import { auditRecord, newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { ApiKey } from './api-keys.ts';

/** One thing done. */
export interface Act {
  /** Conversation, instance or key concerned. */
  readonly actor: string;
  /** Such as `access.messages`. */
  readonly action: string;
  readonly subject?: string;
  readonly instance?: string;
}

/** Throws `log.unavailable`. */
export interface Access {
  /** Records acts of a key's holder. Not idempotent: each call is a sight of its own. */
  record(key: ApiKey, acts: readonly Act[]): Promise<void>;
}

/** Opens the audit. */
export function openAccess(runtime: Pick<Runtime, 'log' | 'now'>): Access {
  return {
    async record(key, acts) {
      if (acts.length === 0) return;
      const at = runtime.now();
      const records = acts.map(({ actor, ...done }) =>
        auditRecord(uncaused(key.tenant, actor, newUlid(at), at), { ...done, outcome: 'granted', actedBy: key.id }),
      );
      await runtime.log.append(records.map((record) => outgoing(record)));
    },
  };
}
