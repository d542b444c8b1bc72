import type { RunSession } from '../run-session.js'
import { saveState, saveStrictly } from './run-journal.js'
import { askPatiently, isFenced } from './store-calls.js'

// Nobody sees it: an error with its stack, for each step of each run, would be for nothing.
const OVER = 'over'

/** Whether another process works on the run. */
export function isLeasedElsewhere({ state, config }: RunSession): boolean {
  const { lease } = state
  return lease !== undefined && lease.owner !== config.leaseOwner && lease.until > config.clock.now()
}

/** Whether this process may have an effect: its lease has not ended, by the wall clock nor by the monotonic one. */
export function holdsLease({ state, config, leaseEndsAt }: RunSession): boolean {
  const { leaseOwner, clock } = config
  return state.lease?.owner === leaseOwner && state.lease.until > clock.now() && leaseEndsAt > clock.monotonic()
}

/**
 * Takes the lease of a run that this process does not hold. A store that is down is asked again for about two minutes.
 * @throws FencedError when another process was faster.
 * @throws RunStateError when the store stays down.
 */
export function takeLease(session: RunSession): Promise<void> {
  return askPatiently(session, () => saveStrictly(session, {}))
}

/**
 * Does something that may take longer than the lease, and renews the lease meanwhile. When another process took the run over,
 * the signal of the session ends it with the `FencedError`.
 */
export async function keepingLease(session: RunSession, effect: () => Promise<void>): Promise<void> {
  const { callerSignal: caller } = session
  const { clock, leaseMs } = session.config
  const step = new AbortController()
  const done = new AbortController()
  const followCaller = () => step.abort(caller.reason)
  if (caller.aborted) followCaller()
  caller.addEventListener('abort', followCaller, { once: true })
  const renew = async () => {
    while (!done.signal.aborted) {
      await clock.sleep(leaseMs / 3, { signal: done.signal })
      // A store that is down for a moment costs one renewal; the lease lasts for two more.
      await saveState(session, {}).catch(onlyWhenFenced)
    }
  }
  renew().catch((error: unknown) => {
    if (isFenced(error)) step.abort(error)
  })
  session.signal = step.signal
  try {
    await effect()
  } finally {
    session.signal = caller
    caller.removeEventListener('abort', followCaller)
    done.abort(OVER)
  }
}

function onlyWhenFenced(error: unknown): void {
  if (isFenced(error)) throw error
}
