import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { GenerationFailedError } from '../contracts/upstream-errors.js'
import type { RenderAnswer, RenderOrder, RenderSettings } from './video-worker.js'

/** Renders videos in one worker thread, one after the other. */
export interface VideoRenderer {
  /**
   * Resolves to the bytes of an MP4. The same order gives the same bytes, from memory if it was among the last ones.
   * An abort rejects at once; a render without other callers is stopped.
   *
   * @throws GenerationFailedError when the worker could not render it, died, or was closed.
   */
  render(order: RenderOrder, signal?: AbortSignal): Promise<Uint8Array>
  /** Stops the worker; every pending render is rejected. Idempotent. */
  close(): Promise<void>
}

/** Options of {@link videoRenderer}. */
export interface VideoRendererOptions {
  /** @defaultValue the worker of this package */
  readonly startWorker?: (() => Worker) | undefined
  /**
   * Maximum videos in memory; 0 keeps none.
   * @defaultValue 16
   */
  readonly cacheSize?: number | undefined
}

interface Render {
  readonly key: string
  readonly order: RenderOrder
  /** Callers that still wait for it. */
  readonly waiters: Set<Waiter>
}

interface Waiter {
  resolve(bytes: Uint8Array): void
  reject(error: Error): void
}

/**
 * Creates a renderer. Its worker starts with the first render, is kept for the next ones, keeps the process alive
 * only while it renders, and is replaced when it dies.
 */
export function videoRenderer({
  startWorker = startOwnWorker,
  cacheSize = 16,
}: VideoRendererOptions = {}): VideoRenderer {
  const finished = new Map<string, Uint8Array>()
  const unfinished = new Map<string, Render>() // In the order of rendering.
  let worker: Worker | undefined
  let current: Render | undefined
  let dismissals: Promise<unknown> = Promise.resolve()
  let isClosed = false

  const renderNext = () => {
    current = unfinished.values().next().value
    if (current === undefined) {
      worker?.unref()
      return
    }
    worker ??= employ()
    worker.ref()
    worker.postMessage(current.order)
  }

  const employ = () => {
    const hired = startWorker()
    let reason: unknown
    // Messages of a dismissed worker are not about the render of its successor.
    const fail = (message: string) => {
      if (hired !== worker) return
      dismiss()
      settle((waiter) => waiter.reject(renderError(message, reason)))
    }
    hired.on('message', (answer: RenderAnswer) => {
      if ('error' in answer) fail(answer.error)
      else if (hired === worker) succeed(answer.bytes)
    })
    hired.on('error', (error) => {
      reason = error
    })
    hired.on('exit', (code) => fail(`its worker ended with ${code}`))
    return hired
  }

  const dismiss = () => {
    if (worker !== undefined) dismissals = Promise.all([dismissals, worker.terminate()])
    worker = undefined
  }

  const succeed = (bytes: Uint8Array) => {
    if (current !== undefined) finished.set(current.key, bytes)
    for (const oldest of finished.keys()) {
      if (finished.size <= cacheSize) break
      finished.delete(oldest)
    }
    settle((waiter) => waiter.resolve(bytes))
  }

  const settle = (end: (waiter: Waiter) => void) => {
    const done = current
    if (done !== undefined) unfinished.delete(done.key)
    renderNext()
    done?.waiters.forEach(end)
  }

  const enqueue = (key: string, order: RenderOrder): Render => {
    const render = { key, order, waiters: new Set<Waiter>() }
    unfinished.set(key, render)
    if (current === undefined) renderNext()
    return render
  }

  const leave = (render: Render, waiter: Waiter) => {
    render.waiters.delete(waiter)
    if (render.waiters.size > 0) return
    unfinished.delete(render.key)
    if (render !== current) return
    dismiss()
    renderNext()
  }

  return {
    async render(order, signal) {
      signal?.throwIfAborted()
      if (isClosed) throw renderError('the renderer is closed')
      const key = JSON.stringify([order.prompt, order.width, order.height, order.framesPerSecond, order.frameCount])
      const known = finished.get(key)
      if (known !== undefined) return known
      const render = unfinished.get(key) ?? enqueue(key, order)
      return new Promise((resolve, reject) => {
        const abort = () => {
          leave(render, waiter)
          reject(signal?.reason)
        }
        const ending = <T>(end: (value: T) => void) => {
          return (value: T) => {
            signal?.removeEventListener('abort', abort)
            end(value)
          }
        }
        const waiter: Waiter = { resolve: ending(resolve), reject: ending(reject) }
        render.waiters.add(waiter)
        signal?.addEventListener('abort', abort, { once: true })
      })
    },
    async close() {
      isClosed = true
      const left = [...unfinished.values()]
      unfinished.clear()
      current = undefined
      for (const { waiters } of left) {
        for (const waiter of waiters) waiter.reject(renderError('the renderer is closed'))
      }
      dismiss()
      await dismissals
    },
  }
}

// Built, the address holds the worker's code, so that a bundle carries it; the encoder is installed, and found from one of the places.
function startOwnWorker(): Worker {
  const url = new URL('./video-worker.ts', import.meta.url)
  // A bundle in CommonJS may have no import.meta.url.
  const places = [import.meta.url, join(process.cwd(), 'package.json')].filter((place) => place !== undefined)
  // The caller's loaders and what the encoder may print are kept out.
  return new Worker(url, { workerData: { places } satisfies RenderSettings, execArgv: [], stdout: true, stderr: true })
}

function renderError(reason: string, cause?: unknown): GenerationFailedError {
  return new GenerationFailedError(`Could not render the video: ${reason}`, { cause })
}
