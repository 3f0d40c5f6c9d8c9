/**
 * Health of what the system stands on. Without Redis it is degraded, not unhealthy: each process then
 * has a window of duplicates of its own, and the actors' guarantee is the same.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { tenantSubject } from '#runtime/vault/vault.ts';

import type { ApiDeps } from './deps.ts';

export type HealthStatus = 'healthy' | 'degraded' | 'unhealthy';

/** One dependency. */
export interface DependencyHealth {
  readonly name: string;
  readonly status: HealthStatus;
  readonly latencyMs: number | null;
  /** Stable code of what is wrong. */
  readonly code: string | null;
}

/** All of it. */
export interface Health {
  readonly status: HealthStatus;
  readonly dependencies: readonly DependencyHealth[];
}

/** A dependency that does not answer in this time is away. */
const checkMs = 3_000;

interface Check {
  readonly name: string;
  /** What the whole is when this one is away. */
  readonly without: 'degraded' | 'unhealthy';
  readonly run: (() => Promise<unknown>) | undefined;
}

/** Asks every dependency. Never throws. `tenant` is whose keys are tried. */
export async function healthOf(runtime: Runtime, deps: ApiDeps, tenant: string): Promise<Health> {
  return summed(
    await Promise.all([
      ...essential(runtime).map(ask),
      ask({ name: 'keys', without: 'unhealthy', run: () => tryKeys(runtime, tenant) }),
      ask({ name: 'redis', without: 'degraded', run: deps.redis?.ping }),
    ]),
  );
}

/** Whether requests can be served: what every request needs answers. Never throws. */
export async function readinessOf(runtime: Runtime, deps: ApiDeps): Promise<Health> {
  const dependencies = await Promise.all(essential(runtime).map(ask));
  if (deps.draining?.() === true) {
    return summed([...dependencies, { name: 'process', status: 'unhealthy', latencyMs: null, code: 'draining' }]);
  }
  return summed(dependencies);
}

const essential = ({ database, log }: Runtime): readonly Check[] => [
  { name: 'postgres', without: 'unhealthy', run: () => database.transaction([], (sql) => sql.query('SELECT 1')) },
  { name: 'log', without: 'unhealthy', run: () => log.ping() },
];

/** Seals and opens under the tenant's own key, as a request would. */
async function tryKeys({ vault, now }: Runtime, tenant: string): Promise<void> {
  const where = { tenant, actor: 'health', type: 'health', eventId: 'health' };
  await vault.open(where, await vault.seal(where, tenantSubject(tenant), now(), ''));
}

async function ask({ name, without, run }: Check): Promise<DependencyHealth> {
  if (run === undefined) return { name, status: without, latencyMs: null, code: 'not-configured' };
  const begun = performance.now();
  const late = new AbortController();
  try {
    await Promise.race([
      run(),
      sleep(checkMs, undefined, { signal: late.signal }).then(() => {
        throw new Late();
      }),
    ]);
    return { name, status: 'healthy', latencyMs: elapsedMs(begun), code: null };
  } catch (caught) {
    return { name, status: without, latencyMs: elapsedMs(begun), code: codeOf(caught) };
  } finally {
    late.abort();
  }
}

class Late extends Error {}

const elapsedMs = (begun: number): number => Math.round((performance.now() - begun) * 100) / 100;

function codeOf(caught: unknown): string {
  if (caught instanceof OperatingError) return caught.code;
  return caught instanceof Late ? 'timeout' : 'failed';
}

function summed(dependencies: readonly DependencyHealth[]): Health {
  const has = (status: HealthStatus): boolean => dependencies.some((dependency) => dependency.status === status);
  return { status: has('unhealthy') ? 'unhealthy' : has('degraded') ? 'degraded' : 'healthy', dependencies };
}
