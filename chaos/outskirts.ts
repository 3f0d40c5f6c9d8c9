/**
 * What lies around: the server that photos are at, and the endpoint that the tenant wants to be told at. Either
 * is away now and then, and knows who asked for what.
 */
import { createHash } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Post } from './history.ts';

const photoBytes = 4_096;
const jpegBegins = Buffer.from('ffd8ffe0', 'hex');

/** The photo of a message: always the same, and like no other. */
export function photoOf(message: string): Buffer {
  const filled = Buffer.alloc(photoBytes, createHash('sha256').update(message).digest());
  return Buffer.concat([jpegBegins, filled]);
}

/** A server on the loopback. */
export class Outskirts {
  /** Of a hundred first requests for a photo, and first posts of an event, those that are refused, and those that are cut. */
  awayPercent = 10;
  readonly posts: Post[] = [];
  readonly #server: Server;
  readonly #known = new Set<string>();

  private constructor() {
    this.#server = createServer(
      (request, response) => void this.#answer(request, response).catch(() => request.destroy()),
    );
  }

  static async open(): Promise<Outskirts> {
    const outskirts = new Outskirts();
    await new Promise<void>((resolve) => outskirts.#server.listen(0, '127.0.0.1', resolve));
    return outskirts;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Where the photo of a message is. */
  photoUrl(message: string): string {
    return `${this.url}/photos/${message}.jpg`;
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { url = '/', headers } = request;
    const of = `${url} ${String(headers['webhook-id'] ?? '')}`;
    if (this.#turnsAway(of, response)) return;
    const [, photo] = /^\/photos\/(\w+)\.jpg$/.exec(url) ?? [];
    if (photo !== undefined) {
      response.writeHead(200, { 'content-type': 'image/jpeg' }).end(photoOf(photo));
      return;
    }
    const { type, data } = JSON.parse(Buffer.concat(chunks).toString()) as {
      readonly type: string;
      readonly data: { readonly eventId: string };
    };
    this.posts.push({ id: String(headers['webhook-id']), type, eventId: data.eventId });
    response.writeHead(204).end();
  }

  /** The first time only: what is asked again is answered. */
  #turnsAway(of: string, response: ServerResponse): boolean {
    if (this.#known.has(of)) return false;
    this.#known.add(of);
    // By what is asked for, so that a seed decides.
    const chance = createHash('sha256').update(of).digest().readUInt16BE(0) % 100;
    if (chance >= 2 * this.awayPercent) return false;
    if (chance < this.awayPercent) response.destroy();
    else response.writeHead(503).end();
    return true;
  }
}
