import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['./test/scratch-folder.ts'],
    setupFiles: ['./test/property-seed.ts', './test/file-umask.ts'],
    passWithNoTests: false,
    pool: 'forks',
    maxWorkers: 2,
    // What a user of this host has set up for himself is nothing to the tests.
    env: { XDG_CONFIG_HOME: '/nonexistent', LOCUM_DATA_DIR: '/nonexistent', LOCUM_TOKEN: '', LOCUM_CONTEXT: '' },
    // A net for what hangs, not a measure: properties that take a second alone take ten beside a busy neighbour.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 20_000 } },
    // Files share a worker's module graph: loading protobuf, gRPC and validation once per file would double the run.
    isolate: false,
    reporters: ['default', './test/plain-reporter.ts'],
  },
});
