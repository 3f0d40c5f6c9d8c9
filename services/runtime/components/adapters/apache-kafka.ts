/**
 * Apache Kafka in KRaft mode as a child process, from the jars of Maven Central.
 *
 * Owns: the jar cache `.cache/kafka/<version>`, the child, and its data folder unless one was given. Listens on 127.0.0.1 only.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { endProcess, freePorts, guardProcess } from '../process-guard.ts';
import { mavenJars } from './maven-jars.ts';

const run = promisify(execFile);

/** Kafka 4.x runs on Java 17 and later, and only in KRaft mode. */
export const kafkaVersion = '4.1.1';
const javaVersionMin = 17;
/** The binding Kafka's artifacts leave to the user; without one there is no "started" line to wait for. */
export const slf4jVersion = '1.7.36';

const startTimeoutMs = 60_000;
const stopGraceMs = 10_000;
const startedLine = 'Kafka Server started';

/** A broker of ours. */
export interface ApacheKafka {
  readonly brokers: readonly string[];
  /** kill -9. The data stays. */
  kill(): Promise<void>;
  /** Starts it again on the same port and data; stops it first when it runs. */
  restart(): Promise<void>;
  /** Stops it and removes its data unless the folder was given. Idempotent. */
  stop(): Promise<void>;
}

/** Whether Java and Maven are on the environment's path in usable versions. Takes about half a second. */
export async function canRunApacheKafka(environment: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  const env = { ...environment };
  try {
    const [java] = await Promise.all([
      run('java', ['-version'], { env, timeout: 20_000 }),
      run('mvn', ['--version'], { env, timeout: 20_000 }),
    ]);
    const major = /version "(?:1\.)?(\d+)/u.exec(java.stderr)?.[1];
    return major !== undefined && Number(major) >= javaVersionMin;
  } catch {
    return false;
  }
}

/** Settings of a small single broker. Durable as a production broker is; small in partitions and memory. */
function settings(dataFolder: string, port: number, controllerPort: number, advertisedPort: number): string {
  const entries: Record<string, string | number> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    'controller.quorum.voters': `1@127.0.0.1:${String(controllerPort)}`,
    listeners: `PLAINTEXT://127.0.0.1:${String(port)},CONTROLLER://127.0.0.1:${String(controllerPort)}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${String(advertisedPort)}`,
    'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'controller.listener.names': 'CONTROLLER',
    'inter.broker.listener.name': 'PLAINTEXT',
    'log.dirs': join(dataFolder, 'log'),
    'auto.create.topics.enable': 'false',
    'log.retention.ms': -1,
    'offsets.topic.replication.factor': 1,
    'offsets.topic.num.partitions': 4,
    'offsets.retention.minutes': 525_600,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'transaction.state.log.num.partitions': 4,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // Without it an expired transaction of a dead owner blocks readers for up to 10 s more.
    'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
    // After a kill -9 the controller (of the same process) refuses the broker until its old session ended.
    'broker.session.timeout.ms': 4_000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'num.io.threads': 4,
  };
  return Object.entries(entries)
    .map(([key, value]) => `${key}=${String(value)}\n`)
    .join('');
}

/** Flags for a JVM that starts fast and stays small rather than one that gets fast. */
const jvmFlags = ['-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

/** Starts the server and resolves when it takes connections; its output goes to `logFile`. */
async function launch(classPath: string, propertiesFile: string, logFile: string): Promise<ChildProcess> {
  const child = spawn('java', [...jvmFlags, '-cp', classPath, 'kafka.Kafka', propertiesFile], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  await new Promise<void>((resolve, reject) => {
    let tail = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
    }, startTimeoutMs);
    const read = (chunk: Buffer): void => {
      void appendFile(logFile, chunk).catch(() => undefined);
      tail = (tail + chunk.toString()).slice(-4_000);
      if (!tail.includes(startedLine)) return;
      clearTimeout(timer);
      resolve();
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('error', reject);
    child.on('exit', () => {
      clearTimeout(timer);
      reject(new Error(`Kafka ended before it served. Its last lines:\n${tail}`));
    });
  });
  return child;
}

/** Where a broker keeps what; all optional. */
export interface ApacheKafkaOptions {
  /** Folder of the jar cache. */
  readonly cacheFolder: string;
  /** Data that is to stay; absent: a temporary folder, removed by `stop`. */
  readonly dataFolder?: string;
  /** Port to listen on; absent: a free one. */
  readonly port?: number;
  /** Port that clients are told to come to, of a proxy in front; absent: where it listens. */
  readonly advertisedPort?: number;
}

/** Formats the data folder unless it is, and starts the broker. Throws when Maven or the broker fails. */
export async function startApacheKafka(options: ApacheKafkaOptions): Promise<ApacheKafka> {
  const jars = await mavenJars({
    cacheFolder: join(options.cacheFolder, 'kafka'),
    version: kafkaVersion,
    artifacts: [`org.apache.kafka:kafka_2.13:${kafkaVersion}`, `org.slf4j:slf4j-simple:${slf4jVersion}`],
  });
  const classPath = join(jars, '*');
  const temporary = options.dataFolder === undefined;
  const folder = options.dataFolder ?? (await mkdtemp(join(tmpdir(), 'prosa-kafka-')));
  const [freePort = 0, controllerPort = 0] = await freePorts(2);
  const port = options.port ?? freePort;
  const propertiesFile = join(folder, 'server.properties');
  const logFile = join(folder, 'broker.log');
  await mkdir(folder, { recursive: true });
  await writeFile(propertiesFile, settings(folder, port, controllerPort, options.advertisedPort ?? port));
  if (!existsSync(join(folder, 'log', 'meta.properties'))) {
    // Any 16 bytes in base64url are a cluster id; a fixed one keeps runs alike.
    const format = ['format', '--cluster-id', 'cHJvc2EtdGVzdC1icm9rZQ', '--config', propertiesFile];
    await run('java', [...jvmFlags, '-cp', classPath, 'kafka.tools.StorageTool', ...format], {
      timeout: startTimeoutMs,
    });
  }

  let child: ChildProcess | undefined;
  let release = (): void => undefined;
  const start = async (): Promise<void> => {
    child = await launch(classPath, propertiesFile, logFile);
    if (child.pid !== undefined) release = guardProcess(child.pid, temporary ? folder : undefined);
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child !== undefined) await endProcess(child, signal, stopGraceMs);
    child = undefined;
    release();
  };
  const remove = async (): Promise<void> => {
    if (temporary) await rm(folder, { recursive: true, force: true });
  };

  try {
    await start();
  } catch (caught) {
    await remove();
    throw caught;
  }
  return {
    brokers: [`127.0.0.1:${String(port)}`],
    kill: () => end('SIGKILL'),
    async restart() {
      await end('SIGTERM');
      await start();
    },
    async stop() {
      await end(temporary ? 'SIGKILL' : 'SIGTERM');
      await remove();
    },
  };
}
