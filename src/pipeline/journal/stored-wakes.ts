import type { Clock } from '../../contracts/clock.js'
import type { RunStore } from '../../contracts/run-store.js'
import { startTimer } from '../../timing/system-clock.js'
import type { QueuedTimer } from '../../timing/timer-queue.js'

/**
 * When a run is due that was woken while another worker holds it. No run is due that early otherwise, so that the woken runs of a
 * store are found without the others.
 */
export const WOKEN_AT = 0

/** A run that this worker holds. */
export interface WakeableRun {
  readonly id: string
  /** Called when another process woke the run; again with every search until the store has another time. */
  onWoken(): void
}

/** Searches a store for wakes of the runs of one worker. */
export interface StoredWakes {
  /** Searches once. Rejects with the error of the store. */
  search(): Promise<void>
  /** Searches once a second from now on. */
  start(): void
  stop(): void
}

const EVERY_MS = 1_000
const PAGE = 1_000

/** Creates the search of a worker; `held` are its runs. */
export function storedWakes(options: {
  readonly store: Pick<RunStore, 'due'>
  readonly clock: Clock
  readonly held: ReadonlySet<WakeableRun>
}): StoredWakes {
  const { store, clock, held } = options
  let timer: QueuedTimer | undefined
  let isOn = false
  let isSearching = false

  const search = async () => {
    const woken = await wokenIds(store)
    if (woken.size > 0) for (const run of [...held]) if (woken.has(run.id)) run.onWoken()
  }
  const plan = () => {
    timer = startTimer(clock, EVERY_MS, () => {
      timer = undefined
      isSearching = true
      const again = () => {
        isSearching = false
        if (isOn) plan()
      }
      search().then(again, again)
    })
  }
  return {
    search,
    start() {
      isOn = true
      if (timer === undefined && !isSearching) plan()
    },
    stop() {
      isOn = false
      timer?.stop()
      timer = undefined
    },
  }
}

async function wokenIds(store: Pick<RunStore, 'due'>): Promise<ReadonlySet<string>> {
  const woken = new Set<string>()
  for (let after: string | undefined; ; ) {
    const page = await store.due(WOKEN_AT, PAGE, { ...(after !== undefined && { after }) })
    const known = woken.size
    for (const id of page) woken.add(id)
    after = page.at(-1)
    // A page without a new id is one of a store that ignores `after`.
    if (page.length < PAGE || woken.size === known) return woken
  }
}
