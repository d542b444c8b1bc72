import { toErrorJson } from '../contracts/errors.js'
import type { PipelineEvent } from '../contracts/events.js'
import type { EventListener, EventLog } from './event-log.js'
import { logEvent } from './log-event.js'
import type { SoraPipelineOptions } from './options.js'
import { channels } from './tracing/channels.js'

type Listening = Pick<SoraPipelineOptions, 'onEvent' | 'logger'>

/**
 * Passes the events of one run to `onEvent`, and those of the work of this process to the logger and the diagnostics channel. Errors of the first two are bugs of the
 * caller: they must not cost a video, and are reported once each.
 */
export function listenerOf({ onEvent, logger }: Listening, log: () => EventLog): EventListener {
  if (onEvent === undefined && logger === undefined) return ONLY_THE_CHANNEL
  const hear = onEvent && guarded('onEvent', 'listener-failed', onEvent, log)
  const write = logger && guarded('logger', 'logger-failed', (event) => logEvent(logger, event), log)
  return {
    get isEager() {
      return onEvent !== undefined || channels()?.event.hasSubscribers === true
    },
    // The other process logs and publishes it.
    relay: (event) => hear?.(event),
    hear: (event) => {
      hear?.(event)
      write?.(event)
      publish(event)
    },
  }
}

// Shared by all runs without a listener, of which thousands may wait.
const ONLY_THE_CHANNEL: EventListener = {
  get isEager() {
    return channels()?.event.hasSubscribers === true
  },
  relay() {},
  hear: publish,
}

function publish(event: PipelineEvent): void {
  const channel = channels()?.event
  if (channel?.hasSubscribers) channel.publish(event)
}

function guarded(
  name: string,
  code: string,
  call: (event: PipelineEvent) => unknown,
  log: () => EventLog,
): (event: PipelineEvent) => void {
  let hasFailed = false
  const failed = (how: string, error: unknown) => {
    if (hasFailed) return
    hasFailed = true
    log().append({ type: 'warning', code, message: `${name} ${how}: ${toErrorJson(error).message}` })
  }
  return (event) => {
    try {
      Promise.resolve(call(event)).catch((error: unknown) => failed('rejected', error))
    } catch (error) {
      failed('threw', error)
    }
  }
}
