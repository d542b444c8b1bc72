type Part = { readonly load: () => Promise<unknown>; isLoaded: boolean }

const parts = new Set<Part>()

/**
 * A part of the library that is expensive to load: when it is first needed, and at the latest by {@link loadParts}, before a run
 * submits anything. So a file that is missing, such as after a deploy over a running process, cannot cost a paid job.
 */
export function lazyPart<T>(importPart: () => Promise<T>): () => Promise<T> {
  let loading: Promise<T> | undefined
  const load = () => {
    loading ??= importPart().then(
      (loaded) => {
        part.isLoaded = true
        return loaded
      },
      (error: unknown) => {
        loading = undefined
        throw error
      },
    )
    return loading
  }
  const part: Part = { load, isLoaded: false }
  parts.add(part)
  return load
}

/** Loads every part of those modules that are in use. Rejects with what kept one from being loaded. */
export async function loadParts(): Promise<void> {
  const missing = [...parts].filter(({ isLoaded }) => !isLoaded)
  await Promise.all(missing.map(({ load }) => load()))
}
