import { Socket } from 'node:net';

/** What is called when a chunk was written, or could not be. */
type Written = (error?: Error | null) => void;

/** A socket that writes what one turn of the event loop gives it in one system call. */
export class GatheringSocket extends Socket {
  #gathering = false;

  override write(chunk: Uint8Array | string, written?: Written): boolean;
  override write(chunk: Uint8Array | string, encoding?: BufferEncoding, written?: Written): boolean;
  override write(chunk: Uint8Array | string, encoding?: BufferEncoding | Written, written?: Written): boolean {
    if (!this.#gathering) {
      this.#gathering = true;
      this.cork();
      process.nextTick(() => {
        this.#gathering = false;
        this.uncork();
      });
    }
    return typeof encoding === 'function' ? super.write(chunk, encoding) : super.write(chunk, encoding, written);
  }
}
