import { describe, expect, it } from 'vitest'
import { FencedError, RunStateError } from '../../../src/index.js'
import { failureToSave } from '../../../src/pipeline/journal/failure-to-save.js'
import type { RunState } from '../../../src/pipeline/state/run-state.js'
import { acceptedJob, NOW, READY, SENDING, stateOf, UNKNOWN } from '../generate/prepared-runs.js'

const UNSENT = 'nothing was sent yet, and it continues under its id once it is recovered or resumed'

const down = new Error('connect ECONNREFUSED')
const answers: readonly (readonly [string, Error])[] = [
  ['a lost race', new FencedError('Could not save the run, version 1 is not the newest: run_1')],
  ['a state that cannot be saved', new RunStateError('Could not read the run')],
]

describe('a run that cannot be saved', () => {
  const cases: readonly (readonly [string, RunState['submission'] | undefined, string])[] = [
    ['before its first submission', READY, UNSENT],
    ['whose first submission is about to be sent', SENDING, UNSENT],
    ['whose submission was surely not accepted', { ...READY, sentAt: NOW }, 'nothing was accepted'],
    ['for which version 0.1.0 saved no submission', undefined, UNSENT],
  ]

  it.each(cases)('%s can be started again, unless the store gave an answer', (_, submission, what) => {
    const { submission: _former, ...rest } = stateOf('run_1')
    const state = submission === undefined ? rest : { ...rest, submission }
    const message = `Could not save the run, ${what}: run_1`
    expect(failureToSave(state, down)).toMatchObject({ code: 'run-state', isRetryable: true, message, cause: down })
    for (const [, answer] of answers) {
      expect(failureToSave(state, answer)).toMatchObject({ isRetryable: false, message, cause: answer })
    }
  })

  it('whose request may have been accepted before is not started again', () => {
    const state = stateOf('run_1', { submission: { ...SENDING, isResend: true } })
    const message = 'Could not save the run, an earlier submission may have been accepted: run_1'
    expect(failureToSave(state, down)).toMatchObject({ isRetryable: false, message })
  })

  it.each([
    ['a job', acceptedJob('x')],
    ['a submission of an unknown outcome', UNKNOWN],
  ])('continues nevertheless with %s, which is paid or may be', (_, submission) => {
    expect(failureToSave(stateOf('run_1', { submission }), down)).toBeUndefined()
  })
})
