import { allFailed } from '../calling/all-failed.js'
import { callStrategy, firstPlainOf, lastPlainOf } from '../calling/call-strategy.js'
import type { StageCalls, Strategy, Verb } from '../calling/stage-calls.js'
import {
  type AttemptObserver,
  attemptObserverOf,
  type ObservedAttempt,
  type ObservedStrategy,
  SILENT,
  withAttemptObserver,
} from '../contracts/attempt-observer.js'
import { checkOptions, type OptionRules } from '../contracts/check-options.js'
import { ConfigurationError } from '../contracts/input-errors.js'
import { msFrom0 } from '../contracts/option-rules.js'
import type { Publisher } from '../contracts/publisher.js'
import type { Resolver } from '../contracts/resolver.js'
import type { StageContext, StageWarning } from '../contracts/stage.js'
import type { Uploader } from '../contracts/uploader.js'
import { startTimer } from '../timing/system-clock.js'
import type { QueuedTimer } from '../timing/timer-queue.js'
import { type AtLeastOne, combine, membersOf } from './combine.js'
import { endsChain } from './ends-chain.js'
import { publicationLedger } from './publication-ledger.js'

/** Options of {@link race}. */
export interface RaceOptions {
  /**
   * How long the latest strategy may take before the next one starts in parallel, in milliseconds from 0. `0` starts all at once;
   * `Infinity` starts the next one only after a failure.
   * @defaultValue `250`
   */
  readonly staggerMs?: number | undefined
}

const RULES: OptionRules<RaceOptions> = { staggerMs: msFrom0 }

/**
 * Starts strategies of one stage in order, each when the one before has not answered within `staggerMs` or has failed, and takes
 * the first success (as RFC 8305 does with addresses). The others are aborted with an `AbortError`; their later results are
 * neither failures nor attempts of the run. A moderation verdict and an unknown outcome end the race at once.
 *
 * Not for generators, because that would pay twice. A race of uploaders may leave two copies, and one of publishers two posts,
 * because an abort comes too late for a strategy that has just finished.
 *
 * An abort by the caller rejects at once with `signal.reason` and is passed to all running strategies.
 *
 * @param strategies - At least one, all of the same stage, each with its own name. Give them one by one, or as an array with
 * options after it.
 * @returns A strategy named `race(a, b)`.
 * @throws ConfigurationError when `staggerMs` is invalid, the list is empty, an entry is not a strategy or is a generator, the
 * stages differ, or two strategies share a name.
 * @throws AllStrategiesFailedError (from the strategy) when every strategy failed, with each error in the order of the
 * strategies.
 *
 * @example
 * ```ts
 * import { race } from 'sora-pipeline'
 *
 * const near = { name: 'near', resolve: async () => ({ url: 'https://near.example/a.mp4' }) }
 * const far = { name: 'far', resolve: async () => ({ url: 'https://far.example/a.mp4' }) }
 * const resolver = race([near, far], { staggerMs: 500 })
 * console.log(resolver.name) // race(near, far)
 * ```
 */
export function race(...strategies: AtLeastOne<Publisher>): Publisher
export function race(...strategies: AtLeastOne<Resolver>): Resolver
export function race(...strategies: AtLeastOne<Uploader>): Uploader
export function race(strategies: AtLeastOne<Publisher>, options?: RaceOptions): Publisher
export function race(strategies: AtLeastOne<Resolver>, options?: RaceOptions): Resolver
export function race(strategies: AtLeastOne<Uploader>, options?: RaceOptions): Uploader
export function race(...given: readonly unknown[]): Strategy {
  const { members, options } = membersOf<RaceOptions>('race', given)
  checkOptions('race', options, RULES)
  const { staggerMs = 250 } = options
  const ledger = publicationLedger(members)
  return combine(members, {
    kind: 'race',
    name: `race(${members.map((member) => member.name).join(', ')})`,
    label: members[0]?.label,
    call: async (verb, input, context) => {
      const { member, output } = await firstToSucceed(verb, { members, staggerMs }, input, context)
      ledger.note(member, output)
      return output
    },
    unpublish: ledger.unpublish,
    routes: () => {
      const fix = 'use fallback or balance, because a race would pay twice'
      throw new ConfigurationError('race', [{ field: 'strategies', value: 'a list of generators', fix }])
    },
  })
}

function firstToSucceed<V extends Exclude<Verb, 'generate'>>(
  verb: V,
  { members, staggerMs }: { readonly members: readonly Strategy[]; readonly staggerMs: number },
  input: StageCalls[V]['input'],
  context: StageContext,
): Promise<{ member: Strategy; output: StageCalls[V]['output'] }> {
  const { clock, signal } = context
  const observer = attemptObserverOf(context)
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason)
    const errors: unknown[] = []
    const running = new Set<AbortController>()
    let started = 0
    let stagger: QueuedTimer | undefined
    let isOver = false

    const end = (reason: () => unknown = lost) => {
      isOver = true
      signal.removeEventListener('abort', abort)
      stagger?.stop()
      if (running.size === 0) return
      const why = reason()
      for (const controller of running) controller.abort(why)
    }
    const abort = () => {
      end(() => signal.reason)
      reject(signal.reason)
    }
    const start = () => {
      const index = started
      const member = members[index] as Strategy
      const controller = new AbortController()
      const heard = hearing({ ...context, signal: controller.signal }, observer, () => isOver)
      running.add(controller)
      started += 1
      callStrategy(verb, member as StageCalls[V]['strategy'], input, heard.context).then(
        (output) => {
          if (isOver) return
          running.delete(controller)
          end()
          heard.reportSuccess()
          resolve({ member, output })
        },
        (error: unknown) => {
          if (isOver) return
          running.delete(controller)
          errors[index] = error
          goOn(member, error)
        },
      )
      setStagger()
    }
    const goOn = (failed: Strategy, error: unknown) => {
      const next = members[started]
      if (endsChain(error)) {
        end()
        reject(error)
      } else if (next) {
        observer.fellBack(lastPlainOf(failed), firstPlainOf(next))
        start()
      } else if (running.size === 0) {
        end()
        reject(members.length === 1 ? error : allFailed(verb, members, errors))
      }
    }
    const setStagger = () => {
      stagger?.stop()
      stagger = undefined
      if (isOver || started === members.length || staggerMs === Number.POSITIVE_INFINITY) return
      if (staggerMs === 0) return start()
      stagger = startTimer(clock, staggerMs, start)
    }
    signal.addEventListener('abort', abort, { once: true })
    start()
  })
}

function lost(): DOMException {
  return new DOMException('Another strategy of the race was faster', 'AbortError')
}

// Failures are reported as they occur, until the race is over. Only the success of the winner counts.
function hearing(context: StageContext, observer: AttemptObserver, isOver: () => boolean) {
  const successes: ObservedAttempt[] = []
  const { warn } = context
  const own: StageContext = {
    ...context,
    report: (progress) => {
      if (!isOver()) context.report(progress)
    },
    ...(warn && {
      warn: (warning: StageWarning) => {
        if (!isOver()) warn(warning)
      },
    }),
  }
  if (observer === SILENT) return { context: own, reportSuccess: ignored }
  return {
    context: withAttemptObserver(own, {
      ...observer,
      ...(observer.working && {
        working: (strategy: ObservedStrategy) => {
          if (!isOver()) observer.working?.(strategy)
        },
      }),
      succeeded: (attempt) => void successes.push(attempt),
      failed: (attempt) => {
        if (!isOver()) observer.failed(attempt)
      },
      fellBack: (from, next) => {
        if (!isOver()) observer.fellBack(from, next)
      },
    }),
    reportSuccess: () => {
      for (const attempt of successes) observer.succeeded(attempt)
    },
  }
}

function ignored(): void {}
