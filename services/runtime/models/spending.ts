/**
 * What a tenant's models may cost in a day, and have. Days are of UTC; amounts are millionths of its currency unit.
 *
 * Nobody waits for the disk here: the log of Postgres is one, so that the commit by which an answer is kept makes durable
 * what was written before it. What a crash of Postgres itself can lose are calls that were not answered.
 */
import { type Database, unawaited } from '../database/database.ts';
import { OperatingError } from '../errors.ts';

/** A part of the day's budget that was set aside. */
export interface Reservation {
  /** Puts what it cost in its place. What Postgres does not take now stays set aside until the day is over. */
  settle(micros: number): Promise<void>;
}

const keptDays = 60;
/** Of a tenant without a budget: what is spent is written down all the same. */
const noBudget = 2 ** 52;

/** The budgets, as prosa_worker or prosa_api. Throws `database.unavailable`. */
export function openSpending(database: Database, now: () => number) {
  return {
    /** Sets an amount aside; undefined when the budget of the day does not have it. Nothing costs nothing. */
    async reserve(tenant: string, micros: number, perDay: number | undefined): Promise<Reservation | undefined> {
      if (micros === 0) return { settle: () => Promise.resolve() };
      const day = new Date(now()).toISOString().slice(0, 10);
      const max = perDay ?? noBudget;
      const [, reserved] = await database.queries(
        [tenant],
        [unawaited, [reserveStatement, [tenant, day, micros, max]]],
      );
      const row = reserved?.rows[0];
      if (row === undefined) return undefined;
      if (row['first'] === true)
        await database.query([tenant], 'DELETE FROM model_spending WHERE tenant = $1 AND day < $2::date - $3::int', [
          tenant,
          day,
          keptDays,
        ]);
      return {
        async settle(cost) {
          try {
            await database.queries([tenant], [unawaited, [settleStatement, [tenant, day, micros, cost]]]);
          } catch (caught) {
            if (!(caught instanceof OperatingError)) throw caught;
          }
        },
      };
    },
  };
}

/** The budgets. */
export type Spending = ReturnType<typeof openSpending>;

const settleStatement = `
  UPDATE model_spending SET reserved = greatest(0, reserved - $3::bigint), spent = spent + $4::bigint
  WHERE tenant = $1 AND day = $2`;
const reserveStatement = `
  INSERT INTO model_spending AS s (tenant, day, reserved)
  SELECT $1, $2::date, $3::bigint WHERE $3::bigint <= $4::bigint
  ON CONFLICT (tenant, day) DO UPDATE SET reserved = s.reserved + excluded.reserved
    WHERE s.spent + s.reserved + excluded.reserved <= $4::bigint
  RETURNING (xmax = 0) AS first`;
