/** The results of a run as a table for people. */
import type { Machine } from './machine.ts';
import type { Aim, Measure, Outcome } from './result.ts';

/** One bench's part of a run. */
export interface BenchReport {
  readonly bench: string;
  readonly seconds: number;
  /** Of the last minute, when the bench began and ended. Two busy cores are 2. */
  readonly loadAverage: readonly [began: number, ended: number];
  readonly outcome?: Outcome;
  /** Why there is no outcome. */
  readonly failed?: string;
}

/** A whole run; what `--json` prints. */
export interface RunReport {
  readonly machine: Machine;
  /** Small sizes: shows that the benches work, not how fast anything is. */
  readonly short: boolean;
  readonly benches: readonly BenchReport[];
}

const unitWidth = 12;
const valueWidth = 9;

/** The table; every line ends. */
export function tableOf(run: RunReport): string {
  const { machine } = run;
  const lines = [
    `machine  ${machine.cores} cores (${machine.processor}), ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}`,
    `         Postgres ${machine.postgres}, broker ${machine.broker ?? 'not used'}`,
  ];
  if (run.short) lines.push('         SHORT: sizes too small to compare with aims');
  const width = Math.max(
    ...run.benches.flatMap(({ outcome }) => outcome?.measures.map(({ what }) => what.length) ?? []),
    0,
  );
  for (const { bench, seconds, loadAverage, outcome, failed } of run.benches) {
    lines.push('', `${bench}  (${Math.round(seconds)} s; load average ${loadAverage.join(' → ')})`);
    if (failed !== undefined) lines.push(`  FAILED  ${failed}`);
    for (const failure of outcome?.failures ?? []) lines.push(`  FAILED  ${failure}`);
    for (const one of outcome?.measures ?? []) lines.push(lineOf(one, width));
    for (const note of outcome?.notes ?? []) lines.push(`  · ${note}`);
  }
  return `${lines.join('\n')}\n`;
}

function lineOf({ what, value, unit, aim }: Measure, width: number): string {
  const number = value.toLocaleString('en-US', { maximumSignificantDigits: Math.abs(value) >= 100 ? 9 : 3 });
  const line = `  ${what.padEnd(width)}  ${number.padStart(valueWidth)} ${unit.padEnd(unitWidth)}`;
  if (aim === undefined) return line.trimEnd();
  return `${line}${wordsOf(aim.wanted)}: ${aim.met ? 'met' : 'MISSED'} by ${aim.byPercent.toLocaleString('en-US')} %`;
}

const wordsOf = (aim: Aim): string =>
  'atLeast' in aim
    ? `aim at least ${aim.atLeast.toLocaleString('en-US')}`
    : `aim below ${aim.below.toLocaleString('en-US')}`;
