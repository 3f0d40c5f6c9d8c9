/**
 * Runs once for a vitest run, in its main process: one broker for all suites that ask for one,
 * started when the first of them does. They ask and are answered through files of a folder
 * (`shared-broker.ts`), because suites are processes of their own.
 */
import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { findBroker, type Broker } from '../components/broker.ts';
import { answerFile, wantedFile, type BrokerAnswer } from './shared-broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Folder of the run: suites ask for the broker through it, and share what is made once. */
    runFolder: string;
  }
}

const lookIntervalMs = 50;

/** Begins to listen for suites that want the broker; resolves with what ends everything. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'prosa-test-run-'));
  // Programs that tests start share what Node makes of the sources: half of the work of a start.
  process.env['NODE_COMPILE_CACHE'] ??= join(folder, 'compiled');
  project.provide('runFolder', folder);
  let finding: Promise<Broker | undefined> | undefined;
  const looking = setInterval(() => {
    if (!existsSync(join(folder, wantedFile))) return;
    clearInterval(looking);
    finding = find(folder);
  }, lookIntervalMs);
  return async () => {
    clearInterval(looking);
    await (await finding)?.stop();
    await rm(folder, { recursive: true, force: true });
  };
}

async function find(folder: string): Promise<Broker | undefined> {
  try {
    const broker = await findBroker({ environment: process.env, progress: say });
    if (broker === undefined)
      say('NO BROKER: no KAFKA_BROKERS, no Docker image, no Java with Maven. BROKER SUITES ARE SKIPPED.');
    await answer(folder, broker === undefined ? { kind: 'none' } : { kind: broker.kind, brokers: broker.brokers });
    return broker;
  } catch (caught) {
    await answer(folder, { kind: 'failed', reason: String(caught) });
    return undefined;
  }
}

/** Written whole or not at all. */
async function answer(folder: string, content: BrokerAnswer): Promise<void> {
  await writeFile(join(folder, 'draft'), JSON.stringify(content));
  await rename(join(folder, 'draft'), join(folder, answerFile));
}

function say(line: string): void {
  process.stderr.write(`\n${line}\n`);
}
