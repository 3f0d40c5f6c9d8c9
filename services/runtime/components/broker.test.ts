import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { dockerHasImage } from './adapters/docker.ts';
import { findBroker } from './broker.ts';

const nowhere = { PATH: '/nonexistent', DOCKER_HOST: 'unix:///nonexistent/docker.sock' };

describe('the search for a broker', () => {
  test('takes the configured one, whatever else there is', async () => {
    const broker = await findBroker({ environment: { KAFKA_BROKERS: 'a.example:9092,b.example:9092' } });
    expect(broker).toMatchObject({ kind: 'configured', brokers: ['a.example:9092', 'b.example:9092'] });
    await broker?.stop();
  });

  test('finds none where nothing is, and says so; in CI that is an error', async () => {
    expect(await findBroker({ environment: nowhere })).toBeUndefined();
    await expect(findBroker({ environment: { ...nowhere, CI: 'true' } })).rejects.toThrow('No broker');
  });

  test('a Docker daemon that does not answer holds nobody up', async () => {
    const silent = createServer(() => undefined);
    silent.listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    const before = Date.now();
    const environment = { DOCKER_HOST: `tcp://127.0.0.1:${address.port}` };
    expect(await dockerHasImage('any:1', 60_000, environment)).toBe(false);
    expect(Date.now() - before).toBeLessThan(5_000);
    silent.close();
  });
});
