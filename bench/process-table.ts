/**
 * What Linux tells of processes (proc(5)). Elsewhere `hasProcessTable` is false and benches that need
 * it say so instead of measuring.
 */
import { readFile, readdir } from 'node:fs/promises';

/** Whether processes can be looked at here. */
export const hasProcessTable = process.platform === 'linux';

/** Clock ticks per second of `/proc/<pid>/stat`: USER_HZ, which is 100 on every architecture that Node runs on. */
const ticksPerSecond = 100;

/** A process. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Processor time of all its threads so far, seconds. */
  readonly cpuSeconds: number;
  /** The same of its children that ended and were waited for. */
  readonly endedCpuSeconds: number;
  /** Its command line; for those that rewrite it (Postgres), what they wrote. */
  readonly command: string;
}

/** A process, or undefined when it is gone. */
export async function processEntry(pid: number): Promise<ProcessEntry | undefined> {
  try {
    const [stat, command] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/cmdline`, 'utf8'),
    ]);
    // The name in parentheses may hold spaces and parentheses itself. Fields are numbered from 1 in proc(5).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number): number => Number(fields[number - 3]);
    return {
      pid,
      parent: field(4),
      cpuSeconds: (field(14) + field(15)) / ticksPerSecond,
      endedCpuSeconds: (field(16) + field(17)) / ticksPerSecond,
      command: command.replaceAll('\0', ' ').trim(),
    };
  } catch {
    return undefined;
  }
}

/** A process and all that descend from it. */
export async function processTree(root: number): Promise<readonly ProcessEntry[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const entries = (await Promise.all(pids.map(processEntry))).filter((entry) => entry !== undefined);
  const found = entries.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...entries.filter(({ parent }) => parent === pid));
  return found;
}

/** Resident memory of a process now and at its highest, bytes. */
export async function memoryOf(pid: number): Promise<{ readonly now: number; readonly peak: number }> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8');
  const bytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1_024;
  return { now: bytes('VmRSS'), peak: bytes('VmHWM') };
}

/**
 * Starts to watch the processor time of a process, or with `tree` of all that descend from it too; the
 * function returned gives its share of one core since, in percent; undefined where that cannot be told.
 */
export async function watchCpu(pid: number, { tree = false } = {}): Promise<() => Promise<number | undefined>> {
  if (!hasProcessTable) return () => Promise.resolve(undefined);
  const spent = async (): Promise<ReadonlyMap<number, number>> => {
    const entries = tree ? await processTree(pid) : [await processEntry(pid)];
    return new Map(entries.flatMap((entry) => (entry === undefined ? [] : [[entry.pid, entry.cpuSeconds]])));
  };
  const [before, since] = [await spent(), performance.now()];
  return async () => {
    let seconds = 0;
    for (const [of, until] of await spent()) seconds += until - (before.get(of) ?? 0);
    return (seconds / (performance.now() - since)) * 1e5;
  };
}
