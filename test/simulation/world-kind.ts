import { createHash } from 'node:crypto'
import type { Lookup } from './provider.ts'
import type { Random } from './random.ts'
import type { Dangers } from './worker.ts'

/** What is the case, and what can befall, in one world. */
export interface WorldKind {
  readonly lookup: Lookup
  readonly dangers: Dangers
  /** Whether every process has its own chain of generators. */
  readonly hasChangingChains: boolean
  /** Whether processes of 0.1.0 work on the same store. They keep what 0.1.0 promised, so such a world has no danger beyond that. */
  readonly hasFormerVersion: boolean
  readonly isOnePrompt: boolean
  readonly hasMedia: boolean
  readonly generateMs: number
  /** Whether a run may reach its deadline although no process could work on it until then. */
  readonly mayBeLate: boolean
  /** Whether a run may wait for a person: its upstream cannot be queried, or not in time, or does not distinguish two requests. */
  readonly mayBeInReview: boolean
}

const DAY_MS = 86_400_000
const SHORT_MS = 600_000

/** The kind of world that a seed stands for. */
export function worldKindOf(random: Random, lookups: readonly [Lookup, ...Lookup[]]): WorldKind {
  const lookup = random.pick(lookups)
  const hasFormerVersion = random.chance(0.2)
  const present = <T>(value: T, otherwise: T) => (hasFormerVersion ? otherwise : value)
  const dangers: Dangers = {
    crash: random.pick([0, 0.01, 0.03]),
    pause: random.pick([0, 0.01]),
    loseAnswer: random.pick([0, 0.02]),
    storeDown: random.pick([0, 0.01]),
    storeHangs: present(random.pick([0, 0, 0.01]), 0),
    clockSteps: present(random.pick([0, 0.01]), 0),
    close: present(random.pick([0, 0, 0.1]), 0),
    outage: present(random.pick([0, 0, 0.02]), 0),
  }
  const isOnePrompt = present(random.chance(0.25), false)
  const generateMs = present(random.pick([DAY_MS, SHORT_MS]), DAY_MS)
  // The one lookup that is left after an outage, or on a clock that stands ahead, may be lost as well.
  const mayBeLate = generateMs === SHORT_MS && (dangers.outage > 0 || dangers.clockSteps > 0)
  return {
    lookup,
    dangers,
    hasChangingChains: present(random.chance(0.5), false),
    hasFormerVersion,
    isOnePrompt,
    hasMedia: random.chance(0.3),
    generateMs,
    mayBeLate,
    mayBeInReview: lookup !== 'find' || isOnePrompt || hasFormerVersion || mayBeLate,
  }
}

/** The bytes that a run is given as its first frame. */
export function imageOf(run: string): Uint8Array {
  return Buffer.from(`first frame of ${run}, `.repeat(1000))
}

export function imageUrlOf(run: string): string {
  return `data:image/png;base64,${Buffer.from(imageOf(run)).toString('base64')}`
}

export function sha256Of(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}
