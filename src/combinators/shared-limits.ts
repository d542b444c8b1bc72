import type { Strategy } from '../calling/stage-calls.js'
import { stageOf } from '../calling/stage-of.js'
import { type OptionProblem, type OptionRules, optionProblem, problemsOfOptions } from '../contracts/check-options.js'
import { number, required, rule, ruleOf, whole } from '../contracts/option-rules.js'
import type { RunStore, SlotMethod } from '../contracts/run-store.js'
import type { SlotRate } from '../contracts/shared-slots.js'
import type { SlotStore } from './held-slots.js'
import type { Places } from './places.js'
import { sharedPlaces } from './shared-places.js'
import type { WaitingLine } from './waiting-line.js'

/** Options of `balance` for limits that many processes share. */
export interface SharedLimitOptions {
  /**
   * A store that counts the jobs of generators for all processes that share it: each limit then holds for all of them together, by
   * the name of the generator, and a suspension that the upstream asked for (HTTP 429, 503) holds everywhere. Only for generators.
   * Give the store of the pipeline, such as `postgresStore` or `redisStore`; give all processes the same limits.
   * @defaultValue each process counts for itself
   */
  readonly shared?: Pick<RunStore, SlotMethod> | undefined
  /**
   * How many jobs each generator starts within a time: one rate for all, or a list with one for each, in order. Further jobs wait.
   * It counts jobs that got a place, refused ones included. Needs `shared`; for one process give `memoryStore()`.
   * @defaultValue no limit
   */
  readonly rate?: SlotRate | readonly SlotRate[] | undefined
  /**
   * How long a process that was killed keeps its places in the shared store, in milliseconds from 1,000. A live process extends
   * them; those of a run that another process continues stay. Keep it longer than `leaseMs` of the pipeline and `lockMs` of the
   * workers together. Needs `shared`.
   * @defaultValue `30_000` (30 s)
   */
  readonly leaseMs?: number | undefined
}

const SLOT_METHODS = ['takeSlot', 'keepSlots', 'restSlots'] as const
const LEASE_MS = 30_000

const RATE_RULES: OptionRules<SlotRate> = {
  jobs: required(whole(1)),
  perMs: required(number((value) => value > 0 && Number.isFinite(value), 'give milliseconds above 0')),
}

/** The rules of the options. */
export const SHARED_RULES: OptionRules<SharedLimitOptions> = {
  shared: rule(
    (value) => SLOT_METHODS.every((method) => typeof Object(value)[method] === 'function'),
    'give a store with takeSlot(), such as postgresStore, redisStore, sqliteStore or memoryStore',
  ),
  rate: ruleOf((field, value) =>
    Array.isArray(value)
      ? value.flatMap((rate, index) => problemsOfOptions(`${field}[${index}]`, rate, RATE_RULES))
      : problemsOfOptions(field, value, RATE_RULES),
  ),
  leaseMs: number((value) => value >= 1000 && Number.isFinite(value), 'give milliseconds from 1000'),
}

/** Problems of the options with each other and with the strategies. */
export function sharingProblems(
  members: readonly Strategy[],
  { shared, rate, leaseMs }: SharedLimitOptions,
): readonly OptionProblem[] {
  const isForGenerators = stageOf(members[0]) === 'generate'
  const given = Object.entries({ shared, rate, leaseMs }).filter(([, value]) => value !== undefined)
  return given.map(([field, value]) => {
    if (!isForGenerators) return optionProblem(field, value, 'give generators, or leave it out')
    if (shared === undefined)
      return optionProblem(field, value, 'give shared as well, such as the store of the pipeline')
    const isList = field === 'rate' && Array.isArray(value) && value.length !== members.length
    return isList
      ? optionProblem(
          field,
          value,
          `give an object of jobs and perMs, or a list with one for each of the ${members.length} strategies`,
        )
      : undefined
  })
}

/** The places of checked options. */
export function placesShared(
  members: readonly Strategy[],
  most: readonly number[],
  line: WaitingLine,
  { shared, rate, leaseMs = LEASE_MS }: SharedLimitOptions,
): Places {
  const rates = [rate].flat()
  const limits = members.map(({ name }, index) => {
    return { name, most: most[index] ?? Number.POSITIVE_INFINITY, rate: rates.length > 1 ? rates[index] : rates[0] }
  })
  return sharedPlaces({ line, limits, store: shared as SlotStore, leaseMs })
}
