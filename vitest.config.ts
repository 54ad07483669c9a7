import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    passWithNoTests: false,
    pool: 'forks',
    maxWorkers: 2,
    // Files share a worker's module graph: loading protobuf, gRPC and validation once per file would double the run.
    isolate: false,
    reporters: ['default', './test/plain-reporter.ts'],
  },
});
