/** The peers that are asked by HTTP: Restate, BullMQ, DBOS. They have no log to fill; their replies are answers. */
import { join } from 'node:path';

import { freePorts } from '#runtime/components/process-guard.ts';
import { startEmbeddedPostgres } from '#runtime/database/embedded-postgres.ts';

import { quietEnvironment } from '../installation.ts';
import type { Scope } from '../stage.ts';
import { type MessageClient, openMessageClient } from './adapters/http-messages.ts';
import { refreshStatistics } from './adapters/statistics.ts';
import { type ConversationState, messageText } from './conversation.ts';
import { installPackages } from './packages.ts';
import { type Message, type Peer, type PeerKind, type Worker, detectionMs } from './peer.ts';
import { startServer, startWorkerProgram } from './servers.ts';

/** States that are asked for at once. */
const statesAtOnce = 64;
/** Jobs that one worker has in hand: those that the closed loop has in flight. */
const concurrency = 64;

const keyOf = (conversation: number): string => `c-${conversation}`;
const bodyOf = ({ conversation, n }: Message) => ({ id: `m-${conversation}-${n}`, text: messageText(n) });

/** How to say a message, and how to look at a conversation. */
interface Entrance {
  say(message: Message): Promise<string>;
  look(conversation: number): Promise<ConversationState>;
}

function httpPeer(startWorker: () => Promise<Worker>, entrance: Entrance, databaseUrl?: string): Peer {
  return {
    startWorker,
    ...(databaseUrl === undefined ? {} : { warm: () => refreshStatistics(databaseUrl) }),
    meet: () => Promise.resolve(),
    say: (message) => entrance.say(message),
    async states(count) {
      const states: ConversationState[] = [];
      for (let from = 0; from < count; from += statesAtOnce) {
        const some = Array.from({ length: Math.min(statesAtOnce, count - from) }, (_, i) => entrance.look(from + i));
        states.push(...(await Promise.all(some)));
      }
      return states;
    },
  };
}

function clientOf(scope: Scope, port: number): MessageClient {
  const client = openMessageClient(port);
  scope.defer(() => client.close());
  return client;
}

/** The entrance of a worker that serves `message-server.mjs`. */
function messageServer(scope: Scope, port: number): Entrance {
  const client = clientOf(scope, port);
  const path = (conversation: number): string => `/conversations/${keyOf(conversation)}`;
  return {
    say: async (message) => (await client.ask(path(message.conversation), { body: bodyOf(message) })) as string,
    look: async (conversation) => (await client.ask(path(conversation))) as ConversationState,
  };
}

async function startPostgres(scope: Scope): Promise<string> {
  const postgres = await startEmbeddedPostgres({ dataDir: await scope.temporaryFolder() });
  scope.defer(() => postgres.stop());
  return postgres.url;
}

/** Restate: its server, and a worker that it calls. */
export const restatePeer: PeerKind = {
  name: 'restate',
  title: 'Restate',
  note: 'Restate 1.7.12, one virtual object per conversation, server at its defaults (24 partitions, its log fsynced); a reply is the result of its invocation, kept under the message id; a worker that is gone is called again after 0.5 s at first',
  keepsState: true,
  servers: ['Restate server'],
  async open(stage, scope) {
    const modules = await installPackages(stage);
    const [ingress = 0, admin = 0, node = 0, service = 0] = await freePorts(4);
    const environment = { ...quietEnvironment(), ...restateSettings({ ingress, admin, node }) };
    const program = `restate-server-${process.platform}-${process.arch}`;
    const adminClient = clientOf(scope, admin);
    await startServer(scope, {
      command: join(modules, '@restatedev', program, 'bin', 'restate-server'),
      arguments: ['--base-dir', await scope.temporaryFolder(), '--no-logo'],
      environment,
      isReady: () => answers(`http://127.0.0.1:${ingress}/restate/health`),
    });
    let known = false;
    const startWorker = async (): Promise<Worker> => {
      const worker = await startWorkerProgram(scope, 'bench/peers/adapters/restate.mjs', {
        environment,
        input: { port: service },
      });
      if (!known) await adminClient.ask('/deployments', { body: { uri: `http://127.0.0.1:${service}` } });
      known = true;
      return worker;
    };
    const client = clientOf(scope, ingress);
    const path = (conversation: number): string => `/Conversation/${keyOf(conversation)}`;
    return httpPeer(startWorker, {
      say: async (message) => {
        const body = bodyOf(message);
        return (await client.ask(`${path(message.conversation)}/receive`, {
          body,
          headers: { 'idempotency-key': body.id },
        })) as string;
      },
      look: async (conversation) => (await client.ask(`${path(conversation)}/look`)) as ConversationState,
    });
  },
};

const restateSettings = (ports: { readonly ingress: number; readonly admin: number; readonly node: number }) => ({
  RESTATE_LISTEN_MODE: 'tcp',
  RESTATE_BIND_IP: '127.0.0.1',
  RESTATE_BIND_PORT: String(ports.node),
  RESTATE_INGRESS__BIND_PORT: String(ports.ingress),
  RESTATE_ADMIN__BIND_PORT: String(ports.admin),
  RESTATE_DISABLE_TELEMETRY: 'true',
  RESTATE_LOG_FILTER: 'error',
});

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(1_000) })).ok;
  } catch {
    return false;
  }
}

/** BullMQ: Redis, Postgres, and one process that takes messages, queues and works. */
export const bullmqPeer: PeerKind = {
  name: 'bullmq',
  title: 'BullMQ',
  note: `BullMQ 6.7, a job per message, lock and session per conversation in Redis (appendfsync always), state, reply and audit in one Postgres transaction (fsync on); up to ${concurrency} jobs at once; jobs of a dead worker are taken up after ${detectionMs / 1_000} s, and its locks expire then`,
  keepsState: true,
  servers: ['Redis', 'Postgres'],
  async open(stage, scope) {
    await installPackages(stage);
    const environment = quietEnvironment();
    const [redisPort = 0, port = 0] = await freePorts(2);
    const databaseUrl = await startPostgres(scope);
    const folder = await scope.temporaryFolder();
    const settings = { port: redisPort, bind: '127.0.0.1', dir: folder, save: '', appendonly: 'yes' };
    await startServer(scope, {
      command: 'redis-server',
      arguments: Object.entries({ ...settings, appendfsync: 'always' }).flatMap(([key, value]) => [
        `--${key}`,
        String(value),
      ]),
      environment,
      isReady: (output) => output.includes('Ready to accept connections'),
    });
    const input = { port, redisPort, databaseUrl, concurrency, detectionMs };
    const startWorker = (): Promise<Worker> =>
      startWorkerProgram(scope, 'bench/peers/adapters/bullmq.mjs', { environment, input });
    return httpPeer(startWorker, messageServer(scope, port), databaseUrl);
  },
};

/** DBOS: Postgres, and one process that takes messages and runs workflows. */
export const dbosPeer: PeerKind = {
  name: 'dbos',
  title: 'DBOS',
  note: 'DBOS 5.3, a workflow per message named by its id, with one step: state, reply and audit in one Postgres transaction under the row lock of its conversation (fsync on); workflows of a dead worker go on when it starts again',
  keepsState: true,
  servers: ['Postgres'],
  async open(stage, scope) {
    await installPackages(stage);
    const [port = 0] = await freePorts(1);
    const databaseUrl = await startPostgres(scope);
    const input = { port, databaseUrl };
    const startWorker = (): Promise<Worker> =>
      startWorkerProgram(scope, 'bench/peers/adapters/dbos.mjs', { environment: quietEnvironment(), input });
    return httpPeer(startWorker, messageServer(scope, port), databaseUrl);
  },
};
