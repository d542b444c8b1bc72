import { toErrorJson } from '../contracts/errors.js'
import type { PipelineEvent } from '../contracts/events.js'
import type { EventLog } from './event-log.js'
import type { PipelineConfig } from './pipeline-config.js'

/** `onEvent` for the log of one run. Its errors are bugs of the caller: they must not cost a video, and are reported once. */
export function listenerOf(
  { onEvent }: Pick<PipelineConfig, 'onEvent'>,
  log: () => EventLog,
): ((event: PipelineEvent) => void) | undefined {
  if (onEvent === undefined) return undefined
  let hasFailed = false
  const failed = (how: string, error: unknown) => {
    if (hasFailed) return
    hasFailed = true
    log().append({ type: 'warning', code: 'listener-failed', message: `onEvent ${how}: ${toErrorJson(error).message}` })
  }
  return (event) => {
    try {
      Promise.resolve(onEvent(event)).catch((error: unknown) => failed('rejected', error))
    } catch (error) {
      failed('threw', error)
    }
  }
}
