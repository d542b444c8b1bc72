import { setImmediate as nextTurn } from 'node:timers/promises'
import type { SseSink, SseSource } from '../../openai/sse-source.js'
import { clientGone } from './client-gone.js'
import { cutResponse } from './cut-response.js'
import type { NodeResponse } from './node-messages.js'
import { onceClosed } from './once-closed.js'

const MAX_BATCH_LENGTH = 64 * 1024

/**
 * Writes server-sent events of this library, without a stream in between. Frames that are ready together are written
 * together, and at most one batch is read ahead of a client that does not read. Resolves when everything is passed to
 * the operating system or the client has disconnected; the source is then cancelled.
 * @throws the failure of the source, after the connection was cut.
 */
export async function sendSse(response: NodeResponse, source: SseSource, writeHead: () => void): Promise<void> {
  const { promise: sent, resolve: settle, reject } = Promise.withResolvers<void>()
  let batch = ''
  let isOpen = true
  let isOver = false
  let isFlushDue = false
  let isBlocked = false
  let isPullDue = false

  const takeBatch = () => {
    const frames = batch
    batch = ''
    return frames
  }
  const flush = () => {
    isFlushDue = false
    if (batch !== '' && isOpen) isBlocked = !response.write(takeBatch())
  }
  const pullIfDue = () => {
    if (!isPullDue || isBlocked || !isOpen) return
    isPullDue = false
    source.pull(sink)
  }
  const onDrain = () => {
    isBlocked = false
    pullIfDue()
  }
  const stop = onceClosed(response, () => {
    isOpen = false
    if (!isOver) leaveSource(source)
    settle()
  })
  const sink: SseSink = {
    take(frame, isLast) {
      batch += frame
      if (isLast) {
        isOver = true
        if (isOpen) response.end(takeBatch())
        return
      }
      isPullDue = true
      if (batch.length >= MAX_BATCH_LENGTH) {
        flush()
        // A source that is always ready would block all others.
        setImmediate(pullIfDue)
        return
      }
      if (!isFlushDue) {
        isFlushDue = true
        // Runs only when the source has to wait, because settled promises run first.
        process.nextTick(flush)
      }
      pullIfDue()
    },
    fail: reject,
  }
  // In the next turn, so that the headers of a stream that is ready are sent with it.
  const headersDue = setImmediate(() => {
    if (isOpen && !response.writableEnded) response.flushHeaders?.()
  })
  response.on('drain', onDrain)
  try {
    writeHead()
    source.pull(sink)
    await sent
  } catch (error) {
    stop()
    leaveSource(source)
    // The frames before the failure are useful, and are sent within a turn if the client reads.
    flush()
    await nextTurn()
    if (isOpen && response.headersSent) cutResponse(response)
    throw error
  } finally {
    clearImmediate(headersDue)
    response.off('drain', onDrain)
  }
}

/** Cancels a source whose client has disconnected. */
export function leaveSource(source: SseSource | undefined): void {
  try {
    source?.cancel(clientGone())
  } catch {
    // An error of a caller's `onCancel`, as when a stream is cancelled: there is no reader left.
  }
}
