import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const run = promisify(execFile)
const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const PYTHON = pathOf('.venv/bin/python')

/** Whether tests with Python are left out: `setup.sh` has not been run, and nothing requires them. */
export const isPythonLeftOut = !existsSync(PYTHON) && process.env.PYTHON_CLIENTS_REQUIRED !== '1'

/** The title of such tests, which reports it when they are left out. */
export function pythonTitle(title: string): string {
  if (!isPythonLeftOut) return title
  console.warn(`skipped: ${title}; run test/python/setup.sh`)
  return `${title} (skipped: run test/python/setup.sh)`
}

/** Runs Python code in the environment of `setup.sh`, and gives what it prints. */
export async function runPython(code: string, ...parameters: readonly string[]): Promise<string> {
  return python('-c', code, ...parameters)
}

/** The outcome of a command of `openai_client.py`, with the options of the client. */
export async function callOpenAi(
  command: 'videos' | 'chat' | 'errors' | 'refusals' | 'create' | 'ask',
  options: Readonly<Record<string, unknown>>,
  ...parameters: readonly string[]
): Promise<unknown> {
  return JSON.parse(await python(pathOf('openai_client.py'), command, JSON.stringify(options), ...parameters))
}

async function python(...parameters: readonly string[]): Promise<string> {
  if (!existsSync(PYTHON)) throw new Error('Could not run Python: run test/python/setup.sh first')
  // A proxy of the machine is not to stand between the client and loopback.
  const env = { ...process.env, NO_PROXY: '*', no_proxy: '*' }
  const { stdout } = await run(PYTHON, parameters, { env, timeout: 60_000 })
  return stdout
}
