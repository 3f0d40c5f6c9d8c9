import { Redis } from 'ioredis';
import { describe, expect, test } from 'vitest';
import { findRedis } from './redis.ts';

const found = await findRedis(process.env);

describe('the search for a Redis', () => {
  test('takes the configured one, whatever else there is', async () => {
    const redis = await findRedis({ REDIS_URL: 'redis://redis.example' });
    expect(redis).toMatchObject({ kind: 'configured', url: 'redis://redis.example' });
    await redis?.stop();
  });

  test('finds none where nothing is; in CI that is an error', async () => {
    const nowhere = { PATH: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent/docker.sock' };
    expect(await findRedis(nowhere)).toBeUndefined();
    await expect(findRedis({ ...nowhere, CI: 'true' })).rejects.toThrow('No Redis');
  });

  test.skipIf(found === undefined)('the one found takes commands, and is gone after stop', async () => {
    if (found === undefined) return;
    const client = new Redis(found.url, { lazyConnect: true, retryStrategy: () => null });
    client.on('error', () => undefined);
    await client.connect();
    const key = `prosa-test-${process.pid}`;
    await client.set(key, 'value', 'PX', 10_000);
    expect(await client.get(key)).toBe('value');
    client.disconnect();
    await found.stop();
    if (found.kind === 'configured') return;
    await expect(new Redis(found.url, { lazyConnect: true, retryStrategy: () => null }).connect()).rejects.toThrow();
  });
});
