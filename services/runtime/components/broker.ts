/**
 * Finds a real broker for tests and for the cluster on one machine, in this order: the one in
 * `KAFKA_BROKERS`; Redpanda in Docker; Apache Kafka from Maven Central on the Java at hand.
 */
import { fileURLToPath } from 'node:url';
import { canRunApacheKafka, startApacheKafka } from './adapters/apache-kafka.ts';
import { dockerHasImage } from './adapters/docker.ts';
import { redpandaImage, startRedpanda } from './adapters/redpanda.ts';

/** A broker that serves. */
export interface Broker {
  /** `host:port` of each. */
  readonly brokers: readonly string[];
  readonly kind: 'configured' | 'redpanda' | 'kafka';
  /** kill -9, data stays; absent when the broker is not a process of ours. */
  kill?(): Promise<void>;
  /** Starts it again on the same address and data. */
  restart?(): Promise<void>;
  /** Stops it and removes what it left, unless a data folder was given; nothing for a configured one. Idempotent. */
  stop(): Promise<void>;
}

/** Where to look and where to keep things. */
export interface FindBrokerOptions {
  /** The process environment: which broker is configured, where Docker and Java are. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Data that is to stay (Apache Kafka only); absent: temporary. */
  readonly dataFolder?: string;
  /** Port to listen on (Apache Kafka only); absent: a free one. */
  readonly port?: number;
  /** Port that clients are told to come to, of a proxy in front (Apache Kafka only). */
  readonly advertisedPort?: number;
  /** Told what is tried, a line each. */
  readonly progress?: (line: string) => void;
}

const pullTimeoutMs = 60_000;
const cacheFolder = fileURLToPath(new URL('../../../.cache', import.meta.url));

/** Undefined when there is no way to have one here; throws in that case when `CI` is set. */
export async function findBroker(options: FindBrokerOptions): Promise<Broker | undefined> {
  const { environment } = options;
  const progress = options.progress ?? ((): void => undefined);
  const configured = (environment['KAFKA_BROKERS'] ?? '').split(',').filter((address) => address.trim() !== '');
  if (configured.length > 0) return { brokers: configured, kind: 'configured', stop: () => Promise.resolve() };

  if (await dockerHasImage(redpandaImage, pullTimeoutMs, environment)) {
    try {
      return { kind: 'redpanda', ...(await startRedpanda()) };
    } catch (caught) {
      progress(`Redpanda did not start: ${String(caught)}`);
    }
  }
  if (await canRunApacheKafka(environment)) {
    try {
      const { advertisedPort, dataFolder, port } = options;
      const kafkaOptions = {
        ...(advertisedPort === undefined ? {} : { advertisedPort }),
        ...(dataFolder === undefined ? {} : { dataFolder }),
        ...(port === undefined ? {} : { port }),
      };
      return { kind: 'kafka', ...(await startApacheKafka({ cacheFolder, ...kafkaOptions })) };
    } catch (caught) {
      progress(`Apache Kafka did not start: ${String(caught)}`);
    }
  }
  if ((environment['CI'] ?? '') !== '')
    throw new Error('No broker can be had here, and CI is set: nothing may be skipped.');
  return undefined;
}
