import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['{services,machines,schemas,bench,chaos,simulator,evals,console,deploy}/**/*.test.ts'],
    // Starts the broker of the run when the first suite asks for it.
    globalSetup: ['services/runtime/testing/global-setup.ts'],
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
