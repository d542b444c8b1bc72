import { fileURLToPath } from 'node:url'
import { mergeConfig } from 'vitest/config'
import type { Reporter } from 'vitest/node'
import base from '../vitest.config.js'
import { LEFT_OUT, NOT_RUN } from './not-run-on-node-22.js'

// Prints what was not run, and fails when that is anything else than what the list has.
const notRun: Reporter = {
  onTestRunEnd(modules) {
    const tests = modules.flatMap((module) =>
      [...module.children.allTests()].map((test) => ({
        name: `${module.relativeModuleId} > ${test.fullName}`,
        isSkipped: test.result().state === 'skipped',
      })),
    )
    const listed = Object.keys(NOT_RUN).filter((name) => modules.some((module) => isOf(module.relativeModuleId, name)))
    // Where what they need is not installed, the titles of others report it; the gate requires all of it.
    const skipped = tests
      .filter(({ isSkipped, name }) => isSkipped && !/skipped: (?:run test\/|install )/.test(name))
      .map(({ name }) => name)
    const lines = skipped.map((name) => `  ${name}: ${NOT_RUN[name] ?? 'NOT LISTED'}`)
    console.log(`left out on Node ${process.versions.node}: ${LEFT_OUT.join(', ')}`)
    console.log(
      [`not run on Node ${process.versions.node}: ${skipped.length} of ${tests.length} tests`, ...lines].join('\n'),
    )
    const unmet = listed.filter((name) => !skipped.includes(name))
    for (const name of unmet) console.log(`  listed, but not skipped: ${name}`)
    if (unmet.length > 0 || skipped.some((name) => NOT_RUN[name] === undefined)) process.exitCode = 1
  },
}

function isOf(file: string, name: string): boolean {
  return name.startsWith(`${file} > `)
}

export default mergeConfig(base, {
  test: {
    reporters: ['default', notRun],
    setupFiles: [fileURLToPath(new URL('skip-on-node-22.ts', import.meta.url))],
    exclude: [...LEFT_OUT],
    coverage: { enabled: false },
  },
})
