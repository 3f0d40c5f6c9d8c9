/**
 * One membership in a consumer group, by the classic protocol.
 *
 * Owns the member id and the generation. Eager rebalancing: a member that joins again holds still
 * until it knows what it owns; `sticky-assigner.ts` sees to it that this is mostly what it had.
 */
import { MemberAssignment, MemberMetadata } from 'kafkajs/src/consumer/assignerProtocol.js';
import { z } from 'zod';
import type { KafkaClient } from './client.ts';
import { errorType, KafkaFailure } from './failure.ts';
import type { JoinedMember } from './requests.ts';
import { assignSticky, type Candidate } from './sticky-assigner.ts';

const protocolName = 'prosa-sticky';
const joinSlackMs = 5_000;
/** MEMBER_ID_REQUIRED */
const memberIdRequired = 79;

const partitionsSchema = z.array(z.int().nonnegative()).max(100_000);
const claimsSchema = z.object({ generation: z.int(), owned: partitionsSchema, declined: partitionsSchema });

/** What a member is in. */
export interface MemberOptions {
  readonly groupId: string;
  /** The broker's name of the topic. */
  readonly topic: string;
  readonly partitions: readonly number[];
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /**
   * Name that stays the same when the process starts again (KIP-345): the new one takes the place of
   * the old at once, instead of after its session. Null: a member like any other.
   */
  readonly instanceId: string | null;
}

/** What a member tells the one that assigns. */
export interface Claims {
  readonly owned: readonly number[];
  readonly declined: readonly number[];
}

/** The outcome of a join. */
export interface Membership {
  readonly memberId: string;
  readonly generationId: number;
  readonly partitions: readonly number[];
}

const none: Membership = { memberId: '', generationId: -1, partitions: [] };

export class GroupMember {
  readonly #client: KafkaClient;
  readonly #options: MemberOptions;
  #membership: Membership = none;

  constructor(client: KafkaClient, options: MemberOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** The present membership; without id before the first join and after `forget`. */
  get membership(): Membership {
    return this.#membership;
  }

  /** Joins, or joins again, and resolves with what this member owns now. Throws `KafkaFailure`; join again then. */
  async join(claims: Claims): Promise<Membership> {
    const { groupId, instanceId, sessionTimeoutMs, rebalanceTimeoutMs, topic } = this.#options;
    const metadata = MemberMetadata.encode({
      version: 1,
      topics: [topic],
      userData: encodeClaims(claims, this.#membership.generationId),
    });
    const args = {
      groupId,
      groupInstanceId: instanceId,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      protocolType: 'consumer',
      groupProtocols: [{ name: protocolName, metadata }],
    } as const;
    const node = await this.#client.coordinatorOf('group', groupId);
    const send = (memberId: string) =>
      this.#client.sendUnchecked(node, 'JoinGroup', { ...args, memberId }, rebalanceTimeoutMs + joinSlackMs);
    let joined = await send(this.#membership.memberId);
    // The broker names a new member first and wants it to come again by that name.
    if (joined.errorCode === memberIdRequired) joined = await send(joined.memberId);
    if (joined.errorCode !== 0) throw new KafkaFailure(errorType(joined.errorCode), 'JoinGroup');
    const { memberId, generationId } = joined;
    // From here on the broker counts on this member, also when the rest fails.
    this.#membership = { memberId, generationId, partitions: [] };

    const groupAssignment = joined.leaderId === memberId ? this.#assign(joined.members) : [];
    const named = { groupId, groupInstanceId: instanceId, memberId, generationId };
    const synced = await this.#client.send(
      node,
      'SyncGroup',
      { ...named, groupAssignment },
      rebalanceTimeoutMs + joinSlackMs,
    );
    const partitions = MemberAssignment.decode(synced.memberAssignment)?.assignment[topic] ?? [];
    this.#membership = { memberId, generationId, partitions };
    return this.#membership;
  }

  /** Tells the coordinator that this member lives. Throws `KafkaFailure`: REBALANCE_IN_PROGRESS when it must join again. */
  async heartbeat(): Promise<void> {
    const { memberId, generationId } = this.#membership;
    const { groupId, instanceId } = this.#options;
    const node = await this.#client.coordinatorOf('group', groupId);
    const named = { groupId, groupInstanceId: instanceId, memberId };
    await this.#client.send(node, 'Heartbeat', { ...named, groupGenerationId: generationId });
  }

  /** Leaves, so that others need not wait for the session to end. Best effort; over `client`, since a join may hold the own one. */
  async leave(client: KafkaClient): Promise<void> {
    const { memberId } = this.#membership;
    const { groupId, instanceId } = this.#options;
    this.#membership = none;
    if (memberId === '') return;
    try {
      const node = await client.coordinatorOf('group', groupId);
      await client.send(node, 'LeaveGroup', { groupId, groupInstanceId: instanceId, memberId });
    } catch {
      // The session's end does the same, later.
    }
  }

  /** Stops being who it was: the next join is that of a new member. */
  forget(): void {
    this.#membership = none;
  }

  /** The leader's part: who gets what, for every topic that a member reads. */
  #assign(members: readonly JoinedMember[]): { memberId: string; memberAssignment: Buffer }[] {
    const decoded = members.map(({ memberId, memberMetadata }) => {
      const { topics, userData } = MemberMetadata.decode(memberMetadata);
      return { topics, candidate: { memberId, ...decodeClaims(userData) } };
    });
    const assignments = new Map<string, Record<string, readonly number[]>>();
    for (const topic of new Set(decoded.flatMap(({ topics }) => topics))) {
      const readers = decoded.filter(({ topics }) => topics.includes(topic)).map(({ candidate }) => candidate);
      for (const [memberId, partitions] of assignSticky(readers, this.#options.partitions))
        assignments.set(memberId, { ...assignments.get(memberId), [topic]: partitions });
    }
    return members.map(({ memberId }) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({ version: 1, assignment: assignments.get(memberId) ?? {} }),
    }));
  }
}

const encodeClaims = ({ owned, declined }: Claims, generation: number): Buffer =>
  Buffer.from(JSON.stringify({ generation, owned, declined }));

/** Claims of a member; none when it is of another version and says something else. */
function decodeClaims(userData: Buffer | null): Omit<Candidate, 'memberId'> {
  try {
    return claimsSchema.parse(JSON.parse((userData ?? Buffer.alloc(0)).toString()));
  } catch {
    return { generation: -1, owned: [], declined: [] };
  }
}
