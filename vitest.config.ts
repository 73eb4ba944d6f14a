import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts'],
    pool: 'forks',
    maxWorkers: 2,
    execArgv: ['--import', './src/imports.ts'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
