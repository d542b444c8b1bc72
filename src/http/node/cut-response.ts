import { constants } from 'node:http2'
import type { NodeResponse, NodeSocket } from './node-messages.js'

/** Ends an answer in such a way that its client knows that the rest is missing. */
export function cutResponse(response: NodeResponse): void {
  if (response.stream) {
    response.stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    return
  }
  // An answer that waits for its turn has no connection of its own yet, and would hold up those behind it for ever.
  const socket = response.socket ?? response.req.socket
  // Where the end of the connection is the end of the body, as for proxies that speak HTTP/1.0, only a reset tells a cut.
  if (!response.chunkedEncoding && !response.hasHeader('content-length')) reset(socket)
  response.destroy()
  socket.destroy()
}

function reset(socket: NodeSocket): void {
  try {
    socket.resetAndDestroy?.()
  } catch {
    // Only TCP has a reset; over TLS and pipes the connection is closed without the goodbye that belongs to a clean end.
  }
}
