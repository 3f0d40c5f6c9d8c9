// Goal: one client outlives whatever happens to its connections. Method: a broker of a few lines that speaks the oldest
// versions, and does to its answers what a network does.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { KafkaClient } from './client.ts';
import { KafkaFailure } from './failure.ts';

const [metadata, heartbeat, apiVersions] = [3, 12, 18];
const nodeId = 1;
const wantedBody = { groupId: 'g', memberId: 'm', groupGenerationId: 1 };

const int16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const int32 = (value: number): Buffer => {
  const buffer = Buffer.alloc(4);
  buffer.writeInt32BE(value);
  return buffer;
};
const frame = (correlationId: number, body: Buffer): Buffer =>
  Buffer.concat([int32(4 + body.length), int32(correlationId), body]);

/** What becomes of an answer. */
type Fate = (socket: Socket, answer: Buffer) => void;
/** Of the first answers to a kind of request; those after them arrive. */
type Fates = Readonly<Record<number, Fate[]>>;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts a broker whose answers meet these fates, one after the other. Resolves with its address. */
async function startBroker(fates: Fates): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    let received = Buffer.alloc(0);
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 4 && received.length >= 4 + received.readInt32BE(0)) {
        const request = received.subarray(4, 4 + received.readInt32BE(0));
        received = received.subarray(4 + request.length);
        answer(socket, request);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  const { port } = server.address() as AddressInfo;

  const bodyOf = (apiKey: number): Buffer => {
    if (apiKey === apiVersions) {
      const ranges = [metadata, heartbeat].map((key) => Buffer.concat([int16(key), int16(0), int16(0)]));
      return Buffer.concat([int16(0), int32(ranges.length), ...ranges, int32(0)]);
    }
    if (apiKey === metadata) {
      const host = Buffer.from('127.0.0.1');
      return Buffer.concat([int32(1), int32(nodeId), int16(host.length), host, int32(port), int32(0)]);
    }
    return int16(0);
  };
  const answer = (socket: Socket, request: Buffer): void => {
    const apiKey = request.readInt16BE(0);
    const whole = frame(request.readInt32BE(4), bodyOf(apiKey));
    const fate = fates[apiKey]?.shift();
    if (fate === undefined) socket.write(whole);
    else fate(socket, whole);
  };
  return `127.0.0.1:${port}`;
}

function clientOf(...brokers: string[]): KafkaClient {
  const client = new KafkaClient({ brokers, clientId: 'test', requestTimeoutMs: 1_000 });
  closers.push(() => client.close());
  return client;
}

const beat = (client: KafkaClient) => client.send(nodeId, 'Heartbeat', wantedBody);
const beaten = { errorCode: 0 };

const tornBy =
  (end: (socket: Socket) => void): Fate =>
  (socket, answer) => {
    socket.write(answer.subarray(0, 7), () => end(socket));
  };
/** From now on nothing comes over this connection, though it stays open. */
const mute: Fate = (socket) => {
  socket.removeAllListeners('data').resume();
};
const closing: Fate = (socket) => {
  socket.end();
};

test.each([
  { name: 'reset', end: (socket: Socket) => socket.resetAndDestroy() },
  { name: 'closed', end: (socket: Socket) => socket.end() },
  { name: 'silent', end: () => undefined },
])('what came of an answer before its connection was $name is no part of the next', async ({ end }) => {
  const client = clientOf(await startBroker({ [heartbeat]: [tornBy(end)] }));
  await client.refresh();
  await expect(beat(client)).rejects.toThrow(KafkaFailure);
  await expect(beat(client)).resolves.toMatchObject(beaten);
});

test('requests that got no answer together are each asked again over a new connection', async () => {
  const client = clientOf(await startBroker({ [heartbeat]: [mute] }));
  await client.refresh();
  const again = () => beat(client).catch(() => beat(client));
  expect(await Promise.all([again(), again(), again()])).toMatchObject([beaten, beaten, beaten]);
});

test.each([
  { name: 'its versions', apiKey: apiVersions },
  { name: 'who leads what', apiKey: metadata },
])('a broker that does not say $name is asked over a new connection', async ({ apiKey }) => {
  const client = clientOf(await startBroker({ [apiKey]: [mute] }));
  await client.refresh().catch(() => undefined);
  await client.refresh();
  await expect(beat(client)).resolves.toMatchObject(beaten);
});

test.each([
  { name: 'says nothing', fate: mute },
  { name: 'ends what is connected', fate: closing },
])('where a broker of the list $name, the next is tried', async ({ fate }) => {
  const dead = await startBroker({ [apiVersions]: Array.from({ length: 20 }, () => fate) });
  const client = clientOf(dead, await startBroker({}));
  await client.refresh();
  await expect(beat(client)).resolves.toMatchObject(beaten);
});
