import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest: begun first, so that no worker is left alone with one in the end. */
const longest = ['isolation', 'security/proofs', 'start', 'restart', 'examples.browser', 'features/avatar', 'features/idp.saml'];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => {
      const found = longest.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`));
      return found === -1 ? longest.length : found;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres.ts'],
    setupFiles: ['test/support/setup.ts'],
    pool: 'forks',
    // What a file leaves behind is its server's, which it closes: the next one need not load everything again.
    isolate: false,
    // One more than a small machine has cores: much of the time goes into waiting for Postgres.
    maxWorkers: Math.max(3, availableParallelism()),
    execArgv: ['--import', './src/imports.mjs'],
    testTimeout: 60_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
  },
});
