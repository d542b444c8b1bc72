import { defineConfig } from 'vitest/config'
import ofTests from './vitest.config.ts'

// Of `npm run mutation -- --mutate 'src/stores/**/*.ts'`: the tests of stores that start no process. They replace
// modules of Node, so each file is loaded separately, and the models take too long to be run for every mutant.
export default defineConfig({
  ...ofTests,
  test: {
    ...ofTests.test,
    include: ['test/stores/**/*.test.ts', 'test/pipeline/store.test.ts'],
    exclude: [
      'test/stores/*-processes.test.ts',
      'test/stores/*-model.test.ts',
      'test/stores/sqlite-thread.test.ts',
      'test/stores/sqlite-upgrade.test.ts',
    ],
    setupFiles: ['test/mutation/in-process-worker.ts'],
    isolate: true,
    testTimeout: 20_000,
  },
})
