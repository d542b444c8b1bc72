// npm run mutation                                        an hour or more on two idle cores: every mutant loads the library anew
// npm run mutation -- --mutate 'src/timing/**/*.ts'       only that folder, or that file
// npm run mutation -- --mutate 'src/stores/**/*.ts'       the stores, which have tests of their own kind
// npm run mutation -- --mutate 'src/strategies/**/*.ts'   the same of the strategies, and of src/upstream, src/openai and src/http
// npm run mutation -- --mutate 'src/strategies/uploaders/**/*.ts'   with the tests of test/strategies/uploaders, and of test/strategies itself
// npm run mutation -- --concurrency 4                     as many mutants at a time
// npm run mutation -- --incremental                       only what has changed since the last run of this kind
// MUTATION_SAMPLE=0.1 npm run mutation                    a tenth of the mutants; MUTATION_SEED chooses others
// What it found is in .mutation/report.html.

import { sampleMutants } from './test/mutation/sample.mjs'

const { MUTATION_SAMPLE, MUTATION_SEED = '1' } = process.env
if (MUTATION_SAMPLE !== undefined) await sampleMutants({ part: Number(MUTATION_SAMPLE), seed: MUTATION_SEED })

// Of `src/strategies/uploaders/**`, it is strategies/uploaders. Read by the configuration of the tests, in the processes of the runner.
const [, folder] = /src\/((?:strategies|upstream|openai|http)(?:\/[\w-]+)?)\//.exec(process.argv.join(' ')) ?? []
if (folder !== undefined) process.env.MUTATION_FOLDER = folder

const isMutated = (path) => process.argv.some((argument) => argument.includes(path))
const kind = isMutated('src/stores') ? 'stores' : folder === undefined ? 'vitest' : 'folder'

/** @type {import('@stryker-mutator/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  vitest: { configFile: `test/mutation/${kind}.config.ts`, related: false },
  // Every mutator is on, texts of errors too: what they name is for the user, and tests may hold them to it.
  mutate: ['src/{timing,calling,combinators,pipeline}/**/*.ts'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 10_000,
  timeoutFactor: 3,
  thresholds: { high: 90, low: 80, break: 80 },
  // Stryker would rewrite that file through an API of the compiler that TypeScript 7 does not have; nothing here needs it.
  tsconfigFile: 'none',
  ignorePatterns: ['.mutation', 'dist', 'coverage', 'videos', 'test/*/.venv*', 'test/runtimes/*/', '*.tgz'],
  reporters: ['clear-text', 'progress', 'html', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: '.mutation/report.html' },
  jsonReporter: { fileName: '.mutation/report.json' },
  incrementalFile: '.mutation/incremental.json',
  tempDirName: '.mutation/sandbox',
}
