/**
 * Ingest with everything around it in memory, to see what it does when each of them fails.
 *
 * Where it differs from the real parts: the log is a list, sealing hides nothing (but is bound to its
 * place, and what was put in can be read back), the directory knows addresses for ever.
 */
import { createHmac } from 'node:crypto';

import type { FastifyInstance } from 'fastify';

import { readConfig } from '#runtime/config.ts';
import { type ConversationEntry, canonicalAddress } from '#runtime/directory/directory.ts';
import { createHttpServer } from '#runtime/http.ts';
import type { Instance } from '#runtime/instances/instances.ts';
import type { OutgoingRecord, RecordLog } from '#runtime/log/record-log.ts';
import { createLogger } from '#runtime/logger.ts';
import { createMetrics } from '#runtime/metrics.ts';
import type { Runtime } from '#runtime/runtime.ts';
import type { FileVault } from '#runtime/vault/vault.ts';
import { decodeRecord } from '#schemas/codec.ts';
import type { ProsaRecord } from '#schemas/records.ts';

import { type DuplicateWindow, processWindow } from '../duplicate-window.ts';
import { bodyBytesMax, ingestRoutes } from '../routes.ts';

/** The parts that can be made to fail: the error that the next calls throw. */
export interface Failures {
  log?: Error | undefined;
  vault?: Error | undefined;
  directory?: Error | undefined;
}

/** Ingest and what it did. */
export interface IngestWorld {
  readonly server: FastifyInstance;
  readonly runtime: Runtime;
  readonly window: DuplicateWindow;
  readonly waha: Instance;
  readonly simulator: Instance;
  /** Behind the tokens; more may be added. */
  readonly instances: Instance[];
  readonly failures: Failures;
  /** What the log took, oldest first. */
  readonly appended: OutgoingRecord[];
  /** Rows of large bodies. */
  readonly blobs: (readonly unknown[])[];
  /** What the actor hosts have done of the one partition: the offset after it. */
  done(offset: number): void;
  /** Lines that were logged. */
  readonly lines: string[];
  records(): readonly ProsaRecord[];
  /** What is inside of a record's sealed part. */
  openedOf(record: ProsaRecord): unknown;
  close(): Promise<void>;
}

/** HMAC key of the WAHA instance. */
export const wahaSecret = 'an invented secret';

const tenant = 'demo';
const startAt = Date.UTC(2026, 10, 20, 12);

/** A WAHA instance of session `default`. */
export const wahaInstance: Instance = {
  id: 'i_waha',
  tenant,
  line: 'l_waha',
  provider: 'waha',
  name: 'waha',
  settings: { session: 'default' },
  credentials: { webhookToken: 'waha-token', webhookSecret: wahaSecret },
};

/** An Evolution instance named `clinica`. */
export const evolutionInstance: Instance = {
  id: 'i_evolution',
  tenant,
  line: 'l_evolution',
  provider: 'evolution',
  name: 'evolution',
  settings: { session: 'clinica' },
  credentials: { webhookToken: 'evolution-token', webhookSecret: 'an-invented-evolution-secret' },
};

const simulatorInstance: Instance = {
  id: 'i_simulator',
  tenant,
  line: 'l_simulator',
  provider: 'simulator',
  name: 'simulator',
  settings: {},
  credentials: { webhookToken: 'simulator-token' },
};

/** Makes it. `window` is of this process unless given; `settings` are those of the configuration. */
export function ingestWorld(given?: DuplicateWindow, settings: Readonly<Record<string, string>> = {}): IngestWorld {
  const failures: Failures = {};
  const appended: OutgoingRecord[] = [];
  const blobs: (readonly unknown[])[] = [];
  const lines: string[] = [];
  let committed = 0;
  const logger = createLogger('debug', 'ingest', { write: (line: string) => void lines.push(line) });
  const window = given ?? processWindow(() => startAt);
  const instances = [wahaInstance, evolutionInstance, simulatorInstance];
  const unused = (): never => {
    throw new Error('ingest does not use this');
  };
  const runtime: Runtime = {
    config: readConfig(settings),
    logger,
    metrics: createMetrics(),
    log: listLog(appended, failures, () => committed),
    database: {
      transaction: (_tenants, work) =>
        work({
          async query(_text, values = []) {
            blobs.push(values);
            return { rows: [], rowCount: 1 };
          },
        }),
      // Nothing was sent.
      query: async () => ({ rows: [], rowCount: 0 }),
      queries: unused,
      close: async () => undefined,
    },
    vault: openVaultOfGlass(failures),
    directory: memoryDirectory(failures),
    instances: {
      byToken: async (token) => instances.filter((instance) => instance.credentials.webhookToken === token),
      read: unused,
      list: unused,
      create: unused,
    },
    tenants: {
      currentRevision: async () => 'r_test',
      ids: unused,
      configuration: unused,
      configure: unused,
      requireCurrent: unused,
      configuredBy: unused,
      create: unused,
    },
    now: () => startAt,
  };
  // Larger than a webhook's limit, which must be the route's own.
  const server = createHttpServer({ logger, bodyBytesMax: 4 * bodyBytesMax });
  ingestRoutes(server, runtime, window);
  const records = () => appended.map((record) => decodeRecord(Buffer.from(record.value)));
  return {
    server,
    runtime,
    window,
    waha: wahaInstance,
    simulator: simulatorInstance,
    instances,
    failures,
    appended,
    blobs,
    done: (offset) => (committed = offset),
    lines,
    records,
    openedOf: (record) => glassContent(record),
    async close() {
      await server.close();
      await window.close();
    },
  };
}

function listLog(appended: OutgoingRecord[], failures: Failures, committed: () => number): RecordLog {
  const unused = (): never => {
    throw new Error('ingest does not use this');
  };
  return {
    partitionCount: 1,
    partitionOf: () => 0,
    async append(records) {
      if (failures.log !== undefined) throw failures.log;
      appended.push(...records);
      return records.map(({ topic }, i) => ({ topic, partition: 0, offset: appended.length - records.length + i }));
    },
    createTopics: unused,
    createGroup: unused,
    consume: unused,
    readRange: unused,
    offsetForTime: unused,
    ends: unused,
    lag: async () => [
      { partition: 0, committed: committed(), stableEnd: appended.length, lag: appended.length - committed() },
    ],
    ping: unused,
    close: unused,
  };
}

function openVaultOfGlass(failures: Failures): FileVault {
  const unused = (): never => {
    throw new Error('ingest does not use this');
  };
  return {
    async seal(where, person, _at, value) {
      if (failures.vault !== undefined) throw failures.vault;
      return Buffer.from(JSON.stringify({ where, person, value }));
    },
    async open<T>(_where: unknown, sealed: Uint8Array) {
      const { value } = JSON.parse(Buffer.from(sealed).toString()) as { readonly value: T };
      return { state: 'open', value };
    },
    sealStream: unused,
    openStream: unused,
    prefetch: async () => undefined,
    index: (of, purpose, value) => createHmac('sha256', of).update(`${purpose}\0${value}`).digest('hex'),
  };
}

/** What was sealed in a record; throws when it was sealed for another one. */
function glassContent(record: ProsaRecord): unknown {
  if (!('sealed' in record) || record.sealed === null) throw new Error(`nothing is sealed in ${record.type}`);
  const { where, value } = JSON.parse(Buffer.from(record.sealed).toString()) as {
    readonly where: { readonly eventId: string; readonly actor: string; readonly type: string };
    readonly value: unknown;
  };
  if (where.eventId !== record.eventId || where.actor !== record.actor || where.type !== record.type) {
    throw new Error('it was sealed for another record');
  }
  return value;
}

function memoryDirectory(failures: Failures): Runtime['directory'] {
  const known = new Map<string, ConversationEntry>();
  const unused = (): never => {
    throw new Error('ingest does not use this');
  };
  return {
    async resolve({ tenant: of, line, addresses, group }) {
      if (failures.directory !== undefined) throw failures.directory;
      const keys = addresses.map((address) => `${line}/${canonicalAddress(address)}`);
      const entry = keys.map((key) => known.get(key)).find((found) => found !== undefined) ?? {
        conversation: `c_${known.size}`,
        tenant: of,
        line,
        person: `p_${known.size}`,
        group,
      };
      for (const key of keys) known.set(key, entry);
      return entry;
    },
    find: async (_of, line, address) => known.get(`${line}/${canonicalAddress(address)}`),
    async releaseErased({ line, addresses }) {
      for (const address of addresses) known.delete(`${line}/${canonicalAddress(address)}`);
    },
    move: unused,
    read: unused,
    addressOf: unused,
  };
}
