import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface SourceFile {
  /** From the folder that was listed, with forward slashes, such as `timing/retry.ts`. */
  readonly path: string
  readonly text: string
}

/** Every TypeScript file under a folder of the repository, in order, except in folders that begin with a dot. */
export function typeScriptFiles(folder: string): readonly SourceFile[] {
  return pathsIn(folder)
    .filter((path) => path.endsWith('.ts'))
    .map((path) => ({ path, text: readFileSync(join(ROOT, folder, path), 'utf8') }))
    .sort((a, b) => (a.path < b.path ? -1 : 1))
}

// Folders that begin with a dot are made by tests and set-ups, and removed while other tests read.
function pathsIn(folder: string): readonly string[] {
  const entries = readdirSync(join(ROOT, folder), { withFileTypes: true }).filter(({ name }) => !name.startsWith('.'))
  return entries.flatMap((entry) => {
    if (!entry.isDirectory()) return [entry.name]
    return pathsIn(join(folder, entry.name)).map((path) => `${entry.name}/${path}`)
  })
}

/** The code without its comments; a comment that follows code on its line stays. */
export function withoutComments(text: string): string {
  return text.replaceAll(/^\s*\/\*[\s\S]*?\*\//gm, '').replaceAll(/^\s*\/\/.*$/gm, '')
}

/** What a file imports, re-exports or imports on the way, types included: the texts after `from`. */
export function importsOf(text: string): readonly string[] {
  const code = withoutComments(text)
  const patterns = [
    /^(?:import|export)\b[^'"`;]*?\bfrom\s*'([^'\n]+)'/gm,
    /^import\s*'([^'\n]+)'/gm,
    /\bimport\(\s*'([^'\n]+)'/g,
  ]
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].map((match) => match[1] ?? ''))
}

/** Path of an imported file, from the same folder as `path`; `undefined` for a package. */
export function resolveImport(path: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  return join(path, '..', specifier).replaceAll('\\', '/').replace(/\.js$/, '.ts')
}

/** The names that an entry file exports, by hand-written lists. */
export function exportedNames(text: string): { readonly values: readonly string[]; readonly types: readonly string[] } {
  const values: string[] = []
  const types: string[] = []
  for (const [, isType, list = ''] of withoutComments(text).matchAll(/export (type )?\{([^}]*)\}/g)) {
    for (const entry of list.split(',').map((name) => name.trim())) {
      const name = entry.replace(/^type /, '').replace(/^.* as /, '')
      if (name !== '') (isType || entry.startsWith('type ') ? types : values).push(name)
    }
  }
  return { values: values.sort(), types: types.sort() }
}
