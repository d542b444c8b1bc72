import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../repository/source-files.ts'
import { type Declared, fileOf, type Origin, type ParsedFile } from './parsed-source.ts'

/** An entry point of the package and what it exports, in the order of the entry file. */
export interface EntryPoint {
  /** As it is imported, such as `sora-pipeline/http`. */
  readonly specifier: string
  /** Name of its page, such as `http`. */
  readonly page: string
  readonly names: ReadonlyMap<string, Declared>
}

/** The entry points that package.json lists, the main one first. */
export function entryPoints(): readonly EntryPoint[] {
  const { name, exports } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly exports: Readonly<Record<string, unknown>>
  }
  return Object.keys(exports)
    .filter((subpath) => subpath !== './package.json')
    .map((subpath) => {
      const folder = subpath.slice(2)
      const path = folder === '' ? 'index.ts' : `${folder}/index.ts`
      return {
        specifier: folder === '' ? name : `${name}/${folder}`,
        page: folder === '' ? name : folder.replaceAll('/', '-'),
        names: exportsOf(fileOf(path)),
      }
    })
}

/** What a name in a file stands for; `undefined` for a name of a package or a global. */
export function lookup(file: ParsedFile, name: string): Declared | undefined {
  return file.declared.get(name) ?? resolve(file.imports.get(name))
}

function exportsOf(file: ParsedFile): ReadonlyMap<string, Declared> {
  return new Map(
    [...file.reexports].map(([name, origin]) => {
      const declared = resolve(origin)
      if (!declared) throw new Error(`Could not find what src/${file.path} exports: ${name}`)
      return [name, declared] as const
    }),
  )
}

function resolve(origin: Origin | undefined): Declared | undefined {
  if (origin?.path === undefined) return undefined
  const file = fileOf(origin.path)
  return file.declared.get(origin.name) ?? resolve(file.reexports.get(origin.name))
}
