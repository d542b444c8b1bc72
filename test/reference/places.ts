import type { Declared } from './parsed-source.ts'
import type { EntryPoint } from './public-names.ts'

/** Where a declaration is described. */
export interface Place {
  /** Name of the page, without `.md`. */
  readonly page: string
  readonly entry: EntryPoint
  readonly name: string
  readonly declared: Declared
}

/** The page of each exported declaration: the first entry point that exports it, or the page of its subject. */
export function placesOf(entries: readonly EntryPoint[]): ReadonlyMap<Declared, Place> {
  const places = new Map<Declared, Place>()
  for (const entry of entries) {
    for (const [name, declared] of entry.names) {
      if (places.has(declared)) continue
      places.set(declared, { page: subjectPage(declared, name) ?? entry.page, entry, name, declared })
    }
  }
  return places
}

function subjectPage({ file: { path }, node }: Declared, name: string): string | undefined {
  if (path === 'contracts/events.ts') return 'events'
  if (path === 'contracts/request.ts') return 'request'
  const isError = node.type === 'ClassDeclaration' && name.endsWith('Error')
  return isError || name === 'ErrorCode' || name.endsWith('ErrorOptions') ? 'errors' : undefined
}

/** Anchors of headings as GitHub and npm make them: of two that read alike, the second one is numbered. */
export class Anchors {
  readonly #counts = new Map<string, number>()
  readonly #byKey = new Map<string, string>()

  /** Adds a heading, in the order of the page. */
  add(heading: string, key = heading): void {
    const base = heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-')
    const count = this.#counts.get(base) ?? 0
    this.#counts.set(base, count + 1)
    this.#byKey.set(key, count === 0 ? base : `${base}-${count}`)
  }

  of(key: string): string | undefined {
    return this.#byKey.get(key)
  }
}
