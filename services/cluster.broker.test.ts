// Goal: the same works with one process per service on a real broker.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from 'vitest';

import { sharedBroker, uniquePrefix } from '#runtime/testing/shared-broker.ts';

import { newcomerCases } from './newcomer.cases.ts';
import { Program } from './testing/program.ts';

const broker = await sharedBroker();

describe.skipIf(broker === undefined)('the cluster', () => {
  const cluster = {
    KAFKA_BROKERS: broker?.brokers.join(',') ?? '',
    KAFKA_TOPIC_PREFIX: uniquePrefix(),
    KAFKA_SESSION_TIMEOUT_MS: '6000',
  };
  let program: Program;
  newcomerCases(async (environment) => {
    program = await Program.start({ ...environment, ...cluster }, 'cluster.ts');
    return program;
  });

  test('keeps its tables apart from those of `npm start`, whose log is another', () => {
    const folders = [join('cluster', 'postgres'), 'postgres'];
    expect(folders.map((folder) => existsSync(join(program.dataDir, folder)))).toEqual([true, false]);
  });

  test('holds WhatsApp sessions too where the packages for it are installed, and says so where they are not', async () => {
    const packages = new URL('./baileys-gateway/packages/node_modules/baileys', import.meta.url);
    expect(program.output).toMatch(
      existsSync(packages) ? /^baileys-gateway .*listening/m : /gateway is not started: its packages are not installed/,
    );
  });
});
