import type { NodeResponse, NodeSocket } from './node-messages.js'

/** Whether nothing more can be sent: the answer is complete, or the client has disconnected. */
export function isClosed(response: NodeResponse): boolean {
  if (response.writableEnded) return true
  return response.stream ? response.stream.destroyed : response.destroyed || response.req.socket?.destroyed === true
}

/** Is notified of the end of an answer. */
export interface ClosedListener {
  /** Called once, after the whole answer was sent or the client disconnected. */
  onClosed(wasSent: boolean): void
}

/** Notifies a listener of the end of an answer, unless it is stopped before. */
export class Closing {
  readonly #response: NodeResponse
  readonly #listener: ClosedListener
  readonly #leave: (() => void) | undefined

  constructor(response: NodeResponse, listener: ClosedListener) {
    this.#response = response
    this.#listener = listener
    const isQueued = response.stream === undefined && response.socket === null
    // Node 22 does not notify an answer that waits for its turn when its connection closes.
    this.#leave = isQueued ? awaitClose(response.req.socket, this.#onClose) : undefined
    response.on('finish', this.#onFinish).on('close', this.#onClose)
  }

  stop(): void {
    this.#response.off('finish', this.#onFinish).off('close', this.#onClose)
    this.#leave?.()
  }

  readonly #onFinish = (): void => this.#settle(true)
  readonly #onClose = (): void => this.#settle(false)

  #settle(wasSent: boolean): void {
    this.stop()
    const { stream } = this.#response
    // HTTP/2 emits finish in either case.
    this.#listener.onClosed(stream ? stream.writableFinished && (stream.rstCode ?? 0) === 0 : wasSent)
  }
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
