import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Bytes on the disk after `npm install` of the packed tarball. */
export interface InstalledSize {
  /** The package itself. */
  readonly own: number
  /** The package with all that it depends on. */
  readonly whole: number
}

export function installedSize(): InstalledSize {
  const pack = ['pack', '--dry-run', '--json', '--ignore-scripts']
  const [packed] = JSON.parse(execFileSync('npm', pack, { cwd: ROOT, stdio: ['ignore', 'pipe', 'ignore'] }).toString())
  const own = Number(packed.unpackedSize)
  const folders = new Set<string>()
  addDependencies(ROOT, folders)
  return { own, whole: [...folders].reduce((total, folder) => total + bytesIn(folder), own) }
}

function addDependencies(folder: string, found: Set<string>): void {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  for (const name of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
    const places = [join(folder, 'node_modules', name), join(ROOT, 'node_modules', name)]
    const place = places.find((directory) => existsSync(join(directory, 'package.json')))
    if (place === undefined || found.has(place)) continue
    found.add(place)
    addDependencies(place, found)
  }
}

function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.slice(folder.length).includes('node_modules'))
    .reduce((total, { parentPath, name }) => total + statSync(join(parentPath, name)).size, 0)
}
