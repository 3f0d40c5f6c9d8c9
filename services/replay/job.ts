/**
 * A replay while it is worked on.
 *
 * J1 One process works on a replay at a time: who claimed it, until the lease ends. Every write says who
 *    writes; when that is not the claimer any more, the work ends.
 * J2 A checkpoint has the place to go on at and what was counted up to there, in one write. What was found
 *    twice, by going on at it after a crash, is found once (one row per actor).
 */
import type { Finding, ReplayCounts, ReplayProgress, ReplayRequest } from '#runtime/replays/replays.ts';
import type { Runtime } from '#runtime/runtime.ts';

/** After so long without a sign anybody may go on with a replay. */
const leaseSeconds = 30;
/** Claims in a row that ended with their process before a replay is given up. */
const deathsMax = 3;
/** Findings that are kept; all are counted. */
const findingsMax = 10_000;
/** Between two writes of what is shown. */
const shownEveryMs = 1_000;
/** Between two signs when the work makes none. */
const signEveryMs = 5_000;

/** Why work on a replay ended early. */
export class Ended extends Error {
  override readonly name = 'Ended';
  readonly why: 'cancelled' | 'lost' | 'stopped';

  constructor(why: Ended['why']) {
    super(`the replay was ${why}`);
    this.why = why;
  }
}

interface Checkpoint {
  readonly place: unknown;
  readonly counts: ReplayCounts;
  readonly findings: number;
}

interface ClaimedRow {
  readonly tenant: string;
  readonly id: string;
  readonly request: ReplayRequest;
  readonly checkpoint: Checkpoint | null;
  readonly cancel_requested: boolean;
  readonly deaths: number;
}

type Ports = Pick<Runtime, 'database' | 'tenants'>;

/** Claims the oldest replay that nobody works on; undefined when there is none. Throws `database.unavailable`. */
export async function claimJob(ports: Ports, worker: string): Promise<Job | undefined> {
  const tenants = await ports.tenants.ids();
  const { rows } = await ports.database.transaction(tenants, (sql) =>
    sql.query<ClaimedRow>(
      `UPDATE replays SET
         status = 'running', claimed_by = $1, lease_until = now() + make_interval(secs => $2),
         -- A claim that was given back left nobody's name.
         deaths = CASE WHEN claimed_by IS NULL THEN deaths ELSE deaths + 1 END,
         started_at = coalesce(started_at, now())
       WHERE id = (
         SELECT id FROM replays
         WHERE status = 'queued' OR (status = 'running' AND (lease_until IS NULL OR lease_until < now()))
         ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
       RETURNING tenant, id, request, checkpoint, cancel_requested, deaths`,
      [worker, leaseSeconds],
    ),
  );
  const row = rows[0];
  return row === undefined ? undefined : new Job(ports, worker, row);
}

/** Gives every claim up, when it is known that nobody else works: what an earlier life left is ours. */
export async function releaseJobs({ database, tenants }: Ports): Promise<void> {
  await database.transaction(await tenants.ids(), (sql) =>
    sql.query(`UPDATE replays SET lease_until = now() WHERE status = 'running' AND lease_until > now()`),
  );
}

/** A replay that this process works on. */
export class Job {
  readonly tenant: string;
  readonly id: string;
  readonly request: ReplayRequest;
  /** Where to go on; undefined at the beginning. */
  readonly place: unknown;
  /** True when its process ended too often without getting anywhere. */
  readonly hopeless: boolean;
  readonly #ports: Ports;
  readonly #worker: string;
  readonly #ended = new AbortController();
  readonly #sign: NodeJS.Timeout;
  readonly #began = performance.now();
  readonly #first: ReplayCounts;
  #counts: ReplayCounts;
  #findings: number;
  #checkpoint: Checkpoint | null;
  /** How much of the whole is done, 0 to 1; undefined while it is not known. */
  #fraction: number | undefined;
  #firstFraction: number | undefined;
  #total: number | null = null;
  #shownAt = 0;
  /** Claims in a row that came no further; this one, when it ends with its process, is the next. */
  #deaths: number;

  constructor(ports: Ports, worker: string, row: ClaimedRow) {
    this.tenant = row.tenant;
    this.id = row.id;
    this.request = row.request;
    this.place = row.checkpoint?.place;
    this.#deaths = row.deaths;
    this.hopeless = row.deaths >= deathsMax;
    this.#ports = ports;
    this.#worker = worker;
    this.#checkpoint = row.checkpoint;
    this.#counts = row.checkpoint?.counts ?? { done: 0, records: 0, differs: false, verdicts: {} };
    this.#first = this.#counts;
    this.#findings = row.checkpoint?.findings ?? 0;
    if (row.cancel_requested) this.end('cancelled');
    this.#sign = setInterval(() => void this.#show().catch(() => undefined), signEveryMs);
    this.#sign.unref();
  }

  /** Aborted when the work is to end; its reason is an `Ended`. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  end(why: Ended['why']): void {
    this.#ended.abort(new Ended(why));
  }

  /** Says how much there is, in the unit of `done`. */
  expect(total: number): void {
    this.#total = total;
  }

  /** Counts work. `verdicts` are those of one conversation. */
  count(done: number, records: number, verdicts: readonly string[] = [], differs = false): void {
    const counted = { ...this.#counts.verdicts };
    for (const verdict of verdicts) counted[verdict] = (counted[verdict] ?? 0) + 1;
    this.#counts = {
      done: this.#counts.done + done,
      records: this.#counts.records + records,
      differs: this.#counts.differs || differs,
      verdicts: counted,
    };
    if (this.#total !== null) this.#at(this.#total === 0 ? 1 : this.#counts.done / this.#total);
  }

  /** Stores a finding, in the place of an earlier one about the same actor. */
  async find({ actor, verdict, body, content }: Finding): Promise<void> {
    if (this.#findings >= findingsMax) return;
    this.#findings += 1;
    await this.#ports.database.transaction([this.tenant], (sql) =>
      sql.query(
        `INSERT INTO replay_findings (tenant, replay, actor, verdict, body, content) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (replay, actor) DO UPDATE SET verdict = excluded.verdict, body = excluded.body, content = excluded.content`,
        [this.tenant, this.id, actor, verdict, JSON.stringify(body), content ?? null],
      ),
    );
  }

  /** Everything before `place` is done (J2); `fraction` of the whole, where it is not told by `done`. Written now and then. */
  async passed(place: unknown, fraction?: number): Promise<void> {
    if (fraction !== undefined) this.#at(fraction);
    this.#checkpoint = { place, counts: this.#counts, findings: this.#findings };
    this.#deaths = 0;
    await this.shown();
  }

  /** Shows what was counted, now and then. */
  async shown(): Promise<void> {
    if (performance.now() - this.#shownAt >= shownEveryMs) await this.#show();
  }

  /** It is over. */
  async finish(status: 'done' | 'failed' | 'cancelled', code: string | null = null): Promise<void> {
    if (status === 'done') this.#total = this.#counts.done;
    await this.#write(`status = $4, code = $5, finished_at = now(), claimed_by = NULL, lease_until = NULL`, [
      status,
      code,
    ]);
  }

  /** Gives it back, to be gone on with at once or, when it waits for something, a little later. */
  async giveBack(code: string | null): Promise<void> {
    const later = code === null ? 'NULL' : `now() + interval '3 seconds'`;
    await this.#write(`claimed_by = NULL, code = $4, lease_until = ${later}`, [code]);
  }

  /** No more signs are given. */
  close(): void {
    clearInterval(this.#sign);
  }

  #at(fraction: number): void {
    this.#fraction = fraction;
    this.#firstFraction ??= fraction;
  }

  async #show(): Promise<void> {
    this.#shownAt = performance.now();
    await this.#write(`lease_until = now() + make_interval(secs => $4)`, [leaseSeconds]);
  }

  /** Writes what is known and `set`; its parameters begin at $4. Ends the work when it is not ours or not wanted any more (J1). */
  async #write(set: string, values: readonly unknown[]): Promise<void> {
    const { rows } = await this.#ports.database.transaction([this.tenant], (sql) =>
      sql.query<{ cancel_requested: boolean }>(
        `UPDATE replays SET progress = $${values.length + 4}, checkpoint = $${values.length + 5}, deaths = $3, ${set}
         WHERE id = $1 AND claimed_by = $2 RETURNING cancel_requested`,
        [
          this.id,
          this.#worker,
          this.#deaths,
          ...values,
          JSON.stringify(this.#progress()),
          this.#checkpoint === null ? null : JSON.stringify(this.#checkpoint),
        ],
      ),
    );
    if (rows[0] === undefined) this.end('lost');
    else if (rows[0].cancel_requested) this.end('cancelled');
  }

  #progress(): ReplayProgress {
    const seconds = (performance.now() - this.#began) / 1_000;
    const records = this.#counts.records - this.#first.records;
    const [first, now] = [this.#firstFraction ?? 0, this.#fraction];
    return {
      ...this.#counts,
      total: this.#total,
      recordsPerSecond: seconds > 0.1 ? Math.round(records / seconds) : null,
      secondsLeft: now === undefined || now <= first ? null : Math.round((seconds * (1 - now)) / (now - first)),
    };
  }
}
