/** The requests of the Kafka protocol that this adapter makes: what goes in and what comes back. */
import Decoder from 'kafkajs/src/protocol/decoder.js';
import Encoder from 'kafkajs/src/protocol/encoder.js';
import apiKeys from 'kafkajs/src/protocol/requests/apiKeys.js';
import type { Protocol } from 'kafkajs/src/protocol/requests/index.js';

/** What the broker gave a producer; every later one of the same transactional id has a higher epoch. */
export interface ProducerIdentity {
  readonly producerId: string;
  readonly producerEpoch: number;
}

interface Coded {
  readonly errorCode: number;
}

interface PartitionCoded extends Coded {
  readonly partition: number;
}

interface ByTopic<Partition> {
  readonly topic: string;
  readonly partitions: readonly Partition[];
}

/** A record as kafkajs decodes it from a fetch. */
export interface FetchedMessage {
  readonly offset: string;
  readonly timestamp: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer | readonly Buffer[]>>;
  readonly isControlRecord: boolean;
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean };
}

/** One partition's part of a fetch. */
export interface FetchedPartition extends PartitionCoded {
  readonly highWatermark: string;
  readonly lastStableOffset: string;
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[];
  readonly messages: readonly FetchedMessage[];
}

/** A member as the leader of its group sees it. */
export interface JoinedMember {
  readonly memberId: string;
  readonly memberMetadata: Buffer;
}

interface GroupMembership {
  readonly groupId: string;
  readonly memberId: string;
  /** Of a static member; null for others. Where a request has no such field it is left out. */
  readonly groupInstanceId?: string | null;
}

interface Generation extends GroupMembership {
  readonly generationId: number;
}

interface InTransaction extends ProducerIdentity {
  readonly transactionalId: string;
}

/** Requests that kafkajs encodes: arguments and answer of each, by its name there. */
export interface Requests {
  Fetch: [
    {
      readonly isolationLevel: 1;
      readonly maxWaitTime: number;
      readonly minBytes: number;
      readonly maxBytes: number;
      readonly topics: readonly ByTopic<{
        readonly partition: number;
        readonly fetchOffset: number;
        readonly maxBytes: number;
      }>[];
    },
    Coded & {
      readonly responses: readonly { readonly topicName: string; readonly partitions: readonly FetchedPartition[] }[];
    },
  ];
  ListOffsets: [
    {
      readonly isolationLevel: 0 | 1;
      readonly topics: readonly ByTopic<{ readonly partition: number; readonly timestamp: number }>[];
    },
    { readonly responses: readonly ByTopic<PartitionCoded & { readonly offset: string }>[] },
  ];
  GroupCoordinator: [
    { readonly groupId: string; readonly coordinatorType: 0 | 1 },
    Coded & { readonly coordinator: { readonly nodeId: number } },
  ];
  JoinGroup: [
    GroupMembership & {
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly protocolType: 'consumer';
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    },
    Coded & {
      readonly generationId: number;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly JoinedMember[];
    },
  ];
  SyncGroup: [
    Generation & {
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    },
    Coded & { readonly memberAssignment: Buffer },
  ];
  Heartbeat: [GroupMembership & { readonly groupGenerationId: number }, Coded];
  LeaveGroup: [GroupMembership, Coded];
  OffsetCommit: [
    GroupMembership & {
      readonly groupGenerationId: number;
      readonly topics: readonly ByTopic<{ readonly partition: number; readonly offset: number }>[];
    },
    { readonly responses: readonly ByTopic<PartitionCoded>[] },
  ];
  InitProducerId: [
    { readonly transactionalId: string | undefined; readonly transactionTimeout: number },
    Coded & ProducerIdentity,
  ];
  AddPartitionsToTxn: [
    InTransaction & { readonly topics: readonly ByTopic<number>[] },
    { readonly errors: readonly { readonly partitionErrors: readonly PartitionCoded[] }[] },
  ];
  AddOffsetsToTxn: [InTransaction & { readonly groupId: string }, Coded];
  EndTxn: [InTransaction & { readonly transactionResult: boolean }, Coded];
  CreateTopics: [
    {
      readonly timeout: number;
      readonly validateOnly: boolean;
      readonly topics: readonly {
        readonly topic: string;
        readonly numPartitions: number;
        readonly replicationFactor: number;
        readonly configEntries: readonly { readonly name: string; readonly value: string }[];
      }[];
    },
    { readonly topicErrors: readonly (Coded & { readonly topic: string })[] },
  ];
}

/** A request in a version that kafkajs does not have, with the type of its answer. */
export interface OwnRequest<Answer> {
  readonly protocol: Protocol;
  /** Never there; carries the type. */
  readonly answer?: Answer;
}

const noTags = 0;

/** A "flexible" request (KIP-482): its header and every struct end in tagged fields, of which we send none. */
function flexible<Answer>(
  apiName: string,
  apiVersion: number,
  encode: (encoder: Encoder) => Encoder,
  decode: (decoder: Decoder) => Answer,
): OwnRequest<Answer> {
  const apiKey = apiKeys[apiName];
  if (apiKey === undefined) throw new Error(`kafkajs knows no request ${apiName}`);
  return {
    protocol: {
      request: {
        apiKey,
        apiVersion,
        apiName,
        encode: () => Promise.resolve(encode(new Encoder().writeUVarInt(noTags)).writeUVarInt(noTags)),
      },
      response: {
        decode: (payload) => {
          const decoder = new Decoder(payload);
          decoder.readTaggedFields();
          return Promise.resolve(decode(decoder));
        },
        parse: (decoded) => Promise.resolve(decoded),
      },
    },
  };
}

/** Reads one struct and the tagged fields at its end. */
const struct =
  <Item>(read: (decoder: Decoder) => Item) =>
  (decoder: Decoder): Item => {
    const item = read(decoder);
    decoder.readTaggedFields();
    return item;
  };

const arrayOf = <Item>(decoder: Decoder, read: (decoder: Decoder) => Item): Item[] =>
  decoder.readUVarIntArray(struct(read)) ?? [];

/**
 * OffsetFetch 7, the first that can ask for *stable* offsets (KIP-447): while a transaction with an
 * offset of a partition is undecided the answer is UNSTABLE_OFFSET_COMMIT rather than the old offset.
 */
export function offsetFetch(groupId: string, topic: string, partitions: readonly number[], requireStable: boolean) {
  const indexes = partitions.map((partition) => new Encoder().writeInt32(partition));
  const wanted = new Encoder().writeUVarIntString(topic).writeUVarIntArray(indexes).writeUVarInt(noTags);
  return flexible(
    'OffsetFetch',
    7,
    (encoder) => encoder.writeUVarIntString(groupId).writeUVarIntArray([wanted]).writeBoolean(requireStable),
    (decoder) => {
      decoder.readInt32();
      const topics = arrayOf(decoder, (ofTopic) => ({
        topic: ofTopic.readUVarIntString(),
        partitions: arrayOf(ofTopic, (ofPartition) => {
          const partition = ofPartition.readInt32();
          const offset = Number(ofPartition.readInt64().toString());
          ofPartition.readInt32();
          ofPartition.readUVarIntString();
          return { partition, offset, errorCode: ofPartition.readInt16() };
        }),
      }));
      return { topics, errorCode: decoder.readInt16() };
    },
  );
}

/** One offset within a transaction. */
export interface TransactionalOffset extends InTransaction, Generation {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/** TxnOffsetCommit 3, the first that carries member and generation (KIP-447): the broker refuses an evicted member. */
export function txnOffsetCommit(commit: TransactionalOffset) {
  const partition = new Encoder()
    .writeInt32(commit.partition)
    .writeInt64(commit.offset)
    .writeInt32(-1)
    .writeUVarIntString('')
    .writeUVarInt(noTags);
  const topic = new Encoder().writeUVarIntString(commit.topic).writeUVarIntArray([partition]).writeUVarInt(noTags);
  return flexible(
    'TxnOffsetCommit',
    3,
    (encoder) =>
      encoder
        .writeUVarIntString(commit.transactionalId)
        .writeUVarIntString(commit.groupId)
        .writeInt64(commit.producerId)
        .writeInt16(commit.producerEpoch)
        .writeInt32(commit.generationId)
        .writeUVarIntString(commit.memberId)
        .writeUVarIntString(null)
        .writeUVarIntArray([topic]),
    (decoder) => {
      decoder.readInt32();
      return {
        topics: arrayOf(decoder, (ofTopic) => ({
          topic: ofTopic.readUVarIntString(),
          partitions: arrayOf(ofTopic, (ofPartition) => ({
            partition: ofPartition.readInt32(),
            errorCode: ofPartition.readInt16(),
          })),
        })),
      };
    },
  );
}
