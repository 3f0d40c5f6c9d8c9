/**
 * Repairs every connection of kafkajs 2.2.4, its own clients' too. What had come of an answer when a socket ended is kept
 * there (`connection.js`) and taken for the beginning of what the next socket brings: from then on no answer is understood,
 * for ever, or one of them ends the process with a RangeError. Here each socket begins with nothing.
 */
import Connection from 'kafkajs/src/network/connection.js';

/** Of the length that every answer begins with. */
const lengthBytes = 4;

const { prototype } = Connection;
const connectOnce: (this: Connection) => Promise<boolean> = prototype.connectOnce;

prototype.connectOnce = function (this: Connection) {
  this.chunks = [];
  this.bytesBuffered = 0;
  this.bytesNeeded = lengthBytes;
  return connectOnce.call(this);
};
