/** The machine that the numbers are of. */
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';

import { kafkaVersion } from '#runtime/components/adapters/apache-kafka.ts';
import { redpandaImage } from '#runtime/components/adapters/redpanda.ts';
import type { Broker } from '#runtime/components/broker.ts';

/** A machine, as far as it explains numbers. */
export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  readonly postgres: string;
  /** Null when no bench of the run used one. */
  readonly broker: string | null;
}

/** Describes this machine. */
export function describeMachine(broker: Broker | undefined): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()} ${process.arch}`,
    node: process.versions.node,
    postgres: '18, embedded, durable (fsync on)',
    broker: broker === undefined ? null : brokerWords[broker.kind],
  };
}

const brokerWords: Readonly<Record<Broker['kind'], string>> = {
  configured: 'the one in KAFKA_BROKERS, version not known',
  redpanda: `Redpanda in Docker (${redpandaImage})`,
  kafka: `Apache Kafka ${kafkaVersion}, one node, KRaft, writes acknowledged from the page cache`,
};

/** Load average of the last minute; on Windows always 0. */
export const loadAverage = (): number => Math.round((loadavg()[0] ?? 0) * 10) / 10;
