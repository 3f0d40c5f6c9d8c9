/**
 * The peer of the sender: undici alone, which posts the same bodies to the same server over as many
 * connections as the sender has, in the order in which they came.
 *
 * Reads a `BarePosts` from the first line of its standard input and writes a line; posts at the next one
 * that it is given, and says when it has.
 */
import { createInterface } from 'node:readline';

import { Pool } from 'undici';

import { providerHttpDefaults } from '#runtime/net/adapters/provider-http.ts';

import type { BarePosts } from '../sending.ts';

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { url, path, token, bodies } = JSON.parse((await input.next()).value ?? '') as BarePosts;
const connections = providerHttpDefaults.connectionsPerServer;
const pool = new Pool(url, { connections, pipelining: 1 });
const headers = { accept: 'application/json', 'content-type': 'application/json', authorization: `Bearer ${token}` };
const buffers = bodies.map((body) => Buffer.from(body));
process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);

/** Posts those from `from` to before `to`. */
async function post(from: number, to: number): Promise<void> {
  let at = from;
  const loop = async (): Promise<void> => {
    for (let i = at++; i < to; i = at++) {
      const answer = await pool.request({ method: 'POST', path, headers, body: buffers[i] ?? null });
      await answer.body.json();
    }
  };
  await Promise.all(Array.from({ length: connections }, loop));
}

const warmUps = Math.floor(buffers.length / 6);
await input.next();
await post(0, warmUps);
process.stdout.write(`${JSON.stringify({ event: 'warm' })}\n`);
await input.next();
await post(0, buffers.length);
process.stdout.write(`${JSON.stringify({ event: 'done' })}\n`);
await pool.close();
process.stdin.destroy();
