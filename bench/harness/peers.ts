import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const DIRECTORY = fileURLToPath(new URL('../peers/', import.meta.url))
const findPeers = createRequire(join(DIRECTORY, 'package.json')).resolve.paths('peer') ?? []

/** Installs the other libraries in `bench/peers`, at the versions of its lock file. */
export function installPeers(): void {
  const command = ['ci', '--prefix', DIRECTORY, '--no-audit', '--no-fund', '--ignore-scripts']
  console.log('Installing the other libraries: npm ci --prefix bench/peers')
  const { status } = spawnSync('npm', command, { stdio: ['ignore', 'ignore', 'inherit'], shell: false })
  if (status !== 0) throw new Error(`Could not install the other libraries: npm ended with ${status}`)
}

/** Whether they are installed as the lock file has them. */
export function arePeersInstalled(): boolean {
  const installed = statSync(join(DIRECTORY, 'node_modules/.package-lock.json'), { throwIfNoEntry: false })
  return installed !== undefined && installed.mtimeMs >= statSync(join(DIRECTORY, 'package-lock.json')).mtimeMs
}

/** The figure of another library; `undefined` where its measurement fails, which must not end a benchmark of ours. */
export async function unlessItFails<Figure>(
  name: string,
  figure: Promise<Figure>,
  say: (line: string) => void,
): Promise<Figure | undefined> {
  try {
    return await figure
  } catch (error) {
    say(`${name.padEnd(16)} failed: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

/** Whether a file of `bench/peers` can import a package. */
export function hasPeer(name: string): boolean {
  return findPeers.some((directory) => existsSync(join(directory, name, 'package.json')))
}
