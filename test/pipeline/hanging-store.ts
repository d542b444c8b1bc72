import type { RunStore } from '../../src/index.js'

export type Method = keyof RunStore & string

/** A call that a {@link hangingStore} keeps. */
export interface HungCall {
  readonly method: Method
  /** Lets the call reach the store, and its answer the caller, late. */
  land(): Promise<unknown>
}

/** A store whose calls never answer while `isHung` says so, unless they are let through later. */
export function hangingStore(inner: RunStore, isHung: (method: Method, given: readonly unknown[]) => boolean) {
  const hung: HungCall[] = []
  const wrapped = Object.entries(inner).map(([name, operation]) => {
    const method = name as Method
    const call = operation as (...given: unknown[]) => Promise<unknown>
    const wrapper = (...given: unknown[]) => {
      if (!isHung(method, given)) return call(...given)
      return new Promise((resolve, reject) => {
        const land = () => {
          const landed = call(...given)
          landed.then(resolve, reject)
          return landed
        }
        hung.push({ method, land })
      })
    }
    return [method, wrapper]
  })
  return { store: Object.fromEntries(wrapped) as RunStore, hung }
}

/** Where a run is, by what is given to the store: from its beginning to its last save. */
export type Phase = 'opening' | 'submitting' | 'polling' | 'later' | 'ending'

const PHASES: readonly Phase[] = ['opening', 'submitting', 'polling', 'later', 'ending']

/** Follows a run by what it saves: `hasReached` is true from the call on with which a phase begins. */
export function phaseWatch(phase: Phase) {
  let reached = 0
  const see = (method: Method, given: readonly unknown[]) => {
    if (method !== 'save') return
    const state = given[2] as { status?: string; step?: string; submission?: { state?: string } }
    const at = {
      submitting: state.submission?.state === 'sending',
      polling: state.submission?.state === 'accepted',
      later: state.step !== 'generate',
      ending: state.status !== 'running',
    }
    for (const [name, isAt] of Object.entries(at)) {
      if (isAt) reached = Math.max(reached, PHASES.indexOf(name as Phase))
    }
  }
  return { see, hasReached: () => reached >= PHASES.indexOf(phase) }
}
