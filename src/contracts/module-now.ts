let load: ((name: string) => unknown) | undefined

/** Declares how this program loads a module in the turn of a call: a package by its name, or the `engine` of a run. */
export function provideModules(loadModule: (name: string) => unknown): void {
  load = loadModule
}

/** A module, loaded in this turn; `undefined` where that is not possible, such as in a bundle. */
export function moduleNow<T>(name: string): T | undefined {
  try {
    return load?.(name) as T | undefined
  } catch {
    return undefined
  }
}
