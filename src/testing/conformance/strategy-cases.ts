import assert from 'node:assert/strict'
import type { Clock } from '../../contracts/clock.js'
import type { FakeContext } from '../fake-context.js'
import type { ConformanceCase, ConformanceSubject, StrategyConformanceOptions } from './conformance-suite.js'
import { registerCases } from './conformance-suite.js'
import { sanityOfProgress } from './sanity-of-progress.js'
import { outcomeOf, type Trial, turns } from './trial.js'

/** How the cases that all stages share call the strategy of a subject. */
export interface StrategyCalls<Subject> {
  readonly verb: string
  strategyOf(subject: Subject): { readonly name: string; readonly label?: string | undefined }
  /** One complete operation. */
  call(subject: Subject, context: FakeContext<Clock>, trial: Trial): Promise<unknown>
  /** Asserts the shape of the result of `call`. */
  checkResult(result: unknown, trial: Trial): void
}

/** Registers the cases that all stages share, and those of one stage. */
export function registerStrategyCases<Subject extends ConformanceSubject>(
  options: StrategyConformanceOptions<Subject>,
  calls: StrategyCalls<Subject>,
  own: readonly ConformanceCase<Subject>[],
): void {
  const { createHanging, createFailing } = options
  registerCases(options, [...sharedCases(calls), ...own])
  if (createHanging) registerCases({ ...options, create: createHanging }, [hangingCase(calls)])
  if (createFailing) registerCases({ ...options, create: createFailing }, [failingCase(calls)])
}

// Most awaits are in early turns; later ones reach calls that wait for a socket.
const ABORT_AFTER_TURNS = [0, 1, 2, 3, 5, 8, 13, 30]

function sharedCases<Subject extends ConformanceSubject>(calls: StrategyCalls<Subject>): ConformanceCase<Subject>[] {
  const { verb, strategyOf, call, checkResult } = calls
  return [
    {
      name: 'has a name that stays the same',
      async check(subject) {
        const { name, label } = strategyOf(subject)
        assert.ok(typeof name === 'string' && name.trim() !== '', 'name must be a non-empty string')
        assert.equal(strategyOf(subject).name, name, 'name must stay the same')
        assert.ok(label === undefined || label.trim() !== '', 'label must be absent or a non-empty string')
      },
    },
    {
      name: 'gives a well-formed result, also to a context without warn',
      async check(subject, trial) {
        const { warn: _, ...context } = trial.context()
        checkResult(await trial.settle(call(subject, context, trial), verb), trial)
      },
    },
    {
      name: 'reports progress from 0 to 1 that never decreases, and no secret',
      async check(subject, trial) {
        const context = trial.context()
        await trial.settle(call(subject, context, trial), verb)
        sanityOfProgress(context.progress)
        trial.isClean([context.progress, context.warnings], 'a report or a warning')
      },
    },
    {
      name: 'an abort before the call rejects with the reason itself and sends nothing',
      async check(subject, trial) {
        const controller = new AbortController()
        controller.abort()
        const sent = subject.requests?.()
        const aborted = call(subject, trial.context({ signal: controller.signal }), trial)
        await trial.rejectsWithReason(aborted, controller, verb)
        assert.equal(subject.requests?.(), sent, `${verb} must send nothing when its signal is already aborted`)
      },
    },
    {
      name: 'an abort at any moment settles at once, and never with another error',
      async check(subject, trial) {
        for (const count of ABORT_AFTER_TURNS) await abortAfter(count, calls, subject, trial)
      },
    },
  ]
}

async function abortAfter<Subject>(count: number, calls: StrategyCalls<Subject>, subject: Subject, trial: Trial) {
  const { verb, call } = calls
  const reason = new Error('Could not continue: the conformance suite aborted the call')
  const controller = new AbortController()
  const outcome = outcomeOf(call(subject, trial.context({ signal: controller.signal }), trial))
  await turns(count)
  controller.abort(reason)
  const { error, isRejected } = await trial.settleSoon(outcome, `${verb} aborted after ${count} turns`)
  assert.ok(
    !isRejected || error === reason,
    `${verb} aborted after ${count} turns must reject with signal.reason itself, but gave: ${error}`,
  )
}

function hangingCase<Subject extends ConformanceSubject>(calls: StrategyCalls<Subject>): ConformanceCase<Subject> {
  const { verb, call } = calls
  return {
    name: 'an abort while the upstream hangs rejects with the reason itself, soon',
    async check(subject, trial) {
      const controller = new AbortController()
      const before = subject.requests?.() ?? 0
      const hanging = call(subject, trial.context({ signal: controller.signal }), trial)
      let isSettled = false
      const settled = () => {
        isSettled = true
      }
      hanging.then(settled, settled)
      if (subject.requests) {
        await trial.eventually(() => isSettled || (subject.requests?.() ?? 0) > before, `the request of ${verb}`)
      }
      await turns(20)
      assert.ok(!isSettled, `${verb} must wait while the upstream hangs, but it settled`)
      await trial.rejectsWithReason(hanging, controller, verb)
    },
  }
}

function failingCase<Subject extends ConformanceSubject>(calls: StrategyCalls<Subject>): ConformanceCase<Subject> {
  return {
    name: 'a failing upstream gives an error of the library without secrets',
    async check(subject, trial) {
      const context = trial.context()
      await trial.rejectsTyped(calls.call(subject, context, trial), calls.verb)
      trial.isClean([context.progress, context.warnings], 'a report or a warning')
    },
  }
}
