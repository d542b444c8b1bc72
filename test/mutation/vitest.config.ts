import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import ofTests from '../vitest.config.ts'

const FOLDERS = ['timing', 'calling', 'combinators', 'pipeline', 'simulation']

// A mutant is done with at its first failed test: those that are quick and say most come first.
class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      FOLDERS.findIndex((folder) => moduleId.includes(`/test/${folder}/`))
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

// Of `npm run mutation`: the tests of what is mutated that need no socket and no process, as each is run hundreds
// of times.
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  ...(ofTests.resolve && { resolve: ofTests.resolve }),
  test: {
    include: FOLDERS.map((folder) => `test/${folder}/**/*.test.ts`),
    // It starts processes.
    exclude: ['test/pipeline/large-media.test.ts'],
    env: { SIMULATION_SEEDS: '10', HANGING_SEEDS: '20', BROKEN_STATES: '200' },
    // The library is loaded once a mutant, not once a file.
    isolate: false,
    sequence: { sequencer: QuickFirst },
    // Many a mutant hangs. Nothing here that does not say so takes a tenth of this on an idle machine.
    testTimeout: 5000,
    restoreMocks: true,
  },
})
