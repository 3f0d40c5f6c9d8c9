// Goal: as grow.test.ts, from outside and with the log on a real broker: a program is stopped, grown by the
// command line, which is killed once, twice, and started with a conversation that goes on where it was.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { describe, expect, test } from 'vitest';

import { eventually } from '#runtime/testing/person.ts';
import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';

import { Program } from '../testing/program.ts';

const broker = await sharedBroker();
const commandLine = new URL('../prosa/main.ts', import.meta.url).pathname;
const phone = '5511999990077';

interface Topics {
  readonly items: readonly { readonly groups: readonly { readonly lag: number }[] }[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the tool says it did. */
async function grown(options: readonly string[], env: Environment): Promise<unknown> {
  const all = [commandLine, 'topics', 'grow', '--json', ...options];
  const { stdout } = await promisify(execFile)(process.execPath, all, { env, timeout: 60_000 });
  return JSON.parse(stdout);
}

/** Runs the tool and kills it when it says that it is about to do something. */
async function killedAt(about: RegExp, options: readonly string[], env: Environment): Promise<void> {
  const child = spawn(process.execPath, [commandLine, 'topics', 'grow', ...options], { env, timeout: 60_000 });
  const gone = once(child, 'exit');
  for await (const line of createInterface({ input: child.stderr })) if (about.test(line)) child.kill('SIGKILL');
  expect(await gone).toEqual([null, 'SIGKILL']);
}

describe.skipIf(broker === undefined)('a log on a broker', () => {
  test('gets more partitions twice, and a conversation goes on', { timeout: 240_000 }, async () => {
    const environment = {
      KAFKA_BROKERS: broker?.brokers.join(',') ?? '',
      KAFKA_TOPIC_PREFIX: uniquePrefix(),
      KAFKA_SESSION_TIMEOUT_MS: '6000',
      PROSA_PARTITIONS: '3',
    };
    const program = await Program.start(environment);
    try {
      const received = () => program.phone(phone);
      await program.says(phone, 'Oi');
      await program.says(phone, 'sim');
      const before = await eventually(received, (items) => items.length >= 2, 60_000);
      // What one service does is another's to read: nothing is left when nothing was for a while.
      let looks = 0;
      await eventually(
        async () => {
          const { items } = (await program.api('GET', '/v1/topics')).body as Topics;
          await sleep(300);
          return (looks = items.every(({ groups }) => groups.every(({ lag }) => lag === 0)) ? looks + 1 : 0);
        },
        (calm) => calm === 6,
        90_000,
      );
      await program.end();
      const env = { PATH: process.env['PATH'], PROSA_DATA_DIR: program.dataDir, ...environment };
      await killedAt(/holding/, ['--partitions', '5'], env);
      expect(await grown(['--partitions', '5'], env)).toMatchObject({ to: { number: 2, partitionCount: 5 } });
      expect(await grown(['--partitions', '7'], env)).toMatchObject({ to: { number: 3, partitionCount: 7 } });
      await program.start();
      await program.says(phone, 'Maria da Silva');
      const after = await eventually(received, (items) => items.length > before.length, 60_000);
      const ids = after.map(({ id }) => id);
      expect(before.every(({ id }) => ids.includes(id))).toBe(true);
      expect(after.some(({ text }) => text.includes('Maria'))).toBe(true);
    } finally {
      await program.close();
    }
  });
});
