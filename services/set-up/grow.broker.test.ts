// Goal: as grow.test.ts, from outside and with the log on a real broker: a program is stopped, grown by the
// command line, and started with a conversation that goes on where it was.
import { execFile } from 'node:child_process';
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

describe.skipIf(broker === undefined)('a log on a broker', () => {
  test('gets more partitions, and a conversation goes on', { timeout: 240_000 }, async () => {
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
      await eventually(
        async () => (await program.api('GET', '/v1/topics')).body as Topics,
        ({ items }) => items.every(({ groups }) => groups.every(({ lag }) => lag === 0)),
        60_000,
      );
      await program.end();
      const { stdout } = await promisify(execFile)(
        process.execPath,
        [commandLine, 'topics', 'grow', '--partitions', '5', '--json'],
        { env: { PATH: process.env['PATH'], PROSA_DATA_DIR: program.dataDir, ...environment }, timeout: 60_000 },
      );
      expect(JSON.parse(stdout)).toMatchObject({ to: { number: 2, partitionCount: 5 } });
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
