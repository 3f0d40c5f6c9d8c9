/**
 * Redpanda in a container, with the flags of a durable broker: `--mode dev-container` would bypass
 * fsync, cache writes and create topics by itself (redpanda `rpk redpanda start`, source `start.go`).
 * The image's own redpanda.yaml says `developer_mode: true`, which means that mode when none is
 * given; flags that are given win over it.
 */
import { freePorts } from '../process-guard.ts';

/** The image that is run. */
export const redpandaImage = 'redpandadata/redpanda:v25.3.1';

const startTimeoutMs = 60_000;

/** A broker of ours. */
export interface Redpanda {
  readonly brokers: readonly string[];
  /** Stops and removes the container with its data. Idempotent. */
  stop(): Promise<void>;
}

/** Starts it; throws when it does not serve within a minute. The image must be there. */
export async function startRedpanda(): Promise<Redpanda> {
  const { GenericContainer, Wait } = await import('testcontainers');
  // The advertised address must be known before the start, so the host's port is chosen here.
  const [port = 0] = await freePorts(1);
  const flags = [
    '--smp',
    '1',
    '--memory',
    '1G',
    '--reserve-memory',
    '0M',
    '--overprovisioned',
    '--check=false',
    '--unsafe-bypass-fsync=false',
  ];
  const container = await new GenericContainer(redpandaImage)
    .withExposedPorts({ container: 9092, host: port })
    .withCommand([
      'redpanda',
      'start',
      ...flags,
      ...['--kafka-addr', '0.0.0.0:9092', '--advertise-kafka-addr', `127.0.0.1:${String(port)}`],
      ...['--set', 'redpanda.write_caching_default=false'],
      ...['--set', 'redpanda.auto_create_topics_enabled=false'],
      ...['--set', 'redpanda.group_initial_rebalance_delay=0'],
      ...['--set', 'redpanda.group_min_session_timeout_ms=1000'],
    ])
    .withWaitStrategy(Wait.forLogMessage(/Successfully started Redpanda!/u))
    .withStartupTimeout(startTimeoutMs)
    .start();
  let stopped: Promise<unknown> | undefined;
  return {
    brokers: [`127.0.0.1:${String(port)}`],
    async stop() {
      stopped ??= container.stop({ removeVolumes: true });
      await stopped;
    },
  };
}
