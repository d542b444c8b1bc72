type Part = { readonly load: () => Promise<unknown>; isLoaded: boolean }

const parts = new Set<Part>()
const loadingParts = new Set<Promise<unknown>>()

/**
 * A part of the library that is expensive to load. It is loaded on first use, and at the latest by {@link loadParts} before a run
 * submits anything. A file that is missing, such as after a deploy over a running process, so cannot cost a paid job.
 *
 * @param partNow - The part, if it can be loaded in this turn.
 */
export function lazyPart<T>(importPart: () => Promise<T>, partNow?: () => T | undefined): () => Promise<T> {
  let loading: Promise<T> | undefined
  const load = () => {
    loading ??=
      loadedNow() ??
      counted(
        importPart().then(
          (loaded) => {
            part.isLoaded = true
            return loaded
          },
          (error: unknown) => {
            loading = undefined
            throw error
          },
        ),
      )
    return loading
  }
  const loadedNow = () => {
    const now = partNow?.()
    if (now === undefined) return undefined
    part.isLoaded = true
    return Promise.resolve(now)
  }
  const part: Part = { load, isLoaded: false }
  parts.add(part)
  return load
}

/** Loads the parts of all modules in use. Rejects with the reason if a part cannot be loaded. */
export async function loadParts(): Promise<void> {
  const missing = [...parts].filter(({ isLoaded }) => !isLoaded)
  await Promise.all(missing.map(({ load }) => load()))
}

/** Resolves when no part is being loaded; a clock of a test waits for that before it moves time. */
export async function partsSettled(): Promise<void> {
  while (loadingParts.size > 0) await Promise.allSettled(loadingParts)
}

function counted<T>(loading: Promise<T>): Promise<T> {
  loadingParts.add(loading)
  const settled = () => loadingParts.delete(loading)
  loading.then(settled, settled)
  return loading
}
