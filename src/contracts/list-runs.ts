import type { RunQuery, StoredRun } from './run-store.js'

/** Fields that decide the position of a run in a list. */
export interface ListedRun extends Pick<StoredRun, 'startedAt' | 'owner' | 'removedAt'> {
  readonly id: string
}

/** Answers a {@link RunQuery} for a store that holds all its runs in memory. */
export function listRuns(
  runs: Iterable<ListedRun>,
  { owner, order, after, withRemoved = false, limit }: RunQuery,
): readonly string[] {
  const sign = order === 'newest-first' ? -1 : 1
  const all = [...runs]
  const last = after === undefined ? undefined : all.find(({ id }) => id === after)
  if (after !== undefined && last === undefined) return []
  return all
    .filter((run) => (withRemoved || run.removedAt === undefined) && (owner === undefined || run.owner === owner))
    .filter((run) => last === undefined || sign * compare(run, last) > 0)
    .sort((a, b) => sign * compare(a, b))
    .slice(0, limit)
    .map(({ id }) => id)
}

function compare(a: ListedRun, b: ListedRun): number {
  const between = (a.startedAt ?? 0) - (b.startedAt ?? 0)
  if (between !== 0 || a.id === b.id) return between
  return a.id < b.id ? -1 : 1
}
