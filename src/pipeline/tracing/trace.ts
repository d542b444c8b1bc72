import type { TracingChannel } from 'node:diagnostics_channel'
import { channels, isFollowed } from './channels.js'

/** Work that a tracing channel reports. */
export interface Trace<Message extends object> {
  /** The context object of the channel; its fields may change until the end. */
  readonly message: Message
  /** Calls a function in the async context of the work. */
  within<T>(call: () => T): T
  /** Reports the end of the work, with its result or error; only the first end counts. */
  end(outcome?: Partial<Message>): void
}

/**
 * Reports the start of work, in the order of `TracingChannel.tracePromise`: `start`, `end`, and at the end of the work `error` if
 * it failed, `asyncStart` and `asyncEnd`. The end is reported before the caller of the work has its result, so that a process that
 * exits then loses nothing. `undefined` without a subscriber; the message is created only for one.
 */
export function openTrace<Message extends object>(
  kind: 'run' | 'attempt' | 'cleanup',
  messageOf: () => Message,
): Trace<Message> | undefined {
  const found = channels()
  const channel = found?.[kind]
  if (found === undefined || channel === undefined || !isFollowed(channel)) return undefined
  const message = messageOf()
  const inside = channel.start.runStores(message, () => {
    const within = found.snapshot()
    channel.end.publish(message)
    return within
  })
  let isOver = false
  return {
    message,
    within: (call) => inside(call),
    end: (outcome = {}) => {
      if (isOver) return
      isOver = true
      inside(() => publishEnd(channel, Object.assign(message, outcome)))
    },
  }
}

function publishEnd(channel: TracingChannel<unknown, object>, message: object): void {
  if ('error' in message) channel.error.publish(message)
  channel.asyncStart.publish(message)
  channel.asyncEnd.publish(message)
}
