import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What `setup.sh` installs. */
export type Runtime = 'bun' | 'deno' | 'workerd' | 'jest' | 'node-22.12'

const pathOf = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The program of a runtime. */
export function executableOf(runtime: Runtime): string {
  const path = pathOf(`${runtime}/node_modules/.bin/${runtime === 'node-22.12' ? 'node' : runtime}`)
  if (!existsSync(path)) throw new Error(`Could not run ${runtime}: run test/runtimes/setup.sh first`)
  return path
}

/** Whether tests with a runtime are left out: `setup.sh` has not been run, and they are not required. */
export function isLeftOut(runtime: Runtime): boolean {
  return !existsSync(pathOf(`${runtime}/node_modules/.installed.json`)) && process.env.RUNTIMES_REQUIRED !== '1'
}

/** The title of such tests, which reports that they are left out. */
export function runtimeTitle(runtime: Runtime, title: string): string {
  if (!isLeftOut(runtime)) return title
  console.warn(`skipped: ${title}; run test/runtimes/setup.sh`)
  return `${title} (skipped: run test/runtimes/setup.sh)`
}
