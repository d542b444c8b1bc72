// The run of an error. Errors of a run are shared by all its readers, and are the library's own objects.
const runs = new WeakMap<object, string>()

/** The header with the id of the run of an answer. */
export const RUN_ID_HEADER = 'x-run-id'

/** Records the run of an error, and returns the error. */
export function errorOfRun(id: string, error: unknown): unknown {
  if (typeof error === 'object' && error !== null) runs.set(error, id)
  return error
}

/** Records the run of an error for another one in its place, and returns that. */
export function inPlaceOf(error: unknown, other: unknown): unknown {
  const id = typeof error === 'object' && error !== null ? runs.get(error) : undefined
  return id === undefined ? other : errorOfRun(id, other)
}

/** Headers with the id of the run for a caller whose request failed, because the run may have been paid. */
export function runHeadersOf(error: unknown): Readonly<Record<string, string>> {
  const id = typeof error === 'object' && error !== null ? runs.get(error) : undefined
  return id === undefined ? {} : { [RUN_ID_HEADER]: id }
}
