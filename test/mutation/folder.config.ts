import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import ofTests from './vitest.config.ts'

// Of `npm run mutation -- --mutate 'src/strategies/**/*.ts'`, and of `src/upstream`, `src/openai` and `src/http`: the tests of that
// folder, with servers on loopback. They replace modules of Node and the platform's fetch, so each file is loaded separately.
const folder = process.env.MUTATION_FOLDER ?? 'strategies'

// They take longest, so they come last: a mutant is done with at its first failed test.
const SLOW =
  /google-drive-(?:failures|recovery|conformance)|url2drive-(?:sandbox|trouble)|find-videos|chat-completions-stream/

class SlowLast extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) => Number(SLOW.test(moduleId))
    return files.toSorted((a, b) => rank(a) - rank(b) || (a.moduleId < b.moduleId ? -1 : 1))
  }
}

export default defineConfig({
  ...ofTests,
  test: {
    ...ofTests.test,
    // Those of the strategies themselves hold every one to what all have in common, such as what their options are refused with.
    include: [
      `test/${folder}/**/*.test.ts`,
      ...(folder.startsWith('strategies/') ? ['test/strategies/*.test.ts'] : []),
    ],
    // Those that measure memory, move gigabytes, or start processes and clients of others.
    exclude: [
      'test/strategies/**/*-memory.test.ts',
      'test/strategies/**/broken-gigabyte.test.ts',
      'test/http/clients/**',
      'test/http/node/{frameworks,http2}.test.ts',
    ],
    env: { ...ofTests.test?.env, SLOWED: '10' },
    isolate: true,
    sequence: { sequencer: SlowLast },
    testTimeout: 60_000,
  },
})
