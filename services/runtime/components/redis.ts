/** Finds a real Redis for tests and the cluster: `REDIS_URL`, Docker with the image at hand, `redis-server`. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerHasImage } from './adapters/docker.ts';
import { endProcess, freePorts, guardProcess } from './process-guard.ts';

/** A Redis that answers. */
export interface FoundRedis {
  readonly url: string;
  readonly kind: 'configured' | 'docker' | 'process';
  /** Stops it and removes its data; nothing for a configured one. Idempotent. */
  stop(): Promise<void>;
}

type Environment = Readonly<Record<string, string | undefined>>;

const image = 'redis:8-alpine';
const startTimeoutMs = 10_000;

/** Whether something on `port` answers PING. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    const end = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(1_000, () => {
      end(false);
    });
    socket.on('connect', () => socket.write('PING\r\n'));
    socket.on('data', (chunk) => {
      end(chunk.toString().startsWith('+PONG'));
    });
    socket.on('error', () => {
      end(false);
    });
  });
}

/** `redis-server` as a child; undefined when the program is not there or does not serve. */
async function startServer(environment: Environment): Promise<FoundRedis | undefined> {
  const [port = 0] = await freePorts(1);
  const folder = await mkdtemp(join(tmpdir(), 'prosa-redis-'));
  const flags = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'];
  const child = spawn('redis-server', flags, { stdio: 'ignore', env: { ...environment } });
  let failed = false;
  child.on('error', () => (failed = true));
  child.on('exit', () => (failed = true));
  const release = child.pid === undefined ? (): void => undefined : guardProcess(child.pid, folder);
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined) await endProcess(child, 'SIGKILL', 1_000);
    release();
    await rm(folder, { recursive: true, force: true });
  };
  const deadline = Date.now() + startTimeoutMs;
  const hasFailed = (): boolean => failed;
  while (!hasFailed() && Date.now() < deadline) {
    if (await answers(port)) return { url: `redis://127.0.0.1:${String(port)}`, kind: 'process', stop };
    await sleep(20);
  }
  await stop();
  return undefined;
}

async function startContainer(): Promise<FoundRedis> {
  const { GenericContainer } = await import('testcontainers');
  const container = await new GenericContainer(image).withExposedPorts(6379).start();
  let stopped: Promise<unknown> | undefined;
  return {
    url: `redis://127.0.0.1:${String(container.getMappedPort(6379))}`,
    kind: 'docker',
    async stop() {
      stopped ??= container.stop({ removeVolumes: true });
      await stopped;
    },
  };
}

/** Undefined when there is no way to have one here; throws in that case when `CI` is set. */
export async function findRedis(environment: Environment): Promise<FoundRedis | undefined> {
  const url = environment['REDIS_URL'];
  if (url !== undefined && url !== '') return { url, kind: 'configured', stop: () => Promise.resolve() };
  if (await dockerHasImage(image, 0, environment)) {
    const container = await startContainer().catch(() => undefined);
    if (container !== undefined) return container;
  }
  const server = await startServer(environment);
  if (server === undefined && (environment['CI'] ?? '') !== '') {
    throw new Error('No Redis can be had here, and CI is set: nothing may be skipped.');
  }
  return server;
}
