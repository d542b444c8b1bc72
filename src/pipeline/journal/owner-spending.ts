import type { RunStore } from '../../contracts/run-store.js'
import { usageOf } from '../../contracts/usage.js'
import { type RunState, reportedUsage } from '../state/run-state.js'
import { answerOf, isAnswer, loadRun } from './store-calls.js'

/** Known costs by currency, such as `{ USD: 12.4 }`; a currency without costs is absent. */
export type Spending = Readonly<Record<string, number>>

/** What the owners of runs spent, from the store. */
export interface OwnerSpending {
  /**
   * The known costs of the newest runs of an owner; of all owners for `undefined`.
   * @throws RunStateError when the store is down, or cannot list.
   */
  of(owner: string | undefined): Promise<Spending>
}

/** How many runs of an owner count, the newest first. */
export const MOST_RUNS = 1_000
const MOST_OWNERS = 100
const AT_ONCE = 50

type Costs = Map<string, ReturnType<typeof costOf>>

/**
 * Creates a reader of spending. It lists the runs of the owner and loads each of them once: what an ended run cost is kept in
 * memory, for the 100 owners that submitted last. So a submission costs the store one list, and one load for each run that is
 * new or has not ended.
 */
export function ownerSpending(store: RunStore): OwnerSpending {
  const known = new Map<string | undefined, Costs>()

  const read = async (id: string, ended: Costs) => {
    const state = (await loadRun(store, id).catch(unreadable))?.state
    const cost = state && costOf(state)
    if (state !== undefined && state.status !== 'running' && state.status !== 'needs-review') ended.set(id, cost)
    return cost
  }
  return {
    async of(owner) {
      const query = {
        order: 'newest-first',
        limit: MOST_RUNS,
        withRemoved: true,
        ...(owner !== undefined && { owner }),
      } as const
      const list = () => store.list?.(query) ?? Promise.resolve([])
      const ids = await answerOf(list, 'Could not read what the owner spent, the store is down')
      const former = known.get(owner)
      const ended: Costs = new Map()
      for (const id of ids) if (former?.has(id)) ended.set(id, former.get(id))
      const costs = [...ended.values()]
      const others = ids.filter((id) => !ended.has(id))
      for (let at = 0; at < others.length; at += AT_ONCE) {
        costs.push(...(await Promise.all(others.slice(at, at + AT_ONCE).map((id) => read(id, ended)))))
      }
      known.delete(owner)
      known.set(owner, ended)
      if (known.size > MOST_OWNERS) for (const oldest of [...known.keys()].slice(0, 1)) known.delete(oldest)
      const spent: Record<string, number> = {}
      for (const cost of costs) if (cost) spent[cost.currency] = (spent[cost.currency] ?? 0) + cost.amount
      return spent
    },
  }
}

function costOf(state: RunState) {
  return usageOf(reportedUsage(state))?.cost
}

// Nothing is known about a run that cannot be read; a store that is down must not count as nothing spent.
function unreadable(error: unknown): undefined {
  if (!isAnswer(error)) throw error
}
