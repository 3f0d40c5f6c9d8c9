/**
 * Repairs connections of kafkajs 2.2.4, those of its own clients too. It has one object for all sockets of a connection, one
 * after the other, and does not tell them apart.
 *
 * 1. A socket begins with nothing of an answer. What had come of one when the socket before ended was taken for the beginning
 *    of what the next one brings: no answer was understood any more, for ever, or one ended the process with a RangeError.
 * 2. A socket says nothing after the next one was opened. One that connects late, or is answered for its end, ended the next.
 * 3. A socket whose request got no answer in time is cut, unless a request waits on it that may take longer (a join). Kept, it
 *    was asked again for as long as TCP hopes; and a broker whose first answer, its versions, was late was taken for
 *    connected and never asked again.
 * 4. A broker that does not give its versions is like one that cannot be connected to: another of the list is tried.
 */
import Broker from 'kafkajs/src/broker/index.js';
import { KafkaJSConnectionError } from 'kafkajs/src/errors.js';
import Connection from 'kafkajs/src/network/connection.js';
import type { Socket } from 'node:net';

/** Of the length that every answer begins with. */
const lengthBytes = 4;

const { connectOnce, send } = Connection.prototype;
const { connect } = Broker.prototype;

/** Sockets that are being cut, and when that is done. */
const cuts = new WeakMap<Socket, Promise<unknown>>();

/** Ends a socket with an error; resolves when its connection knows. */
function cut(socket: Socket): Promise<unknown> {
  const begun = cuts.get(socket);
  if (begun !== undefined || socket.destroyed) return begun ?? Promise.resolve();
  const done = new Promise((resolve) => socket.once('close', resolve));
  cuts.set(socket, done);
  socket.destroy(new Error('no answer in time'));
  return done;
}

const nameOf = (caught: unknown): string => (caught instanceof Error ? caught.name : '');

Connection.prototype.connectOnce = function (this: Connection) {
  if (!this.isConnected()) {
    this.socket?.destroy();
    this.chunks = [];
    this.bytesBuffered = 0;
    this.bytesNeeded = lengthBytes;
  }
  return connectOnce.call(this);
};

Connection.prototype.send = async function (this: Connection, protocol) {
  const { socket, requestQueue } = this;
  try {
    return await send.call(this, protocol);
  } catch (caught) {
    const joins = [...requestQueue.inflight.values()].filter((one) => one.requestTimeout > requestQueue.requestTimeout);
    if (nameOf(caught) === 'KafkaJSRequestTimeoutError' && socket !== undefined && joins.length === 0)
      await cut(socket);
    throw caught;
  }
};

Broker.prototype.connect = async function (this: Broker) {
  try {
    await connect.call(this);
  } catch (caught) {
    const isOver = ['KafkaJSRequestTimeoutError', 'KafkaJSConnectionClosedError'].includes(nameOf(caught));
    throw isOver ? new KafkaJSConnectionError('The broker gave no versions', { broker: this.brokerAddress }) : caught;
  }
};
