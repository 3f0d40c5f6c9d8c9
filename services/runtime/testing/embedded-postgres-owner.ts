/**
 * A program that owns an embedded Postgres, for tests that kill its owner: starts it on the data
 * directory given, prints its url, waits to be killed.
 */
import { startEmbeddedPostgres } from '../database/embedded-postgres.ts';

const [, , dataDir = ''] = process.argv;
const server = await startEmbeddedPostgres({ dataDir });
process.stdout.write(`${server.url}\n`);
setInterval(() => undefined, 60_000);
