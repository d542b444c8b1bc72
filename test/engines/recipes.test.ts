import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const FOLDER = join(ROOT, 'examples/queues/engines')
const isSkipped =
  process.env.ENGINES_REQUIRED === undefined && !existsSync(join(FOLDER, 'node_modules/installed-lock.json'))

const title = `the recipes for workflow engines compile with their types${isSkipped ? ' (skipped: run test/engines/setup.sh)' : ''}`

it.skipIf(isSkipped)(
  title,
  async () => {
    const compile = promisify(execFile)(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', FOLDER])
    const { stdout } = await compile.catch((error: { readonly stdout: string }) => error)
    expect(stdout).toBe('')
  },
  120_000,
)
