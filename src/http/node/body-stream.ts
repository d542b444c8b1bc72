import { clientGone } from './client-gone.js'
import type { NodeRequest } from './node-messages.js'

/**
 * The body of a Node request as a stream that is read only on demand. It fails with an `AbortError` when the client
 * disconnects before the end. A cancel discards the rest, so that the connection can be used again.
 */
export function bodyStream(request: NodeRequest): ReadableStream<Uint8Array> {
  let stop: (() => void) | undefined
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        stop ??= listen(request, controller)
        request.resume()
      },
      cancel() {
        stop?.()
        request.resume()
      },
    },
    { highWaterMark: 0 },
  )
}

function listen(request: NodeRequest, controller: ReadableStreamDefaultController<Uint8Array>): () => void {
  const take = (chunk: Uint8Array) => {
    request.pause()
    controller.enqueue(chunk)
  }
  const end = () => {
    stop()
    controller.close()
  }
  const fail = () => {
    stop()
    controller.error(clientGone())
  }
  const stop = () => {
    request.off('data', take).off('end', end).off('error', fail).off('close', fail)
  }
  // A request that was destroyed before it was read emits no more events.
  if (request.destroyed) fail()
  else request.on('data', take).on('end', end).on('error', fail).on('close', fail)
  return stop
}
