/**
 * The peers' conversation on BullMQ: a job for each message, a lock for each conversation and its session
 * in Redis, conversations, replies and audit in Postgres. The design that Prosa's forerunners had, made
 * correct: a session that a crash left behind is not believed. Reads
 * `{port, redisPort, databaseUrl, concurrency, detectionMs}` from its standard input.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';

import { Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';

import { patienceMs } from '../conversation.ts';
import { openConversationRows } from './conversation-rows.mjs';
import { serveMessages } from './message-server.mjs';

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { port, redisPort, databaseUrl, concurrency, detectionMs } = JSON.parse((await input.next()).value);
const connection = { host: '127.0.0.1', port: redisPort, maxRetriesPerRequest: null };
const redis = new Redis(connection);
const rows = await openConversationRows(databaseUrl, 20);
const queue = new Queue('messages', { connection });
const sessionSeconds = 7 * 24 * 3_600;
/** What is done stays known for as long as a provider may repeat it, as far as memory goes. */
const kept = { age: 6 * 3_600, count: 200_000 };

redis.defineCommand('unlock', {
  numberOfKeys: 1,
  lua: `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end`,
});

async function locked(conversation, owner, work) {
  const key = `lock:${conversation}`;
  while ((await redis.set(key, owner, 'PX', detectionMs, 'NX')) === null) await sleep(10);
  try {
    return await work();
  } finally {
    await redis.unlock(key, owner);
  }
}

async function process_({ name, data }) {
  // A timer that a later message superseded is known by its count.
  if (name === 'timer') return '';
  const { conversation } = data;
  return locked(conversation, data.id, async () => {
    const session = await redis.get(`session:${conversation}`);
    const { after, reply, setsTimer } = await rows.receive(
      conversation,
      data,
      session === null ? undefined : JSON.parse(session),
    );
    await redis.set(`session:${conversation}`, JSON.stringify(after), 'EX', sessionSeconds);
    if (setsTimer)
      await queue.add(
        'timer',
        { conversation, count: after.count },
        { delay: patienceMs, jobId: `timer-${conversation}-${after.count}` },
      );
    return reply;
  });
}

const worker = new Worker('messages', process_, {
  connection,
  concurrency,
  lockDuration: detectionMs,
  stalledInterval: detectionMs,
  removeOnComplete: kept,
});
/** Who waits for a job's result here. */
const waiting = new Map();
worker.on('completed', ({ id }, reply) => waiting.get(id)?.(reply));
worker.on('error', () => undefined);
await worker.waitUntilReady();

async function receive(conversation, { id, text }) {
  const result = Promise.withResolvers();
  waiting.set(id, result.resolve);
  // A message that is repeated may be done already, or be done by the job that a dead worker left.
  const look = setInterval(() => {
    void Job.fromId(queue, id).then((job) => {
      if (job?.finishedOn !== undefined && typeof job.returnvalue === 'string') result.resolve(job.returnvalue);
    });
  }, 500);
  try {
    await queue.add('message', { conversation, id, text }, { jobId: id });
    return await result.promise;
  } finally {
    clearInterval(look);
    waiting.delete(id);
  }
}

await serveMessages(port, { receive, look: rows.look });
process.once('SIGTERM', () => process.exit(0));
