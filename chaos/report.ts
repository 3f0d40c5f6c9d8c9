/** The results of a run as a table for people. */
import { type AnomalyName, anomalyNames } from './checker.ts';
import type { FaultReport } from './fault.ts';

const names = Object.keys(anomalyNames) as AnomalyName[];
const nameWidth = 46;

/** The table, and below it what each anomaly is about; every line ends. */
export function tableOf(reports: readonly FaultReport[]): string {
  const lines = [
    `${'fault'.padEnd(nameWidth)}  runs  kills  recovery  anomalies`,
    ...reports.flatMap((report) => linesOf(report)),
    '',
    verdict(reports),
  ];
  return `${lines.join('\n')}\n`;
}

/** Whether nothing was found and everything that could be staged was judged. */
export const isClean = (reports: readonly FaultReport[]): boolean =>
  reports.every(({ failed, runs }) => failed === undefined && runs.every(({ anomalies }) => anomalies.length === 0));

function linesOf({ number, name, runs, skipped, failed }: FaultReport): readonly string[] {
  const title = `${String(number).padStart(2)} ${name}`.padEnd(nameWidth);
  if (runs.length === 0) return [`${title}  ${failed === undefined ? `SKIPPED: ${skipped}` : `FAILED: ${failed}`}`];
  const kills = runs.reduce((sum, run) => sum + run.kills, 0);
  const longest = Math.max(...runs.map(({ recoveryMs }) => recoveryMs)) / 1_000;
  const counts = names
    .map((one) => [one, runs.reduce((sum, run) => sum + run.counts[one], 0)] as const)
    .filter(([, count]) => count > 0);
  const found = counts.length === 0 ? '0' : counts.map(([one, count]) => `${one} ${count}`).join(', ');
  const cells = [String(runs.length).padStart(4), String(kills).padStart(5), `${longest.toFixed(1)} s`.padStart(8)];
  return [
    `${title}  ${cells.join('  ')}  ${found}`,
    ...(failed === undefined ? [] : [`     FAILED: ${failed}`]),
    ...runs.flatMap(({ seed, anomalies }) => anomalies.map((one) => `     seed ${seed}: ${one.name}: ${one.about}`)),
  ];
}

function verdict(reports: readonly FaultReport[]): string {
  const runs = reports.flatMap((report) => report.runs);
  const skipped = reports.filter((report) => report.skipped !== undefined).length;
  const records = runs.reduce((sum, run) => sum + run.records, 0);
  const outcome = isClean(reports)
    ? `no anomaly of any kind (${names.join(', ')})`
    : 'ANOMALIES or failures; a seed reruns alone with --fault and --seed';
  return `${runs.length} runs, ${records} records judged, ${skipped} faults skipped: ${outcome}`;
}
