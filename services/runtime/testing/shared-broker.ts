/**
 * The broker that all suites of a vitest run share. Each keeps to itself by a prefix of its own for
 * topics, groups and transactional ids (`uniquePrefix`). A suite that stops brokers starts its own
 * by `findBroker`.
 */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { inject } from 'vitest';

/** Made by the first suite that wants the broker. */
export const wantedFile = 'wanted';
/** What became of it. */
export const answerFile = 'answer.json';

/** Content of the answer. */
export type BrokerAnswer =
  | { readonly kind: 'configured' | 'redpanda' | 'kafka'; readonly brokers: readonly string[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'failed'; readonly reason: string };

/** The shared broker. */
export interface SharedBroker {
  readonly brokers: readonly string[];
  readonly kind: 'configured' | 'redpanda' | 'kafka';
}

/** Longer than resolving the jars over a slow line and starting. */
const patienceMs = 400_000;
const lookIntervalMs = 50;

/**
 * Waits for the broker, which is started for the first who asks. Undefined: there is none here, skip
 * (`describe.skipIf(broker === undefined)`); the reason was said once. Throws when there must be one (`CI`).
 */
export async function sharedBroker(): Promise<SharedBroker | undefined> {
  const folder = inject('runFolder');
  await writeFile(join(folder, wantedFile), '');
  const deadline = Date.now() + patienceMs;
  while (Date.now() < deadline) {
    const text = await readFile(join(folder, answerFile), 'utf8').catch(() => undefined);
    if (text !== undefined) {
      const answer = JSON.parse(text) as BrokerAnswer;
      if (answer.kind === 'failed') throw new Error(answer.reason);
      return answer.kind === 'none' ? undefined : answer;
    }
    await sleep(lookIntervalMs);
  }
  throw new Error('The search for a broker did not end.');
}

/** A prefix that nobody else has. */
export const uniquePrefix = (): string => `test-${randomBytes(6).toString('hex')}.`;
