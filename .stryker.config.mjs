// npm run mutation                                        an hour or more on two idle cores: every mutant loads the library anew
// npm run mutation -- --mutate 'src/timing/**/*.ts'       only that folder, or that file
// npm run mutation -- --mutate 'src/stores/**/*.ts'       the stores, which have tests of their own kind
// npm run mutation -- --concurrency 4                     as many mutants at a time
// npm run mutation -- --incremental                       only what has changed since the last run of this kind
// What it found is in .mutation/report.html.

const isOfStores = process.argv.some((argument) => argument.includes('src/stores'))

/** @type {import('@stryker-mutator/core').PartialStrykerOptions} */
export default {
  testRunner: 'vitest',
  vitest: { configFile: `test/mutation/${isOfStores ? 'stores' : 'vitest'}.config.ts`, related: false },
  // Every mutator is on, texts of errors too: what they name is for the user, and tests may hold them to it.
  mutate: ['src/{timing,calling,combinators,pipeline}/**/*.ts'],
  coverageAnalysis: 'perTest',
  concurrency: 2,
  timeoutMS: 10_000,
  timeoutFactor: 3,
  thresholds: { high: 90, low: 80, break: 80 },
  // Stryker would rewrite that file through an API of the compiler that TypeScript 7 does not have; nothing here needs it.
  tsconfigFile: 'none',
  ignorePatterns: ['.mutation', 'dist', 'coverage', 'videos', 'test/*/.venv*', '*.tgz'],
  reporters: ['clear-text', 'progress', 'html', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: '.mutation/report.html' },
  jsonReporter: { fileName: '.mutation/report.json' },
  incrementalFile: '.mutation/incremental.json',
  tempDirName: '.mutation/sandbox',
}
