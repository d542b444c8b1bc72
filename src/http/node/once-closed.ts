import type { NodeResponse, NodeSocket } from './node-messages.js'

/** Whether nothing more can be sent: the answer is complete, or the client has disconnected. */
export function isClosed(response: NodeResponse): boolean {
  if (response.writableEnded) return true
  return response.stream ? response.stream.destroyed : response.destroyed || response.req.socket?.destroyed === true
}

/**
 * Calls `act` once, after the whole answer was sent or the client disconnected. The returned function cancels this.
 */
export function onceClosed(response: NodeResponse, act: (wasSent: boolean) => void): () => void {
  const { stream } = response
  const settle = (wasSent: boolean) => {
    stop()
    // HTTP/2 emits finish in either case.
    act(stream ? stream.writableFinished && (stream.rstCode ?? 0) === 0 : wasSent)
  }
  const onFinish = () => settle(true)
  const onClose = () => settle(false)
  // Node 22 does not notify an answer that waits for its turn when its connection closes.
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

// One listener a connection, because a client can queue any number of requests on it.
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
