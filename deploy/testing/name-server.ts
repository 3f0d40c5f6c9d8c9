/** A name server on loopback that answers A queries from a table, which may change while it runs. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A running name server. */
export interface NameServer {
  readonly port: number;
  /** Address of a name; without one the answer is that there is no such name. */
  readonly addresses: Map<string, string>;
  close(): Promise<void>;
}

const headerBytes = 12;
const flags = { answer: 0x8180, noSuchName: 0x8183 } as const;
const lifeSeconds = 60;

/** Starts it. Answers live for a minute, so that whoever asks sooner does so by its own rule. */
export async function startNameServer(): Promise<NameServer> {
  const addresses = new Map<string, string>();
  const socket = createSocket('udp4');
  socket.on('message', (query, from) => {
    socket.send(answerTo(query, addresses), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return {
    port: socket.address().port,
    addresses,
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** RFC 1035, sections 4.1.1 to 4.1.3: the question again, and one A record that points back to its name. */
function answerTo(query: Buffer, addresses: ReadonlyMap<string, string>): Buffer {
  const labels: string[] = [];
  let at = headerBytes;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += length + 1;
  }
  const question = query.subarray(headerBytes, at + 5);
  const isA = query.readUInt16BE(at + 1) === 1;
  const address = addresses.get(labels.join('.'));
  const header = Buffer.from(query.subarray(0, headerBytes));
  header.writeUInt16BE(address === undefined ? flags.noSuchName : flags.answer, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(address !== undefined && isA ? 1 : 0, 6);
  header.writeUInt32BE(0, 8);
  if (address === undefined || !isA) return Buffer.concat([header, question]);
  const record = Buffer.alloc(16);
  record.writeUInt16BE(0xc000 + headerBytes, 0);
  record.writeUInt16BE(1, 2);
  record.writeUInt16BE(1, 4);
  record.writeUInt32BE(lifeSeconds, 6);
  record.writeUInt16BE(4, 10);
  address.split('.').forEach((part, index) => record.writeUInt8(Number(part), 12 + index));
  return Buffer.concat([header, question, record]);
}
