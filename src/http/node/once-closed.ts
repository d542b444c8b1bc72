import type { NodeResponse, NodeSocket } from './node-messages.js'

/** Whether nothing can be sent any more: the answer is complete, or the client is gone. */
export function isClosed(response: NodeResponse): boolean {
  if (response.writableEnded) return true
  return response.stream ? response.stream.destroyed : response.destroyed || response.req.socket?.destroyed === true
}

/**
 * Calls `act` once, when an answer has been handed over whole or the client has gone away before. Nothing is called after the
 * function that comes back was.
 */
export function onceClosed(response: NodeResponse, act: (wasSent: boolean) => void): () => void {
  const { stream } = response
  const settle = (wasSent: boolean) => {
    stop()
    // HTTP/2 says that it finished in either case.
    act(stream ? stream.writableFinished && (stream.rstCode ?? 0) === 0 : wasSent)
  }
  const onFinish = () => settle(true)
  const onClose = () => settle(false)
  // Node 22 tells an answer that waits for its turn on the connection nothing when that closes.
  const leave = !stream && response.socket === null ? awaitClose(response.req.socket, onClose) : undefined
  const stop = () => {
    response.off('finish', onFinish).off('close', onClose)
    leave?.()
  }
  response.on('finish', onFinish).on('close', onClose)
  return stop
}

interface Queue {
  readonly listeners: Set<() => void>
  readonly onClose: () => void
}

const queues = new WeakMap<NodeSocket, Queue>()

// One listener a connection, for a client can put any number of requests into its queue.
function awaitClose(socket: NodeSocket, listener: () => void): () => void {
  const queue = queues.get(socket) ?? openQueue(socket)
  queue.listeners.add(listener)
  return () => {
    if (!queue.listeners.delete(listener) || queue.listeners.size > 0) return
    socket.off('close', queue.onClose)
    queues.delete(socket)
  }
}

function openQueue(socket: NodeSocket): Queue {
  const listeners = new Set<() => void>()
  const onClose = () => {
    for (const listener of [...listeners]) listener()
  }
  const queue = { listeners, onClose }
  socket.on('close', onClose)
  queues.set(socket, queue)
  return queue
}
