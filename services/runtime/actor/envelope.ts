/**
 * The snapshot envelope: all that an actor is between two records. Immutable; a step makes a new one.
 */
import type { AnyEventObject } from 'xstate';

import { OperatingError } from '../errors.ts';
import type { SealedIn, Vault } from '../vault/vault.ts';
import { type FindMachine, type LiveSnapshot, type PlainSnapshot, stepperOf } from './machines.ts';
import type { SeenWindow } from './seen.ts';

/** Version of the envelope's shape. */
const envelopeSchema = 1;

/** An effect asked for and not answered. */
export interface PendingEffect {
  readonly effectId: string;
  /** XState's id of the invoke; completions are fed under it. */
  readonly invokeId: string;
  readonly source: string;
}

/** A timer set and not fired. */
export interface PendingTimer {
  readonly timerId: string;
  /** Event id of its `timer.set`; a firing with another generation is stale. */
  readonly generation: string;
  /** Epoch milliseconds. */
  readonly dueAt: number;
  /** What the machine is told when it fires. */
  readonly event: AnyEventObject;
}

/** A record held while the actor is in quarantine; it stays on the log. */
export interface HeldRecord {
  readonly offset: number;
  readonly eventId: string;
}

/** Why an actor is in quarantine. */
export interface Quarantine {
  readonly code: string;
  /** Offset of the record at which it began. */
  readonly offset: number;
}

/** What of an episode is running. */
export interface Episode {
  readonly number: number;
  readonly machine: string;
  readonly machineVersion: string;
  readonly configRevision: string;
  readonly snapshot: LiveSnapshot;
}

/** The envelope. */
export interface Envelope {
  readonly tenant: string;
  readonly actor: string;
  readonly partition: number;
  /** Offset after the last record applied or held. */
  readonly nextOffset: number;
  /** The largest ingest time seen: the time inside the machine (epoch ms). */
  readonly at: number;
  /** Null before the first one. A finished one stays until the next begins. */
  readonly episode: Episode | null;
  /** Instance that the last message came by or is to go by. */
  readonly instance: string | null;
  readonly pendingEffects: readonly PendingEffect[];
  readonly timers: readonly PendingTimer[];
  readonly seen: SeenWindow;
  readonly quarantine: Quarantine | null;
  readonly held: readonly HeldRecord[];
  /** When the person last wrote (epoch ms); absent before that. */
  readonly heardAt?: number;
  /** The elder conversation that this one goes on in (`merge.ts`). */
  readonly mergedInto?: string;
}

/** An envelope in its JSON form. */
export type PlainEnvelope = Omit<Envelope, 'episode'> & {
  readonly schema: number;
  readonly episode: (Omit<Episode, 'snapshot'> & { readonly snapshot: PlainSnapshot }) | null;
};

/** Life cycle of an actor as lists show it. */
export type ActorStatus = 'active' | 'done' | 'quarantined' | 'merged';

/** Life cycle of an actor. */
export function statusOf(envelope: Envelope): ActorStatus {
  if (envelope.quarantine !== null) return 'quarantined';
  if (envelope.mergedInto !== undefined) return 'merged';
  return envelope.episode?.snapshot.status === 'done' ? 'done' : 'active';
}

/** The state value as one text, `parent.child`; parallel regions joined by `|`. */
export function stateText(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value !== 'object' || value === null) return 'none';
  return Object.entries(value as Readonly<Record<string, unknown>>)
    .map(([key, inner]) =>
      typeof inner === 'object' && inner !== null && Object.keys(inner).length === 0
        ? key
        : `${key}.${stateText(inner)}`,
    )
    .join('|');
}

/** JSON form, for sealing and for comparing. */
export function plainOf(envelope: Envelope, find: FindMachine): PlainEnvelope {
  const { episode } = envelope;
  return {
    schema: envelopeSchema,
    ...envelope,
    episode: episode === null ? null : { ...episode, snapshot: plainSnapshotOf(episode, find) },
  };
}

/** The snapshot of an episode in its JSON form. */
export const plainSnapshotOf = (episode: Episode, find: FindMachine): PlainSnapshot =>
  stepperOf(machineOf(episode, find)).persist(episode.snapshot);

/** The envelope of a JSON form. Throws `actor.machine-unknown`. */
export function envelopeOf(plain: PlainEnvelope, find: FindMachine): Envelope {
  const { schema, episode, ...rest } = plain;
  if (schema !== envelopeSchema)
    throw new OperatingError('actor.snapshot-corrupt', `envelope schema ${schema} is not known`);
  return {
    ...rest,
    episode:
      episode === null ? null : { ...episode, snapshot: stepperOf(machineOf(episode, find)).restore(episode.snapshot) },
  };
}

/** Seals an envelope. The seal authenticates it, so it is its checksum as well; it is bound to its offset. */
export async function sealEnvelope(
  vault: Vault,
  person: string,
  envelope: Envelope,
  find: FindMachine,
): Promise<Buffer> {
  return vault.seal(
    sealedIn(envelope.tenant, envelope.actor, envelope.nextOffset),
    person,
    envelope.at,
    plainOf(envelope, find),
  );
}

/**
 * Opens a sealed envelope; undefined when its person was erased. Throws `actor.snapshot-corrupt` when
 * it was changed or cut, `actor.machine-unknown`, and `vault.unavailable`.
 */
export async function openEnvelope(
  vault: Vault,
  row: { readonly tenant: string; readonly actor: string; readonly nextOffset: number; readonly body: Uint8Array },
  find: FindMachine,
): Promise<Envelope | undefined> {
  try {
    const opened = await vault.open<PlainEnvelope>(sealedIn(row.tenant, row.actor, row.nextOffset), row.body);
    return opened.state === 'erased' ? undefined : envelopeOf(opened.value, find);
  } catch (caught) {
    // A changed key id inside the bytes reads as a key that is not there.
    if (caught instanceof OperatingError && (caught.code === 'vault.tampered' || caught.code === 'vault.key-missing')) {
      throw new OperatingError('actor.snapshot-corrupt', undefined, caught);
    }
    throw caught;
  }
}

const sealedIn = (tenant: string, actor: string, nextOffset: number): SealedIn => ({
  tenant,
  actor,
  type: 'actor.snapshot',
  eventId: String(nextOffset),
});

function machineOf(episode: { readonly machine: string; readonly machineVersion: string }, find: FindMachine) {
  const release = find(episode.machine, episode.machineVersion);
  if (release === undefined)
    throw new OperatingError('actor.machine-unknown', `${episode.machine} ${episode.machineVersion}`);
  return release.machine;
}
