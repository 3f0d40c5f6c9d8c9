/**
 * Tells a tenant's people by mail what needs them: messages that wait for a decision, accounts that stay shut.
 *
 * W1 What there is to tell is put into one notice, at most one in `noticeEveryMs`, and each thing into one notice.
 * W2 A notice is handed to the effects at least once, always under the same ids, so that it is one mail to each.
 */
import type { EffectRequested } from '#schemas/records.ts';

import { derivedId, newUlid, outgoing, uncaused } from '#runtime/records.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { type FallbackPolicy, sendingPolicyOf } from '#runtime/tenants/sending-policy.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';
import type { Sql } from '#runtime/database/database.ts';

import { peopleOf } from './fallback.ts';
import { type NoticeGroup, noticeText } from './notice-text.ts';
import type { PolicyFinder } from './placement.ts';

/** What notices are made with. */
export interface NoticeParts {
  readonly runtime: Pick<Runtime, 'config' | 'database' | 'instances' | 'log' | 'now' | 'tenants' | 'vault'>;
  readonly policyOf: PolicyFinder;
  /** Least time between two looks. Milliseconds. */
  readonly everyMs: number;
}

const stepsMax = 1_000;
const accountsMax = 100;
const noticesMax = 50;
/** That many waiting messages of a shut account are counted. */
const countedMax = 1_000;

interface StepRow {
  readonly delivery: string;
  readonly number: number;
  readonly instance: string;
  readonly cause: string;
}

interface ShutRow {
  readonly instance: string;
  readonly reason: string | null;
  readonly waiting: number;
}

interface NoticeRow {
  readonly tenant: string;
  readonly id: string;
  readonly groups: readonly NoticeGroup[];
}

const stepsStatement = `
  SELECT delivery, number, instance, cause FROM delivery_steps
  WHERE step = 'notify' AND notice IS NULL ORDER BY at`;

// Each time that an account is shut is told once, and only where something waits for it.
const shutStatement = `
  SELECT * FROM (
    SELECT g.instance, g.reason, (
      SELECT count(*)::int FROM (
        SELECT FROM deliveries d WHERE d.status = 'queued' AND d.instance = g.instance LIMIT $3
      ) w
    ) AS waiting
    FROM sending_gates g WHERE g.tenant = $4 AND g.state <> 'closed' AND g.opened_at <= now() - $1 * interval '1 ms'
      AND g.told_opened_at IS DISTINCT FROM g.opened_at ORDER BY g.opened_at LIMIT $2
  ) shut WHERE waiting > 0`;

const turnStatement = `
  INSERT INTO sending_notice_times AS t (tenant, told_at) VALUES ($1, now())
  ON CONFLICT (tenant) DO UPDATE SET told_at = now() WHERE t.told_at <= now() - $2 * interval '1 ms' RETURNING tenant`;

/** Makes the turn; it throws `database.unavailable`, `log.unavailable`, `vault.unavailable`. */
export function createNotices({ runtime, policyOf, everyMs }: NoticeParts) {
  const { config, database, log, tenants, vault, now } = runtime;
  let nextAt = 0;

  const people = (policy: FallbackPolicy): readonly string[] =>
    policy.steps.includes('notify') ? peopleOf(policy, config.adminEmails) : [];

  /** W1. Who has the turn of a tenant is alone until it ends. */
  const gather = async (tenant: string, { heldMs, noticeEveryMs }: FallbackPolicy): Promise<void> => {
    const shutValues = [heldMs, accountsMax, countedMax, tenant];
    const [waiting, shutNow] = await database.queries(
      [tenant],
      [
        [`${stepsStatement} LIMIT 1`, []],
        [shutStatement, shutValues],
      ],
    );
    if (waiting?.rowCount === 0 && shutNow?.rowCount === 0) return;
    await database.transaction([tenant], async (sql) => {
      const turn = await sql.query(turnStatement, [tenant, noticeEveryMs]);
      // Not yet: it is told with what comes until then.
      if (turn.rowCount === 0) return;
      const [steps, shut] = await Promise.all([
        sql.query<StepRow>(`${stepsStatement} LIMIT ${stepsMax} FOR UPDATE`),
        sql.query<ShutRow>(shutStatement, shutValues),
      ]);
      const groups = [...decided(steps.rows), ...shut.rows.map(held)];
      await writeNotice(sql, { tenant, id: `n_${newUlid(now())}`, groups }, steps.rows, shut.rows);
    });
  };

  const recordOf = async (notice: NoticeRow, to: string, text: { subject: string; text: string }) => {
    const { tenant, id } = notice;
    const effectId = derivedId('f', id, to);
    const at = now();
    const where = { tenant, actor: id, type: 'effect.requested', eventId: effectId } as const;
    const sealed = await vault.seal(where, tenantSubject(tenant), at, { input: { to, ...text } });
    const revision = await tenants.currentRevision(tenant);
    const record: EffectRequested = {
      ...uncaused(tenant, id, effectId, at, revision),
      type: 'effect.requested',
      effectId,
      source: 'mail.send',
      sealed,
    };
    return outgoing(record);
  };

  const recordsOf = async (notice: NoticeRow) => {
    const { tenant } = notice;
    const configuration = await tenants.configuration(tenant, await tenants.currentRevision(tenant));
    const names = new Map((await runtime.instances.list(tenant)).map(({ id, name }) => [id, name]));
    const text = noticeText(configuration?.machines['conversation']?.settings['locale'], tenant, notice.groups, names);
    const to = people(sendingPolicyOf(configuration?.sending).fallback);
    return Promise.all(to.map((one) => recordOf(notice, one, text)));
  };

  /** W2. */
  const handOver = (of: readonly string[]): Promise<void> =>
    database.transaction(of, async (sql) => {
      const { rows } = await sql.query<NoticeRow>(
        `SELECT tenant, id, groups FROM sending_notices WHERE handed_at IS NULL ORDER BY created_at LIMIT $1
         FOR UPDATE SKIP LOCKED`,
        [noticesMax],
      );
      if (rows.length === 0) return;
      await log.append((await Promise.all(rows.map(recordsOf))).flat());
      await sql.query('UPDATE sending_notices SET handed_at = now() WHERE id = ANY ($1::text[])', [
        rows.map(({ id }) => id),
      ]);
    });

  return async (of: readonly string[]): Promise<void> => {
    if (performance.now() < nextAt) return;
    nextAt = performance.now() + everyMs;
    for (const tenant of of) {
      const { fallback } = await policyOf(tenant);
      if (people(fallback).length > 0) await gather(tenant, fallback);
    }
    await handOver(of);
  };
}

async function writeNotice(
  sql: Sql,
  { tenant, id, groups }: NoticeRow,
  steps: readonly StepRow[],
  shut: readonly ShutRow[],
): Promise<void> {
  await Promise.all([
    sql.query('INSERT INTO sending_notices (tenant, id, groups) VALUES ($1, $2, $3)', [
      tenant,
      id,
      JSON.stringify(groups),
    ]),
    sql.query(
      `UPDATE delivery_steps s SET notice = $3 FROM unnest($1::text[], $2::int[]) AS r (delivery, number)
       WHERE s.delivery = r.delivery AND s.number = r.number`,
      [steps.map(({ delivery }) => delivery), steps.map(({ number }) => number), id],
    ),
    sql.query('UPDATE sending_gates SET told_opened_at = opened_at WHERE tenant = $1 AND instance = ANY ($2::text[])', [
      tenant,
      shut.map(({ instance }) => instance),
    ]),
  ]);
}

const held = ({ instance, reason, waiting }: ShutRow): NoticeGroup => ({
  instance,
  cause: reason ?? 'unknown',
  count: waiting,
  held: true,
});

/** Those that wait for a decision, by account and cause. */
function decided(steps: readonly StepRow[]): readonly NoticeGroup[] {
  const groups = Map.groupBy(steps, ({ instance, cause }) => `${instance} ${cause}`);
  return [...groups.values()].flatMap(([first, ...others]) =>
    first === undefined
      ? []
      : [{ instance: first.instance, cause: first.cause, count: 1 + others.length, held: false }],
  );
}
