import { describeValue } from '../contracts/errors.js'
import { ConfigurationError, type InputProblem } from '../contracts/input-errors.js'
import {
  FAULT_KINDS,
  type Fault,
  type FaultPlan,
  type FaultPlans,
  SANDBOX_ENDPOINTS,
  type SandboxEndpoint,
} from './fault.js'

/** Decides which fault the next call of an endpoint meets. */
export interface FaultSchedule {
  /**
   * Replaces the plans of the named endpoints; a list starts at its beginning.
   * @throws ConfigurationError for an unknown endpoint or kind of fault, and for pieces of no bytes.
   */
  set(plans: FaultPlans): void
  /** Removes all faults. */
  clear(): void
  /** Returns the fault of one call. */
  next(endpoint: SandboxEndpoint, path: string): Fault | undefined
}

interface Progress {
  readonly plan: FaultPlan
  calls: number
  /** When each path was first requested, for late mirrors; and the whole server, for one that sleeps. */
  readonly firstAskedAt: Map<string, number>
}

// No request has an empty path.
const SLEEPER = ''

/** @param now - Milliseconds that never decrease. */
export function faultSchedule(now: () => number = () => performance.now()): FaultSchedule {
  const planned = new Map<SandboxEndpoint, Progress>()

  return {
    set(plans) {
      checkPlans(plans)
      for (const endpoint of SANDBOX_ENDPOINTS.filter((name) => name in plans)) {
        const plan = plans[endpoint]
        if (plan === undefined) planned.delete(endpoint)
        else planned.set(endpoint, { plan, calls: 0, firstAskedAt: new Map() })
      }
    },
    clear: () => planned.clear(),
    next(endpoint, path) {
      const progress = planned.get(endpoint)
      if (progress === undefined) return undefined
      const fault = isList(progress.plan) ? progress.plan[progress.calls] : progress.plan
      progress.calls += 1
      if (fault?.kind !== 'not-synced' && fault?.kind !== 'sleeping') return fault ?? undefined
      const key = fault.kind === 'not-synced' ? path : SLEEPER
      const firstAskedAt = progress.firstAskedAt.get(key) ?? now()
      progress.firstAskedAt.set(key, firstAskedAt)
      return now() - firstAskedAt < fault.forMs ? fault : undefined
    },
  }
}

// A misspelled name would be a fault that never occurs, or a call without an answer.
function checkPlans(plans: FaultPlans): void {
  const problems: InputProblem[] = []
  const check = (field: string, value: string, allowed: readonly string[]) => {
    if (!allowed.includes(value)) problems.push({ field, value, fix: `one of ${allowed.join(', ')}` })
  }
  for (const [endpoint, plan] of Object.entries(plans)) {
    check('endpoint', endpoint, SANDBOX_ENDPOINTS)
    const faults = plan === undefined || isList(plan) ? (plan ?? []) : [plan]
    for (const fault of faults as readonly unknown[]) {
      if (fault === null) continue
      if (!isFault(fault)) {
        const fix = "give a fault such as { kind: 'reset' }, a list of faults, or null for a call without one"
        problems.push({ field: `faults['${endpoint}']`, value: describeValue(fault), fix })
        continue
      }
      check(`faults['${endpoint}'].kind`, fault.kind, FAULT_KINDS)
      if (fault.kind === 'split' && !(Number.isInteger(fault.bytes) && fault.bytes > 0)) {
        const value = String(fault.bytes)
        problems.push({ field: `faults['${endpoint}'].bytes`, value, fix: 'a whole number above 0' })
      }
    }
  }
  if (problems.length > 0) throw new ConfigurationError('the faults', problems)
}

function isFault(fault: unknown): fault is Fault {
  return typeof fault === 'object' && fault !== null && typeof Reflect.get(fault, 'kind') === 'string'
}

// Array.isArray does not narrow a readonly array.
function isList(plan: FaultPlan): plan is readonly (Fault | null)[] {
  return Array.isArray(plan)
}
