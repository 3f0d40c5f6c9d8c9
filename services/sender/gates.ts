/**
 * Gates of instances: a circuit breaker each, shared by all sender processes through Postgres, and a
 * second gate for people who never wrote.
 *
 * G1 `closed`: messages go. After `failuresMax` failures in a row (of this process), or one that concerns
 *    the whole account, the breaker opens: what waits for the instance is held, and counts no attempt.
 * G2 `open`: nothing goes until a pause is over, which doubles with each opening and is spread, so that
 *    instances that failed together do not come back together.
 * G3 `half-open`: one process sends one delivery. What it meets closes the breaker or opens it anew. A
 *    probe whose process went away is another's when its lease is over.
 * G4 Nobody is written to first while the account is restricted to people who wrote before.
 * G5 What opens or closes is written down in the same statement, to be an audit event (gate-changes.ts).
 *
 * Words: a breaker that is open lets nothing through.
 */
import type { Database } from '#runtime/database/database.ts';
import { Lru } from '#runtime/lru.ts';

import type { GateChange } from './gate-changes.ts';

/** How a breaker behaves. Times in milliseconds. */
export interface GateOptions {
  readonly failuresMax: number;
  /** The first pause, and the longest. */
  readonly pauseMs: number;
  readonly pauseMsMax: number;
  /** The same of the gate for those who never wrote. */
  readonly coldPauseMs: number;
  readonly coldPauseMsMax: number;
}

export const gateDefaults: GateOptions = {
  failuresMax: 5,
  pauseMs: 5_000,
  pauseMsMax: 300_000,
  // Accounts that wrote to too many strangers are restricted for a day or so (Baileys issues 1983, 2800).
  coldPauseMs: 6 * 3_600_000,
  coldPauseMsMax: 48 * 3_600_000,
};

/** An account of a tenant. */
export interface Account {
  readonly tenant: string;
  readonly instance: string;
}

/** Spread of pauses. */
const jitter = 0.2;
const instancesMax = 10_000;

/** Gates as prosa_worker. `random` is in [0, 1). `moved` is told of each change. Throws `database.unavailable`. */
export function openGates(
  database: Database,
  options: GateOptions,
  random: () => number,
  moved: (
    account: Account,
    to: 'open' | 'half-open' | 'closed' | 'new-chats-stopped',
    reason: string | null,
  ) => void = () => undefined,
) {
  /** Failures in a row, by instance. */
  const failures = new Lru<string, number>(instancesMax);
  /** Instances that this process probes. */
  const probing = new Set<string>();

  const open = async ({ tenant, instance }: Account, reason: string, afterMs: number): Promise<void> => {
    const spread = 1 + jitter * random();
    const { pauseMs, pauseMsMax } = options;
    const values = [tenant, instance, reason, pauseMs, pauseMsMax, spread, afterMs];
    const changed = await database.query([tenant], openStatement, values);
    failures.delete(instance);
    probing.delete(instance);
    if (changed.rowCount > 0) moved({ tenant, instance }, 'open', reason);
  };

  return {
    /** The provider answered about a message: it works. */
    async works(account: Account): Promise<void> {
      failures.delete(account.instance);
      if (!probing.delete(account.instance)) return;
      const changed = await database.query([account.tenant], closeStatement, [account.tenant, account.instance]);
      if (changed.rowCount > 0) moved(account, 'closed', null);
    },

    /** No answer, or one that says that it does not work now. Resolves true when the breaker is open after it. */
    async fails(account: Account, reason: string): Promise<boolean> {
      const inARow = (failures.get(account.instance) ?? 0) + 1;
      failures.set(account.instance, inARow);
      if (!probing.has(account.instance) && inARow < options.failuresMax) return false;
      await open(account, reason, 0);
      return true;
    },

    /** The account as a whole is refused. `afterMs`: what the provider asked for. */
    shut: (account: Account, reason: string, afterMs = 0): Promise<void> => open(account, reason, afterMs),

    /** The account may not write to people first (G4). */
    async stopNewChats({ tenant, instance }: Account, reason: string, afterMs = 0): Promise<void> {
      const values = [
        tenant,
        instance,
        reason,
        options.coldPauseMs,
        options.coldPauseMsMax,
        1 + jitter * random(),
        afterMs,
      ];
      const changed = await database.query([tenant], stopNewChatsStatement, values);
      if (changed.rowCount > 0) moved({ tenant, instance }, 'new-chats-stopped', reason);
    },

    /** Takes the probe of an instance whose pause is over; false when another process has it. */
    async takeProbe({ tenant, instance }: Account, owner: string, leaseMs: number): Promise<boolean> {
      const taken = await database.query(
        [tenant],
        `UPDATE sending_gates SET state = 'half-open', probe_by = $3, probe_until = now() + $4 * interval '1 ms'
         WHERE tenant = $1 AND instance = $2
           AND (state = 'open' AND probe_at <= now() OR state = 'half-open' AND probe_until <= now())`,
        [tenant, instance, owner, leaseMs],
      );
      if (taken.rowCount === 0) return false;
      probing.add(instance);
      moved({ tenant, instance }, 'half-open', null);
      return true;
    },

    /** Gives the probe back: nothing was sent that could tell. */
    async leaveProbe({ tenant, instance }: Account): Promise<void> {
      if (!probing.delete(instance)) return;
      await database.query(
        [tenant],
        `UPDATE sending_gates SET state = 'open', probe_by = NULL, probe_until = NULL
         WHERE tenant = $1 AND instance = $2 AND state = 'half-open'`,
        [tenant, instance],
      );
    },

    /** True while this process has the probe of the instance. */
    isProbing: (instance: string): boolean => probing.has(instance),
  };
}

/** The gates. */
export type Gates = ReturnType<typeof openGates>;

/** What a statement changed, with the changes of which the audit is told (G5). */
const audited = (changed: string, change: GateChange, which: string, reason: string): string => `
  WITH changed AS (${changed}), noted AS (
    INSERT INTO sending_gate_changes (tenant, instance, change, reason)
    SELECT tenant, instance, '${change}', ${reason} FROM changed WHERE ${which}
  )
  SELECT FROM changed`;

// One that is open already only waits longer when the provider asks for it. It opened just now when its time
// of opening is that of this transaction.
const openStatement = audited(
  `
  INSERT INTO sending_gates AS g (tenant, instance, state, reason, openings, opened_at, probe_at)
  VALUES ($1, $2, 'open', $3, 1, now(), now() + greatest($4 * $6::float8, $7) * interval '1 ms')
  ON CONFLICT (tenant, instance) DO UPDATE SET state = 'open', reason = excluded.reason,
    openings = g.openings + (g.state <> 'open')::int,
    opened_at = CASE WHEN g.state = 'closed' THEN now() ELSE g.opened_at END,
    probe_at = CASE WHEN g.state = 'open' THEN excluded.probe_at ELSE
      now() + greatest(least($4 * power(2, least(g.openings, 30)), $5) * $6::float8, $7) * interval '1 ms' END,
    probe_by = NULL, probe_until = NULL
  WHERE g.state <> 'open' OR $7 > 0 AND excluded.probe_at > g.probe_at
  RETURNING g.tenant, g.instance, g.opened_at`,
  'opened',
  'opened_at = now()',
  '$3::text',
);

const closeStatement = audited(
  `
  UPDATE sending_gates SET state = 'closed', reason = NULL, openings = 0, probe_by = NULL, probe_until = NULL
  WHERE tenant = $1 AND instance = $2 AND state <> 'closed' RETURNING tenant, instance`,
  'closed',
  'true',
  'NULL',
);

const stopNewChatsStatement = audited(
  `
  INSERT INTO sending_gates AS g (tenant, instance, state, cold_reason, cold_openings, cold_until)
  VALUES ($1, $2, 'closed', $3, 1, now() + greatest($4 * $6::float8, $7) * interval '1 ms')
  ON CONFLICT (tenant, instance) DO UPDATE SET cold_reason = excluded.cold_reason,
    cold_openings = CASE WHEN g.cold_until > now() - interval '7 days' THEN g.cold_openings + 1 ELSE 1 END,
    cold_until = now() + greatest(least($4 * power(2, least(CASE WHEN g.cold_until > now() - interval '7 days'
      THEN g.cold_openings ELSE 0 END, 30)), $5) * $6::float8, $7) * interval '1 ms'
  WHERE g.cold_until IS NULL OR g.cold_until <= now()
  RETURNING g.tenant, g.instance`,
  'cold',
  'true',
  '$3::text',
);
