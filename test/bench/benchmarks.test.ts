import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { BENCHMARKS } from '../../bench/benchmarks.js'
import { ROOT } from '../repository/source-files.js'

const run = promisify(execFile)

// Only whether it works: what it measures so says nothing. They need the built package.
test.each(BENCHMARKS.map(({ name }) => name))(
  'the benchmark %s runs to its end and fills its rows of the table',
  async (name) => {
    const { stdout } = await run(process.execPath, [join(ROOT, 'bench/main.ts'), '--tiny', '--only', name])
    const rows = stdout.split('\n').filter((line) => /^\| \d+b?\. /.test(line))
    expect(stdout).toContain(' 0 benchmarks failed')
    expect(rows.length).toBeGreaterThan(0)
    expect(rows.filter((row) => row.includes('NaN'))).toEqual([])
  },
  300_000,
)

test('an unknown benchmark is refused with the names of those that exist', async () => {
  const failure = await run(process.execPath, [join(ROOT, 'bench/main.ts'), '--tiny', '--only', 'nothing']).catch(
    (error: { readonly stderr: string }) => error.stderr,
  )
  expect(failure).toContain('Could not run, no such benchmark: nothing; give jobs, ')
})
