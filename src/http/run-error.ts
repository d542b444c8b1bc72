// Which run an error is of. Errors of a run are shared by everybody who waits for it, and are the library's own objects.
const runs = new WeakMap<object, string>()

/** The header with the id of the run that an answer is about. */
export const RUN_ID_HEADER = 'x-run-id'

/** Says of which run an error is, and gives it back. */
export function errorOfRun(id: string, error: unknown): unknown {
  if (typeof error === 'object' && error !== null) runs.set(error, id)
  return error
}

/** What tells a caller whose request failed under which id its run is, for it may have been paid. */
export function runHeadersOf(error: unknown): Readonly<Record<string, string>> {
  const id = typeof error === 'object' && error !== null ? runs.get(error) : undefined
  return id === undefined ? {} : { [RUN_ID_HEADER]: id }
}
