/**
 * The parts of kafkajs 2.2.4 below its public interface that this adapter stands on: connections,
 * metadata, and the encoding of requests. The version is pinned, so these are as stable as the rest.
 */
declare module 'kafkajs/src/cluster/index.js' {
  import type { ConnectionPool } from 'kafkajs/src/network/connectionPool.js';
  import type { Definition, Protocol } from 'kafkajs/src/protocol/requests/index.js';

  namespace Cluster {
    interface Logger {
      namespace(name: string): Logger;
      setLogLevel(level: number): void;
      info(message: string, extra?: object): void;
      error(message: string, extra?: object): void;
      warn(message: string, extra?: object): void;
      debug(message: string, extra?: object): void;
    }

    interface Broker {
      readonly nodeId: number | null;
      readonly versions: Readonly<Record<number, { maxVersion: number }>> | null;
      readonly connectionPool: ConnectionPool;
      lookupRequest(apiKey: number, definition: Definition): (args: object) => Protocol;
    }

    interface PartitionMetadata {
      readonly partitionId: number;
      readonly leader: number | null;
    }
  }

  class Cluster {
    constructor(options: object);
    readonly brokerPool: {
      readonly metadata: { readonly brokers: readonly unknown[]; readonly controllerId: number | null } | null;
    };
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    refreshMetadata(): Promise<void>;
    addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
    findTopicPartitionMetadata(topic: string): readonly Cluster.PartitionMetadata[];
    findBroker(node: { nodeId: number }): Promise<Cluster.Broker>;
    findControllerBroker(): Promise<Cluster.Broker>;
    getNodeIds(): string[];
  }

  export = Cluster;
}

declare module 'kafkajs/src/network/connectionPool.js' {
  import type { Protocol } from 'kafkajs/src/protocol/requests/index.js';

  /** One connection for fetches, one for everything else. */
  interface ConnectionPool {
    send(protocol: Protocol): Promise<unknown>;
  }
}

declare module 'kafkajs/src/broker/index.js' {
  class Broker {
    readonly brokerAddress: string;
    /** Connects, and asks for the versions that the broker speaks when they are not known. */
    connect: (this: Broker) => Promise<void>;
  }

  export = Broker;
}

declare module 'kafkajs/src/errors.js' {
  export class KafkaJSConnectionError extends Error {
    constructor(message: string, at: { readonly broker: string });
  }
}

declare module 'kafkajs/src/network/connection.js' {
  import type { Socket } from 'node:net';
  import type { Protocol } from 'kafkajs/src/protocol/requests/index.js';

  class Connection {
    /** The latest. */
    readonly socket?: Socket;
    /** Those that were sent and not answered, and how long a request may take that does not say it; milliseconds. */
    readonly requestQueue: {
      readonly inflight: ReadonlyMap<number, { readonly requestTimeout: number }>;
      readonly requestTimeout: number;
    };
    isConnected(): boolean;
    /** Opens a socket. */
    connectOnce: (this: Connection) => Promise<boolean>;
    send: (this: Connection, protocol: Protocol) => Promise<unknown>;
    /** What came of an answer that is not complete. */
    chunks: Buffer[];
    bytesBuffered: number;
    /** How much there must be before it is looked at again. */
    bytesNeeded: number;
  }

  export = Connection;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  import type { Socket } from 'node:net';

  /** Makes the default factory: plain or TLS, by `ssl`. */
  function createFactory(): (at: { host: string; port: number; ssl: unknown; onConnect: () => void }) => Socket;

  export = createFactory;
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  /** What kafkajs reads of an encoder: the buffer it fills, and the part of it that is filled. */
  interface Encoded {
    readonly buf: Buffer;
    readonly buffer: Buffer;
  }

  interface Protocol {
    request: { apiKey: number; apiVersion: number; apiName: string; encode(): Promise<Encoded> };
    response: { decode: (payload: Buffer) => Promise<unknown>; parse: (decoded: unknown) => Promise<unknown> };
    requestTimeout?: number | null;
    logResponseError?: boolean;
  }

  interface Definition {
    readonly versions: readonly string[];
  }

  export const requests: Readonly<Record<string, Definition>>;
}

/** For a test, which compares its bytes with those of ours. */
declare module 'kafkajs/src/protocol/requests/produce/v7/request.js' {
  import type { Encoded } from 'kafkajs/src/protocol/requests/index.js';

  function request(args: object): { encode(): Promise<Encoded> };

  export = request;
}

declare module 'kafkajs/src/protocol/requests/apiKeys.js' {
  const apiKeys: Readonly<Record<string, number>>;

  export = apiKeys;
}

declare module 'kafkajs/src/protocol/error.js' {
  export const errorCodes: readonly { readonly code: number; readonly type: string }[];
}

declare module 'kafkajs/src/protocol/encoder.js' {
  class Encoder {
    readonly buf: Buffer;
    readonly buffer: Buffer;
    writeBoolean(value: boolean): this;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeInt64(value: number | string): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string | null): this;
    writeUVarIntArray(values: readonly Encoder[]): this;
  }

  export = Encoder;
}

declare module 'kafkajs/src/protocol/decoder.js' {
  class Decoder {
    constructor(buffer: Buffer);
    readInt16(): number;
    readInt32(): number;
    readInt64(): { toString(): string };
    readString(): string | null;
    readArray<Item>(read: (decoder: Decoder) => Item): Item[];
    readUVarIntString(): string | null;
    readUVarIntArray<Item>(read: (decoder: Decoder) => Item): Item[] | null;
    readTaggedFields(): unknown;
  }

  export = Decoder;
}

declare module 'kafkajs/src/consumer/assignerProtocol.js' {
  export const MemberMetadata: {
    encode(metadata: { version: number; topics: readonly string[]; userData: Buffer }): Buffer;
    decode(buffer: Buffer): { topics: string[]; userData: Buffer | null };
  };
  export const MemberAssignment: {
    encode(assignment: { version: number; assignment: Readonly<Record<string, readonly number[]>> }): Buffer;
    decode(buffer: Buffer): { assignment: Record<string, number[]> } | null;
  };
}
