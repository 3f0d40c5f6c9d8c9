/** What orchestrators and Prometheus ask: without a key, without personal data. */
import { setTimeout as sleep } from 'node:timers/promises';

import type { FastifyInstance } from 'fastify';

import { consumerGroups } from '#runtime/log/consumer-groups.ts';
import { type LagMeter, openLagMeter } from '#runtime/log/lag-meter.ts';
import type { Metrics } from '#runtime/metrics.ts';
import type { Runtime } from '#runtime/runtime.ts';

import type { ApiDeps } from './deps.ts';
import { readinessOf } from './health.ts';
import { countHeldAccounts } from './sending-queues.ts';

/** Prometheus gives up after ten seconds, and must still get the rest. */
const gaugeWaitMs = 5_000;

/**
 * Registers `/livez` (this process turns; asks nobody), `/readyz` (503 when what every request needs
 * is away, or the process drains) and `/metrics`.
 */
export function probeRoutes(server: FastifyInstance, runtime: Runtime, deps: ApiDeps): void {
  server.get('/livez', async () => ({ status: 'alive' }));
  server.get('/readyz', async (_request, reply) => {
    const { status, dependencies } = await readinessOf(runtime, deps);
    const named = dependencies.map((dependency) => ({ name: dependency.name, status: dependency.status }));
    return reply.status(status === 'unhealthy' ? 503 : 200).send({ status, dependencies: named });
  });
  const meter = openLagMeter(runtime.log, consumerGroups, runtime.now);
  server.get('/metrics', async (_request, reply) => {
    await Promise.all([showLag(runtime.metrics, meter), showHeldAccounts(runtime)]);
    return reply.type(runtime.metrics.registry.contentType).send(await runtime.metrics.registry.metrics());
  });
}

/** Sets the gauges of lag. Without the log there are none, and the other metrics are told all the same. */
async function showLag({ consumerLag, consumerLagSeconds }: Metrics, meter: LagMeter): Promise<void> {
  const measured = await Promise.race([meter.measure().catch(() => []), sleep(gaugeWaitMs, [], { ref: false })]);
  consumerLag.reset();
  consumerLagSeconds.reset();
  for (const { group, topic, partition, lag, seconds } of measured) {
    const labels = { group, topic, partition: String(partition) };
    consumerLag.set(labels, lag);
    consumerLagSeconds.set(labels, seconds);
  }
}

/** Sets the gauges of accounts that are held, which all senders share. Without Postgres there are none. */
async function showHeldAccounts({
  metrics: { sendAccountsHeld },
  tenants,
  database,
}: Pick<Runtime, 'metrics' | 'tenants' | 'database'>): Promise<void> {
  const counting = tenants.ids().then((ids) => countHeldAccounts(database, ids));
  const counted = await Promise.race([counting.catch(() => []), sleep(gaugeWaitMs, [], { ref: false })]);
  sendAccountsHeld.reset();
  for (const { provider, state, count } of counted) sendAccountsHeld.set({ provider, state }, count);
}
