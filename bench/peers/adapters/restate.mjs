/**
 * The peers' conversation as a Restate virtual object: its key is the conversation, its state Restate's,
 * one invocation at a time by Restate's own queue. A reply is the invocation's result, kept under the
 * idempotency key of its message. Reads `{port}` from its standard input.
 */
import { createInterface } from 'node:readline';

import * as restate from '@restatedev/restate-sdk';

import { fresh, patienceMs, step } from '../conversation.ts';

const input = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { port } = JSON.parse((await input.next()).value);
const name = 'Conversation';

const conversation = restate.object({
  name,
  handlers: {
    receive: async (ctx, { text }) => {
      const before = (await ctx.get('conversation')) ?? fresh;
      const { after, reply, setsTimer } = step(before, text);
      ctx.set('conversation', after);
      // A later timer takes the place of an earlier one: the earlier is known by its count when it comes.
      if (setsTimer)
        ctx.genericSend({
          service: name,
          method: 'remind',
          key: ctx.key,
          parameter: { count: after.count },
          inputSerde: restate.serde.json,
          delay: patienceMs,
        });
      return reply;
    },
    remind: async (ctx, { count }) => {
      const now = await ctx.get('conversation');
      return now?.count === count ? 'Are you there?' : '';
    },
    look: restate.handlers.object.shared(async (ctx) => (await ctx.get('conversation')) ?? fresh),
  },
});

// Standard output is for the bench.
const logger = ({ level }, ...all) => {
  if (level === 'error') process.stderr.write(`${all.join(' ')}\n`);
};
await restate.serve({ services: [conversation], port, logger });
process.stdout.write(`${JSON.stringify({ event: 'ready' })}\n`);
process.once('SIGTERM', () => process.exit(0));
