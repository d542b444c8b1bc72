import type { IncomingMessage } from 'node:http'
import type { Chunks } from '../chunks.js'

// Several chunks of the socket come in one turn of the event loop. What is ahead of the reader is kept up to these limits.
const AHEAD_BYTES = 262_144
const AHEAD_CHUNKS = 64

/** The body of a message, as the socket gives it. A message that breaks off gives what came before, then its error. */
export function messageChunks(message: IncomingMessage): Chunks {
  const ahead: Uint8Array[] = []
  let aheadBytes = 0
  let reading: PromiseWithResolvers<Uint8Array | undefined> | undefined
  let isStarted = false
  let over: { readonly error?: unknown } | undefined

  const finish = (how: NonNullable<typeof over>) => {
    if (over !== undefined) return
    over = how
    if ('error' in how) reading?.reject(how.error)
    else reading?.resolve(undefined)
    reading = undefined
  }
  const take = (chunk: Uint8Array) => {
    if (reading !== undefined) {
      reading.resolve(chunk)
      reading = undefined
      return
    }
    ahead.push(chunk)
    aheadBytes += chunk.byteLength
    if (aheadBytes >= AHEAD_BYTES || ahead.length >= AHEAD_CHUNKS) message.pause()
  }

  message.on('end', () => finish({}))
  message.on('error', (error) => finish({ error }))
  message.on('close', () => finish({ error: new Error('The connection was closed') }))

  return {
    async next() {
      const chunk = ahead.shift()
      if (chunk !== undefined) {
        aheadBytes -= chunk.byteLength
        return chunk
      }
      if (over !== undefined && 'error' in over) throw over.error
      if (over !== undefined) return undefined
      reading = Promise.withResolvers()
      const { promise } = reading
      if (!isStarted) message.on('data', take)
      else if (message.isPaused()) message.resume()
      isStarted = true
      return promise
    },
    cancel(reason = new Error('The connection was closed')) {
      ahead.length = 0
      aheadBytes = 0
      finish({ error: reason })
      message.destroy(reason instanceof Error ? reason : undefined)
    },
  }
}
