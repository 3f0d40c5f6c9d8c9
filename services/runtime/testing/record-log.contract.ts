/**
 * The promises of the `RecordLog` port (`log/record-log.ts`), checked on any adapter.
 *
 * A case is a function of a `CaseContext` and throws when a promise is broken, so that it can also
 * be run by hand against an adapter whose protection was taken out, to see that it notices.
 * Nothing here may know which adapter it runs on.
 */
import { afterAll, beforeAll, describe, test } from 'vitest';

import type { CaseContext, ContractCase, Harness, HarnessOptions } from './record-log-cases/case.ts';
import { openContext } from './record-log-cases/case.ts';
import { appendingCases } from './record-log-cases/appending.ts';
import { consumingCases } from './record-log-cases/consuming.ts';
import { ownershipCases } from './record-log-cases/ownership.ts';
import { readingCases } from './record-log-cases/reading.ts';
import { sharingCases } from './record-log-cases/sharing.ts';
import { transactionCases } from './record-log-cases/transactions.ts';

export type { Harness, HarnessOptions } from './record-log-cases/case.ts';

const partitionCount = 4;

/** Every promise, as a case. */
const recordLogCases: readonly ContractCase[] = [
  ...appendingCases,
  ...readingCases,
  ...consumingCases,
  ...transactionCases,
  ...ownershipCases,
  ...sharingCases,
];

/** Runs every case as a vitest suite. `make` is called once; cases keep apart by topic and group names of their own. */
export function recordLogContract(name: string, make: (options: HarnessOptions) => Promise<Harness>): void {
  describe(`RecordLog contract: ${name}`, () => {
    let harness: Harness | undefined;

    beforeAll(async () => {
      harness = await make({ partitionCount });
    }, 180_000);

    afterAll(async () => {
      await harness?.close();
    }, 60_000);

    for (const { name: caseName, run, needs } of recordLogCases)
      test(caseName, { timeout: 240_000 }, async ({ skip }) => {
        if (harness === undefined) throw new Error('no harness');
        skip(needs !== undefined && harness[needs] === undefined, `the harness has no ${needs ?? ''}`);
        await runCase(harness, run);
      });
  });
}

/** Runs the case of that name on a harness of its own, which it closes. Rejects when the case notices a broken promise. */
export async function runContractCase(
  caseName: string,
  make: (options: HarnessOptions) => Promise<Harness>,
): Promise<void> {
  const found = recordLogCases.find((candidate) => candidate.name === caseName);
  if (found === undefined) throw new Error(`no contract case "${caseName}"`);
  const harness = await make({ partitionCount });
  try {
    await runCase(harness, found.run);
  } finally {
    await harness.close();
  }
}

async function runCase(harness: Harness, run: (context: CaseContext) => Promise<void>): Promise<void> {
  const context = openContext(harness);
  try {
    await run(context);
  } finally {
    await context.closeAll();
  }
}
