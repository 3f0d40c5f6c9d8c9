/**
 * Processor time and memory of a peer: of its worker, and of the servers that it needs. Servers are
 * what descends from this process and has one of their names; this process is the load and not counted.
 */
import { readFile } from 'node:fs/promises';

import { type ProcessEntry, processTree } from '../process-table.ts';
import type { PeerKind, ServerName } from './peer.ts';

/** By part; `worker` is one of them. */
export type Parts = ReadonlyMap<string, number>;

const commands: readonly (readonly [part: ServerName, command: RegExp])[] = [
  ['Kafka', /kafka\.Kafka/],
  ['Postgres', /^postgres:|\/postgres( |$)/],
  ['Redis', /redis-server/],
  ['Restate server', /restate-server/],
];

const kilobytesPerMegabyte = 1_024;

/** Whose processes to look for. */
export interface Accounted {
  readonly kind: Pick<PeerKind, 'servers'>;
  /** Absent: its servers alone. */
  readonly worker?: number;
}

async function partsOf({ kind, worker }: Accounted): Promise<readonly (readonly [part: string, of: ProcessEntry])[]> {
  const all = await processTree(process.pid);
  const inWorker = new Set(worker === undefined ? [] : [worker]);
  // Parents come before their children.
  for (const { pid, parent } of all) if (inWorker.has(parent)) inWorker.add(pid);
  return all.flatMap((entry): readonly (readonly [part: string, of: ProcessEntry])[] => {
    if (inWorker.has(entry.pid)) return [['worker', entry]];
    // The shells that guard or keep a server have its name in their arguments.
    if (/^(\/bin\/)?sh /.test(entry.command)) return [];
    const part = commands.find(([, command]) => command.test(entry.command))?.[0];
    // The broker of the run is there for others too.
    return part === undefined || !kind.servers.includes(part) ? [] : [[part, entry]];
  });
}

function sumOf(entries: readonly (readonly [part: string, value: number])[]): Parts {
  const sums = new Map<string, number>();
  for (const [part, value] of entries) sums.set(part, (sums.get(part) ?? 0) + value);
  return sums;
}

/** Processor time so far, seconds. What ended is counted with whoever waited for it. */
async function cpuSeconds(accounted: Accounted): Promise<Parts> {
  const parts = await partsOf(accounted);
  return sumOf(parts.map(([part, { cpuSeconds: own, endedCpuSeconds }]) => [part, own + endedCpuSeconds]));
}

/** Starts to watch; the function returned gives the processor seconds of each part since. */
export async function watchParts(accounted: Accounted): Promise<() => Promise<Parts>> {
  const before = await cpuSeconds(accounted);
  return async () => {
    const after = await cpuSeconds(accounted);
    return new Map([...after].map(([part, seconds]) => [part, seconds - (before.get(part) ?? 0)]));
  };
}

/** Resident memory of each part, megabytes; what processes of one part share is counted once. */
export async function memoryOfParts(accounted: Accounted): Promise<Parts> {
  const parts = await partsOf(accounted);
  return sumOf(await Promise.all(parts.map(async ([part, { pid }]) => [part, await residentMegabytes(pid)] as const)));
}

async function residentMegabytes(pid: number): Promise<number> {
  try {
    const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) / kilobytesPerMegabyte;
  } catch {
    return 0;
  }
}

/** The sum of all parts. */
export const total = (parts: Parts): number => [...parts.values()].reduce((sum, value) => sum + value, 0);
