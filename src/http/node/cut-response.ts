import { constants } from 'node:http2'
import type { NodeResponse, NodeSocket } from './node-messages.js'

/** Ends an answer so that its client notices that the rest is missing. */
export function cutResponse(response: NodeResponse): void {
  if (response.stream) {
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  // An answer that waits for its turn has no own connection yet, and would block those behind it for ever.
  const socket = response.socket ?? response.req.socket
  // If the end of the connection is the end of the body, as for proxies with HTTP/1.0, only a reset shows the cut.
  if (!response.chunkedEncoding && !response.hasHeader('content-length')) reset(socket)
  response.destroy()
  socket.destroy()
}

function reset(socket: NodeSocket): void {
  try {
    socket.resetAndDestroy?.()
  } catch {
    // Only TCP has a reset; TLS connections and pipes are closed without the message of a clean end.
  }
}
