/**
 * The peers' conversation on DBOS: a workflow for each message, named by the message's id, whose one step
 * is a Postgres transaction under the conversation's row lock. Reads
 * `{port, databaseUrl}` from its standard input.
 */
import { createInterface } from 'node:readline';

import { DBOS } from '@dbos-inc/dbos-sdk';

import { patienceMs } from '../conversation.ts';
import { openConversationRows } from './conversation-rows.mjs';
import { serveMessages } from './message-server.mjs';

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { port, databaseUrl } = JSON.parse((await input.next()).value);
const rows = await openConversationRows(databaseUrl, 20);

// Standard output is for the bench.
const logger = { debug() {}, info() {}, warn() {}, error: (...all) => process.stderr.write(`${all.join(' ')}\n`) };
DBOS.setConfig({
  name: 'peers',
  systemDatabaseUrl: databaseUrl,
  systemDatabasePoolSize: 20,
  applicationVersion: '1',
  executorID: 'peer',
  logger,
});

/** A timer that a later message superseded is known by its count. */
const remind = DBOS.registerWorkflow(async (_conversation, _count) => '', { name: 'remind' });

const receiveOne = DBOS.registerWorkflow(
  async (conversation, message) => {
    const { after, reply, setsTimer } = await DBOS.runStep(() => rows.receive(conversation, message), {
      name: 'receive',
    });
    if (setsTimer)
      await DBOS.startWorkflow(remind, {
        workflowID: `timer-${conversation}-${after.count}`,
        queueName: 'timers',
        enqueueOptions: { delaySeconds: patienceMs / 1_000 },
      })(conversation, after.count);
    return reply;
  },
  { name: 'receive' },
);

await DBOS.launch();
await DBOS.registerQueue('timers', { concurrency: 10 });

async function receive(conversation, message) {
  const handle = await DBOS.startWorkflow(receiveOne, { workflowID: message.id })(conversation, message);
  return handle.getResult();
}

await serveMessages(port, { receive, look: rows.look });
process.once('SIGTERM', () => process.exit(0));
