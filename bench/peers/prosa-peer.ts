/**
 * Prosa as one of the peers: its conversation service with the machine of the peers, as a process, with
 * all that it does in production: sealing, snapshots, audit, timers.
 */
import type { LoggedRecord } from '#runtime/log/record-log.ts';
import { recordOf } from '#runtime/records.ts';
import type { Vault } from '#runtime/vault/vault.ts';
import type { OutboundContent } from '#schemas/content.ts';
import { topics } from '#schemas/topics.ts';

import { type Installation, type LogKind, openInstallation } from '../installation.ts';
import type { Scope, Stage } from '../stage.ts';
import { refreshStatistics } from './adapters/statistics.ts';
import { type LogPeerOptions, logPeer } from './log-peer.ts';
import { peersConfiguration } from './machine.ts';
import { type PeerKind, type Worker, detectionMs, partitionCount } from './peer.ts';
import { ProsaPeople } from './prosa-people.ts';
import { startWorkerProgram } from './servers.ts';

const words = {
  kafka: {
    name: 'prosa-kafka',
    title: 'Prosa on Kafka',
    note: 'records on Kafka (acknowledged from the page cache), snapshots in Postgres (fsync on); sealed, audited',
  },
  postgres: {
    name: 'prosa-postgres',
    title: 'Prosa on Postgres',
    note: 'records and snapshots in Postgres (fsync on), one transaction per slice; sealed, audited',
  },
} as const;

/** Prosa on one of its logs. */
export const prosaPeer = (log: LogKind): PeerKind => ({
  ...words[log],
  keepsState: true,
  servers: log === 'kafka' ? ['Kafka', 'Postgres'] : ['Postgres'],
  async open(stage, scope) {
    const { installation, people, options } = await openWorld(stage, scope, log);
    const peer = logPeer(scope, { ...options, startWorker: () => startProsa(scope, installation) });
    const warm = () => refreshStatistics(installation.config.databaseUrl ?? '');
    // Snapshots are kept alike with both logs; once is enough to wait for.
    if (log === 'postgres') return { ...peer, warm };
    return {
      ...peer,
      warm,
      async seed(count) {
        // One who greets is the pattern for the others.
        const pattern = people.count;
        await people.meet(pattern + 1);
        await peer.say({ conversation: pattern, n: 0 });
        await people.copy(pattern, count);
      },
    };
  },
});

/** Starts the conversation service on an installation. */
export const startProsa = (scope: Scope, { environment }: Installation): Promise<Worker> =>
  startWorkerProgram(scope, 'bench/peers/prosa-worker.ts', {
    environment: {
      ...environment,
      // A name that stays: who starts again takes their place at once. Kafka Streams has one as well.
      KAFKA_INSTANCE_ID: 'peer',
      KAFKA_SESSION_TIMEOUT_MS: String(detectionMs),
    },
  });

/** An installation with the peers' machine in force, and its people. */
interface World {
  readonly installation: Installation;
  readonly people: ProsaPeople;
  /** All that a peer on this log needs besides its worker. */
  readonly options: Omit<LogPeerOptions, 'startWorker'>;
}

/** Makes one. */
export async function openWorld(stage: Stage, scope: Scope, kind: LogKind): Promise<World> {
  const installation = await openInstallation(stage, scope, kind, { PROSA_PARTITIONS: String(partitionCount) });
  const platform = await installation.platform();
  const runtime = platform.runtime('prosa_api', 'bench');
  const { tenant } = installation;
  const revision = await runtime.tenants.configure(tenant, peersConfiguration);
  const instance = await runtime.instances.read(tenant, installation.instance('waha').id);
  if (instance === undefined) throw new Error('the WAHA instance of the demo tenant is gone');
  const people = new ProsaPeople(platform, { tenant, line: instance.line, instance: instance.id, revision });
  return {
    installation,
    people,
    options: {
      log: platform.log,
      group: 'conversation',
      inputTopic: topics.events,
      replyTopic: topics.replies,
      keyOf: (conversation) => people.keyOf(conversation),
      recordOf: (message) => people.record(message),
      textsOf: (records) => textsOf(runtime.vault, records),
      meet: (count) => people.meet(count),
      states: (count) => people.states(count),
    },
  };
}

/** Texts of replies; null for other records of their topic. */
async function textsOf(vault: Vault, records: readonly LoggedRecord[]): Promise<readonly (string | null)[]> {
  const replies = records.map((logged) => {
    const record = recordOf(logged);
    return record.type === 'reply.requested' && record.sealed !== null ? { ...record, sealed: record.sealed } : null;
  });
  await vault.prefetch(replies.filter((reply) => reply !== null));
  return Promise.all(
    replies.map(async (reply) => {
      if (reply === null) return null;
      const opened = await vault.open<{ readonly content: OutboundContent }>(reply, reply.sealed);
      return opened.state === 'open' && 'text' in opened.value.content ? opened.value.content.text : null;
    }),
  );
}
