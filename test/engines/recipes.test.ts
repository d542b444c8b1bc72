import { execFile } from 'node:child_process'
import { cpSync, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'

const ROOT = join(import.meta.dirname, '../..')
const isSkipped =
  process.env.ENGINES_REQUIRED === undefined &&
  !existsSync(join(import.meta.dirname, 'node_modules/installed-lock.json'))

const title = `the recipes for workflow engines compile with their types${isSkipped ? ' (skipped: run test/engines/setup.sh)' : ''}`

it.skipIf(isSkipped)(
  title,
  async () => {
    // A copy, because an import is looked up in the folders above its file, and the engines are installed here.
    const copies = join(import.meta.dirname, '.recipes')
    rmSync(copies, { recursive: true, force: true })
    cpSync(join(ROOT, 'examples/queues/engines'), copies, { recursive: true })
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
    const compile = promisify(execFile)(process.execPath, [compiler, '-p', import.meta.dirname])
    const { stdout } = await compile.catch((error: { readonly stdout: string }) => error)
    expect(stdout).toBe('')
  },
  120_000,
)
