import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** A minute or more each: begun first, so that none is what everything waits for at the end; the two of chaos apart. */
const longest = [
  'chaos/chaos.broker.test.ts',
  'services/crash.broker.test.ts',
  'services/crash.test.ts',
  'services/cluster.broker.test.ts',
  'chaos/simulation/simulation.test.ts',
  'chaos/protections.broker.test.ts',
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at < 0 ? longest.length : at;
    };
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['{services,machines,schemas,bench,chaos,simulator,evals,console,deploy}/**/*.test.ts'],
    // Starts the broker of the run when the first suite asks for it.
    globalSetup: ['services/runtime/testing/global-setup.ts'],
    sequence: { sequencer: LongestFirst },
    // Processes, not threads: tests start servers and send signals.
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 30_000,
    // The first suite that needs a server pays for its set-up.
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
    // A test that hangs on to the process is a defect; the default reporter prints failures in full.
    reporters: ['default'],
    silent: 'passed-only',
  },
});
