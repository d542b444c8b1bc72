import { toErrorJson } from '../contracts/errors.js'
import { EventLog } from './event-log.js'
import { openRun, type RunOrigin } from './journal/open-run.js'
import type { PipelineConfig } from './pipeline-config.js'
import { RunWaits } from './run-waits.js'
import { tracedOrigin, traceFailure, traceOpened, traceRun } from './tracing/run-trace.js'

/** Saves a new run that no worker holds, or finds the run of that id. */
export async function createStored(config: PipelineConfig, origin: RunOrigin): Promise<void> {
  const { id } = origin
  const log = new EventLog(() => ({ runId: id, at: config.clock.now() }))
  const trace = traceRun(config, origin)
  const create = async () => {
    const signal = new AbortController().signal
    const opening = {
      origin: tracedOrigin(origin, trace),
      log,
      signal,
      isResident: false,
      waits: new RunWaits(),
      trace,
    }
    const session = await openRun(config, opening)
    traceOpened(session)
    session.letGo()
  }
  try {
    await (trace === undefined ? create() : trace.within(create))
    trace?.end()
  } catch (error) {
    traceFailure(trace, undefined, toErrorJson(error))
    throw error
  }
}
