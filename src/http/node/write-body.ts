import { setImmediate as nextTurn } from 'node:timers/promises'
import { isUint8Array } from 'node:util/types'
import { describeValue } from '../../contracts/errors.js'
import type { NodeResponse } from './node-messages.js'
import { isClosed } from './once-closed.js'

const MAX_BATCH_BYTES = 64 * 1024

/**
 * Writes a body to a response and ends it, or stops when `closed` resolves, after which the reader is cancelled.
 * Chunks that are ready together are written together, and at most one batch is read ahead of a client that does not
 * read.
 *
 * @throws TypeError when a chunk does not consist of bytes.
 * @throws RangeError when the length of the body differs from its `Content-Length`.
 */
export async function writeBody(
  response: NodeResponse,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  closed: Promise<void>,
): Promise<void> {
  const promisedBytes = response.hasHeader('content-length') ? Number(response.getHeader('content-length')) : undefined
  let readBytes = 0
  let batch: Uint8Array[] = []
  let batchBytes = 0
  let isFlushDue = false
  let isBlocked = false
  let wake = () => {}

  const takeBatch = () => {
    const [first] = batch
    const bytes = batch.length === 1 && first ? first : Buffer.concat(batch, batchBytes)
    batch = []
    batchBytes = 0
    return bytes
  }
  const flush = () => {
    isFlushDue = false
    if (batchBytes > 0 && !isClosed(response)) isBlocked = !response.write(takeBatch())
  }
  const onDrain = () => {
    isBlocked = false
    wake()
  }
  const drained = async () => {
    while (isBlocked) {
      await new Promise<void>((resolve) => {
        wake = resolve
      })
    }
  }

  // In the next turn, so that the headers of a body that is ready are sent with it.
  const headersDue = setImmediate(() => {
    if (!isClosed(response)) response.flushHeaders?.()
  })
  closed.then(onDrain)
  response.on('drain', onDrain)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      // A cancelled reader ends like a body that is complete.
      if (done) break
      readBytes += byteLengthOf(value)
      if (promisedBytes !== undefined && readBytes > promisedBytes) throw wrongLength(promisedBytes, readBytes)
      if (value.byteLength === 0) continue
      batch.push(value)
      batchBytes += value.byteLength
      if (batchBytes >= MAX_BATCH_BYTES) {
        flush()
        // A source that is always ready would block all others.
        await nextTurn()
      } else if (!isFlushDue) {
        isFlushDue = true
        // Runs only when the reader has to wait, because settled promises run first.
        process.nextTick(flush)
      }
      if (isBlocked) await drained()
    }
    if (isClosed(response)) return
    if (promisedBytes !== undefined && readBytes < promisedBytes) throw wrongLength(promisedBytes, readBytes)
    if (batchBytes > 0) response.end(takeBatch())
    else response.end()
  } catch (error) {
    // The chunks before the failure are useful, and are sent within a turn if the client reads.
    flush()
    await nextTurn()
    throw error
  } finally {
    clearImmediate(headersDue)
    response.off('drain', onDrain)
  }
}

function byteLengthOf(chunk: unknown): number {
  if (isUint8Array(chunk)) return chunk.byteLength
  throw new TypeError(`Could not send a chunk of the body: ${describeValue(chunk)} is not a Uint8Array`)
}

function wrongLength(promisedBytes: number, readBytes: number): RangeError {
  return new RangeError(`Could not send the ${promisedBytes} bytes of the Content-Length: the body has ${readBytes}`)
}
