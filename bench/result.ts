/** What benches hand back: measures with their aims. An aim that is missed is said, never an error. */

/** What is wanted of a number: at least this, or less than this. */
export type Aim = { readonly atLeast: number } | { readonly below: number };

/** Units of measures. */
export type Unit =
  'per s' | 'per CPU s' | 's' | 'ms' | '% of a core' | 'MB' | 'bytes' | 'partitions' | 'records' | 'ratio';

/** One number. */
export interface Measure {
  readonly what: string;
  readonly value: number;
  readonly unit: Unit;
  /** Absent for numbers that only explain others. */
  readonly aim?: {
    readonly wanted: Aim;
    readonly met: boolean;
    /** Distance to the aim in percent of it, on whichever side. */
    readonly byPercent: number;
  };
}

/** What a bench hands back. */
export interface Outcome {
  readonly measures: readonly Measure[];
  /** What a reader of the numbers has to know. */
  readonly notes: readonly string[];
  /** What could not be run while the rest could. */
  readonly failures?: readonly string[];
}

/** Makes a measure and compares it with its aim. */
export function measure(what: string, value: number, unit: Unit, wanted?: Aim): Measure {
  const plain = { what, value: rounded(value), unit };
  if (wanted === undefined) return plain;
  const limit = 'atLeast' in wanted ? wanted.atLeast : wanted.below;
  const met = 'atLeast' in wanted ? value >= limit : value < limit;
  return { ...plain, aim: { wanted, met, byPercent: Math.round((Math.abs(value - limit) / limit) * 100) } };
}

/** Three digits that mean something, whole numbers in full. */
function rounded(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

/** Percentiles of some latencies, in their unit; `NaN` of none. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Exact percentiles, by nearest rank. */
export function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? NaN;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) };
}
