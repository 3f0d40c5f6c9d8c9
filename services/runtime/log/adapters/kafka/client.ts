/**
 * Connections to the brokers, and requests over them.
 *
 * Owns the sockets. kafkajs does bootstrap, metadata, TLS, SASL and encoding; its producer and
 * consumer are not used, because their retries, offset resets and state machines decide what must be
 * decided here (which failures leave an outcome unknown, who may write, where reading begins).
 *
 * 1. Every request is bounded in time; after one that got no answer its connection is not used again.
 * 2. A request that failed was either refused (`KafkaFailure` by the broker's name) or got no answer.
 * 3. After `close` there are no sockets and every request fails.
 */
import Cluster from 'kafkajs/src/cluster/index.js';
import createSocketFactory from 'kafkajs/src/network/socketFactory.js';
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js';
import { requests } from 'kafkajs/src/protocol/requests/index.js';
import type { SASLOptions } from 'kafkajs';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Logger } from '#runtime/logger.ts';
import './connection-repair.ts';
import { errorType, isMisdirected, KafkaFailure, noAnswer } from './failure.ts';
import type { OwnRequest, Requests } from './requests.ts';

/** Where this adapter says what it does. */
export type KafkaLogger = Pick<Logger, 'debug' | 'warn'>;

/** How to reach the brokers. */
export interface ClientSettings {
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: SASLOptions;
  readonly requestTimeoutMs: number;
  readonly logger?: KafkaLogger;
  /** Cuts every connection when aborted, for good. */
  readonly cut?: AbortSignal;
}

/** Who answers for a group or a transactional id. */
export type CoordinatorKind = 'group' | 'transaction';

const connectionTimeoutMs = 1_500;
const metadataMaxAgeMs = 300_000;
const coordinatorsMax = 10_000;

/** Throws the first error code in an answer, whatever its shape. */
function refuseErrors(answer: unknown, name: string): void {
  if (typeof answer !== 'object' || answer === null || Buffer.isBuffer(answer)) return;
  for (const [key, value] of Object.entries(answer)) {
    if (key === 'errorCode' && value !== 0) throw new KafkaFailure(errorType(Number(value)), name);
    refuseErrors(value, name);
  }
}

/** kafkajs' own words are for diagnosis only: what matters reaches us as an error. */
function quietLogger(logger: KafkaLogger | undefined): Cluster.Logger {
  const write = (message: string): void => logger?.debug('kafkajs wrote a line', { error: new Error(message) });
  const nothing = (): void => undefined;
  const quiet: Cluster.Logger = {
    namespace: () => quiet,
    setLogLevel: nothing,
    info: nothing,
    error: write,
    warn: write,
    debug: nothing,
  };
  return quiet;
}

/** One set of connections: at most two per broker, one of them for fetches alone. */
export class KafkaClient {
  readonly #cluster: Cluster;
  readonly #requestTimeoutMs: number;
  readonly #sockets = new Set<Socket>();
  readonly #coordinators = new Map<string, number>();
  #closed = false;

  constructor(settings: ClientSettings) {
    this.#requestTimeoutMs = settings.requestTimeoutMs;
    const createSocket = createSocketFactory();
    this.#cluster = new Cluster({
      brokers: settings.brokers,
      clientId: settings.clientId,
      ssl: settings.ssl,
      sasl: settings.sasl,
      socketFactory: (at: Parameters<typeof createSocket>[0]) => {
        if (this.#closed) throw new Error('closed');
        const socket = createSocket(at);
        socket.setNoDelay(true);
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
        return socket;
      },
      connectionTimeout: connectionTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      enforceRequestTimeout: true,
      metadataMaxAge: metadataMaxAgeMs,
      allowAutoTopicCreation: false,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 200 },
      logger: quietLogger(settings.logger),
    });
    settings.cut?.addEventListener('abort', () => void this.close());
  }

  /** Connects to one broker of the list. */
  async connect(): Promise<void> {
    await this.#answered(() => this.#cluster.connect(), 'connect');
  }

  /** Partitions of a topic that have a leader; empty when the topic does not exist. */
  async partitionsOf(topic: string): Promise<readonly number[]> {
    await this.#learn(topic);
    return this.#cluster
      .findTopicPartitionMetadata(topic)
      .filter(({ leader }) => leader !== null && leader >= 0)
      .map(({ partitionId }) => partitionId)
      .sort((a, b) => a - b);
  }

  /** Node that leads a partition. */
  async leaderOf(topic: string, partition: number): Promise<number> {
    await this.#learn(topic);
    const found = this.#cluster.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
    if (found === undefined || found.leader === null || found.leader < 0)
      throw new KafkaFailure('LEADER_NOT_AVAILABLE', `${topic}/${partition}`);
    return found.leader;
  }

  /** Node that coordinates a group or transactional id; remembered until `forget`. */
  async coordinatorOf(kind: CoordinatorKind, id: string): Promise<number> {
    const known = this.#coordinators.get(`${kind} ${id}`);
    if (known !== undefined) return known;
    const { coordinator } = await this.send(await this.anyNode(), 'GroupCoordinator', {
      groupId: id,
      coordinatorType: kind === 'group' ? 0 : 1,
    });
    if (this.#coordinators.size >= coordinatorsMax) this.#coordinators.clear();
    this.#coordinators.set(`${kind} ${id}`, coordinator.nodeId);
    return coordinator.nodeId;
  }

  /** Some broker. */
  async anyNode(): Promise<number> {
    if (this.#cluster.getNodeIds().length === 0) await this.refresh();
    const [node] = this.#cluster.getNodeIds();
    if (node === undefined) throw new KafkaFailure(noAnswer, 'no broker is known');
    return Number(node);
  }

  /** The broker that creates topics. */
  async controllerNode(): Promise<number> {
    if (this.#cluster.brokerPool.metadata === null) await this.refresh();
    return this.#cluster.brokerPool.metadata?.controllerId ?? (await this.anyNode());
  }

  /** Brokers there are. */
  get brokerCount(): number {
    return this.#cluster.brokerPool.metadata?.brokers.length ?? 0;
  }

  /** Asks anew who leads what, and forgets every coordinator. */
  async refresh(): Promise<void> {
    this.#coordinators.clear();
    await this.#answered(() => this.#cluster.refreshMetadata(), 'Metadata');
  }

  /** What to do between a failure and the next attempt: looks up again what the failure puts in doubt; never throws. */
  async reconsider(caught: unknown): Promise<void> {
    if (isMisdirected(caught)) await this.refresh().catch(() => undefined);
  }

  /** Sends one request; throws `KafkaFailure` for the first error in the answer, or for none. */
  async send<Name extends keyof Requests>(
    node: number,
    name: Name,
    args: Requests[Name][0],
    timeoutMs?: number,
  ): Promise<Requests[Name][1]> {
    const answer = await this.sendUnchecked(node, name, args, timeoutMs);
    refuseErrors(answer, name);
    return answer;
  }

  /** The same, with the errors left in the answer for the caller, who tells them apart by partition. */
  async sendUnchecked<Name extends keyof Requests>(
    node: number,
    name: Name,
    args: Requests[Name][0],
    timeoutMs?: number,
  ): Promise<Requests[Name][1]> {
    return (await this.#answered(async () => {
      const broker = await this.#cluster.findBroker({ nodeId: node });
      const [apiKey, definition] = [apiKeys[name], requests[name]];
      if (apiKey === undefined || definition === undefined) throw new Error(`kafkajs knows no request ${name}`);
      const protocol = broker.lookupRequest(apiKey, definition)(args);
      const requestTimeout = timeoutMs ?? protocol.requestTimeout ?? this.#requestTimeoutMs;
      const { decode } = protocol.response;
      const response = { decode, parse: (decoded: unknown) => Promise.resolve(decoded) };
      return broker.connectionPool.send({ ...protocol, requestTimeout, response, logResponseError: false });
    }, name)) as Requests[Name][1];
  }

  /** Sends a request of ours that kafkajs does not have. */
  async sendOwn<Answer extends object>(node: number, own: OwnRequest<Answer>): Promise<Answer> {
    const answer = await this.sendOwnUnchecked(node, own);
    refuseErrors(answer, own.protocol.request.apiName);
    return answer;
  }

  /** The same, with the errors left in the answer. */
  async sendOwnUnchecked<Answer extends object>(node: number, own: OwnRequest<Answer>): Promise<Answer> {
    const { apiKey, apiName, apiVersion } = own.protocol.request;
    return (await this.#answered(async () => {
      const broker = await this.#cluster.findBroker({ nodeId: node });
      if ((broker.versions?.[apiKey]?.maxVersion ?? -1) < apiVersion)
        throw new KafkaFailure('UNSUPPORTED_VERSION', `the broker has no ${apiName} ${apiVersion}`);
      return broker.connectionPool.send({ ...own.protocol, logResponseError: false });
    }, apiName)) as Answer;
  }

  /** Cuts every connection and answers no more. Requests under way fail. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const socket of this.#sockets) socket.destroy(new Error('closed'));
    await this.#cluster.disconnect().catch(() => undefined);
  }

  async #learn(topic: string): Promise<void> {
    await this.#answered(async () => {
      await this.#cluster.addMultipleTargetTopics([topic]);
      // kafkajs joins a refresh that is under way, which does not ask for this topic.
      if (this.#cluster.findTopicPartitionMetadata(topic).length === 0) await this.#cluster.refreshMetadata();
    }, 'Metadata');
  }

  async #answered<Answer>(ask: () => Promise<Answer>, name: string): Promise<Answer> {
    if (this.#closed) throw new KafkaFailure(noAnswer, 'closed');
    try {
      return await ask();
    } catch (caught) {
      throw asFailure(caught, name);
    }
  }
}

/** kafkajs wraps errors in errors; the one with the broker's name is what counts. */
function asFailure(caught: unknown, name: string): unknown {
  if (caught instanceof KafkaFailure) return caught;
  for (let error = caught, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth += 1) {
    if (error.name === 'KafkaJSProtocolError' && 'type' in error)
      return new KafkaFailure(String(error.type), name, caught);
    // A defect of ours is not to be repeated as if the network had failed.
    if (error instanceof TypeError || error instanceof RangeError || error instanceof ReferenceError) return error;
  }
  return new KafkaFailure(noAnswer, caught instanceof Error ? `${name}: ${caught.message}` : name, caught);
}
