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

/** What becomes of the answer to a heartbeat. */
type Fate = (socket: Socket, answer: Buffer) => void;

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Starts a broker whose answers to heartbeats meet these fates, one after the other, and then none. Resolves with its address. */
async function startBroker(fates: Fate[]): Promise<string> {
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
    const fate = apiKey === heartbeat ? fates.shift() : undefined;
    if (fate === undefined) socket.write(whole);
    else fate(socket, whole);
  };
  return `127.0.0.1:${port}`;
}

async function connected(fates: Fate[]): Promise<KafkaClient> {
  const client = new KafkaClient({ brokers: [await startBroker(fates)], clientId: 'test', requestTimeoutMs: 200 });
  closers.push(() => client.close());
  await client.refresh();
  return client;
}

const torn =
  (end: (socket: Socket) => void): Fate =>
  (socket, answer) => {
    socket.write(answer.subarray(0, 7), () => end(socket));
  };

test.each([
  { name: 'reset', end: (socket: Socket) => socket.resetAndDestroy() },
  { name: 'closed', end: (socket: Socket) => socket.end() },
  { name: 'silent', end: () => undefined },
])('what came of an answer before its connection was $name is no part of the next', async ({ end }) => {
  const client = await connected([torn(end)]);
  await expect(client.send(nodeId, 'Heartbeat', wantedBody)).rejects.toThrow(KafkaFailure);
  await expect(client.send(nodeId, 'Heartbeat', wantedBody)).resolves.toMatchObject({ errorCode: 0 });
});
