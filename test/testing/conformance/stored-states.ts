import type { StoredRun } from '../../../src/index.js'
import type { Data } from './plain-run-store.js'

/** The state of a run as of the last save. */
export function stateOf({ runs }: Data, id: string): StoredRun | undefined {
  const stored = runs.get(id)
  return stored && JSON.parse(stored.text)
}

/** Does something while other states are kept, and puts back those that it does not change. */
export async function withStates<T>(
  { runs }: Data,
  change: (state: StoredRun) => StoredRun,
  act: () => Promise<T>,
): Promise<T> {
  const before = [...runs]
  const changed = before.map(([id, stored]) => {
    const other = { ...stored, text: JSON.stringify(change(JSON.parse(stored.text))) }
    runs.set(id, other)
    return { id, stored, other }
  })
  const result = await act()
  for (const { id, stored, other } of changed) if (runs.get(id) === other) runs.set(id, stored)
  return result
}
