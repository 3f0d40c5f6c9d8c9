/** What a run comes to: how many tasks pass, how surely, what the model's steps cost and how long they took. */
import type { RunOutcome, Trial } from './run.ts';

/** A report; plain JSON. */
export interface EvalReport {
  readonly model: string;
  readonly tasks: number;
  readonly trials: number;
  readonly passed: number;
  /** pass^k for k from 1: the chance that k trials of a task all pass, of all tasks. */
  readonly pass: readonly number[];
  readonly byDomain: Readonly<Record<string, { readonly trials: number; readonly passed: number }>>;
  readonly modelSteps: number;
  /** In currency units of the model's price. */
  readonly cost: number;
  readonly latencyMs: { readonly p50: number | null; readonly p95: number | null; readonly max: number | null };
  /** Conversations folded from their records without any model, and those that came out otherwise. */
  readonly replayed: number;
  readonly diverged: readonly string[];
  readonly seconds: number;
  readonly failed: readonly { readonly task: string; readonly purpose: string; readonly problems: readonly string[] }[];
}

/** Makes it. */
export function reportOf(model: string, { trials, replayed, diverged, elapsedMs }: RunOutcome): EvalReport {
  const byTask = [...Map.groupBy(trials, ({ task }) => task.id).values()];
  const latencies = trials.flatMap(({ model: { latencyMs } }) => latencyMs).toSorted((a, b) => a - b);
  const at = (share: number): number | null =>
    latencies[Math.min(latencies.length - 1, Math.floor(share * latencies.length))] ?? null;
  const fewest = Math.min(...byTask.map((tried) => tried.length));
  return {
    model,
    tasks: byTask.length,
    trials: trials.length,
    passed: trials.filter(hasPassed).length,
    pass: Array.from({ length: byTask.length === 0 ? 0 : fewest }, (_, index) => passHat(byTask, index + 1)),
    byDomain: Object.fromEntries(
      [...Map.groupBy(trials, ({ task }) => task.domain)].map(([domain, all]) => [
        domain,
        { trials: all.length, passed: all.filter(hasPassed).length },
      ]),
    ),
    modelSteps: trials.reduce((sum, one) => sum + one.model.steps, 0),
    cost: trials.reduce((sum, one) => sum + one.model.costMicros, 0) / 1_000_000,
    latencyMs: { p50: at(0.5), p95: at(0.95), max: latencies.at(-1) ?? null },
    replayed,
    diverged,
    seconds: Math.round(elapsedMs / 100) / 10,
    failed: trials
      .filter((trial) => !hasPassed(trial))
      .map(({ task, problems }) => ({ task: task.id, purpose: task.purpose, problems })),
  };
}

const hasPassed = ({ problems }: Trial): boolean => problems.length === 0;

/** As τ-bench has it: of n trials of a task c passed, so that k of them all pass by C(c, k) / C(n, k). */
function passHat(byTask: readonly (readonly Trial[])[], k: number): number {
  const each = byTask.map((tried) => choose(tried.filter(hasPassed).length, k) / choose(tried.length, k));
  return Math.round((each.reduce((sum, one) => sum + one, 0) / each.length) * 10_000) / 10_000;
}

const choose = (n: number, k: number): number =>
  k > n ? 0 : Array.from({ length: k }, (_, i) => (n - i) / (k - i)).reduce((product, factor) => product * factor, 1);
