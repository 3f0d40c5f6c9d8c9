import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { OperatingError } from '#runtime/errors.ts';
import type { Runtime } from '#runtime/runtime.ts';
import { findEcho } from '#runtime/testing/echo-machine.ts';
import { testTenant } from '#runtime/testing/runtime.ts';

import type { ApiDeps } from './deps.ts';
import { healthOf, readinessOf } from './health.ts';
import { type ApiWorld, openApiWorld } from './testing/api-world.ts';

let api: ApiWorld;
let draining = false;

beforeAll(async () => {
  api = await openApiWorld({ draining: () => draining });
});
afterAll(() => api.close());

const deps = (more: Partial<ApiDeps> = {}): ApiDeps => ({
  find: findEcho,
  phone: { read: () => Promise.reject(new Error('unused')) },
  ingestUrl: () => '',
  redis: { ping: async () => 'PONG' },
  ...more,
});
const runtimeWith = (more: Partial<Runtime>): Runtime => ({ ...api.runtime, ...more });
const statuses = async (runtime: Runtime, given: ApiDeps) => {
  const { status, dependencies } = await healthOf(runtime, given, testTenant);
  return { status, ...Object.fromEntries(dependencies.map((one) => [one.name, one.status])) };
};

describe('health', () => {
  test('is healthy with the latency of every dependency when all answer', async () => {
    const health = await healthOf(api.runtime, deps(), testTenant);
    expect(health.status).toBe('healthy');
    expect(health.dependencies.map(({ name }) => name)).toEqual(['postgres', 'log', 'keys', 'redis']);
    for (const { latencyMs, code } of health.dependencies) {
      expect(latencyMs).toBeGreaterThanOrEqual(0);
      expect(code).toBeNull();
    }
  });

  test('is degraded, not unhealthy, without Redis and with a Redis that is away', async () => {
    const { redis: _, ...without } = deps();
    expect(await statuses(api.runtime, without)).toMatchObject({
      status: 'degraded',
      redis: 'degraded',
      postgres: 'healthy',
    });
    const away = deps({ redis: { ping: () => Promise.reject(new Error('ECONNREFUSED')) } });
    expect(await statuses(api.runtime, away)).toMatchObject({ status: 'degraded', redis: 'degraded' });
  });

  test('is unhealthy without Postgres, the log or the key store, and says which', async () => {
    const gone = new OperatingError('database.unavailable');
    const database = { ...api.runtime.database, transaction: () => Promise.reject(gone) };
    expect(await statuses(runtimeWith({ database }), deps())).toMatchObject({
      status: 'unhealthy',
      postgres: 'unhealthy',
      log: 'healthy',
    });
    const log = { ...api.runtime.log, ping: () => Promise.reject(new OperatingError('log.unavailable')) };
    expect(await statuses(runtimeWith({ log }), deps())).toMatchObject({
      status: 'unhealthy',
      log: 'unhealthy',
      postgres: 'healthy',
    });
    const vault = { ...api.runtime.vault, seal: () => Promise.reject(new OperatingError('vault.unavailable')) };
    const health = await healthOf(runtimeWith({ vault }), deps(), testTenant);
    expect(health.status).toBe('unhealthy');
    expect(health.dependencies).toContainEqual(expect.objectContaining({ name: 'keys', code: 'vault.unavailable' }));
  });

  test('answers over HTTP to every role', async () => {
    for (const key of Object.values(api.keys)) {
      expect(await api.call(key, 'GET', '/v1/health')).toMatchObject({ status: 200, body: { status: 'degraded' } });
    }
  });
});

describe('probes', () => {
  test('need no key', async () => {
    expect((await api.call(undefined, 'GET', '/livez')).status).toBe(200);
    expect((await api.call(undefined, 'GET', '/readyz')).status).toBe(200);
    const metrics = await api.call(undefined, 'GET', '/metrics');
    expect(metrics.status).toBe(200);
    expect(metrics.text).toContain('wa_api_request_duration_seconds');
    for (const lag of ['wa_consumer_lag_records', 'wa_consumer_lag_seconds'])
      expect(metrics.text).toContain(`${lag}{group="conversation",topic="conversation.events",partition="0"} 0`);
  });

  test('while draining the process lives but is not ready', async () => {
    draining = true;
    try {
      expect((await api.call(undefined, 'GET', '/readyz')).status).toBe(503);
      expect((await api.call(undefined, 'GET', '/livez')).status).toBe(200);
    } finally {
      draining = false;
    }
  });

  test('readiness does not need Redis, and needs the log', async () => {
    const { redis: _, ...without } = deps();
    expect((await readinessOf(api.runtime, without)).status).toBe('healthy');
    const log = { ...api.runtime.log, ping: () => Promise.reject(new OperatingError('log.unavailable')) };
    expect((await readinessOf(runtimeWith({ log }), deps())).status).toBe('unhealthy');
  });
});
