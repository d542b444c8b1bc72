import { RunStateError } from '../contracts/run-errors.js'
import { PipelineEngine } from './engine.js'
import { settleRun } from './journal/settle-run.js'
import { isAnswer, loadRun } from './journal/store-calls.js'
import { requestCancel } from './stored-events/cancel-request.js'
import { recordedEnd } from './video/run-result.js'

/** What works on runs and on their states: all that `load-engine.ts` gives to modules that a program may load without it. */
export const engineParts = {
  PipelineEngine,
  loadRun,
  isAnswer,
  recordedEnd,
  requestCancel,
  settleRun,
  /** Another copy of the library has another one. */
  RunStateError,
}
