import { setImmediate as nextTurn } from 'node:timers/promises'
import { isUint8Array } from 'node:util/types'
import { describeValue } from '../../contracts/errors.js'
import type { NodeResponse } from './node-messages.js'
import { isClosed } from './once-closed.js'

const MAX_BATCH_BYTES = 64 * 1024

/**
 * Writes a body to a response and ends it, or stops when `closed` resolves, by which time the reader is cancelled. Chunks that
 * are ready together leave in one write, and no more than a batch is read ahead of a client that takes nothing.
 *
 * @throws TypeError when a chunk is not made of bytes.
 * @throws RangeError when the body is longer or shorter than its `Content-Length`.
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

  // In the next turn and not now, so that the headers of a body that is ready leave with it.
  const headersDue = setImmediate(() => {
    if (!isClosed(response)) response.flushHeaders?.()
  })
  closed.then(onDrain)
  response.on('drain', onDrain)
  try {
    for (;;) {
      const { done, value } = await reader.read()
      // A reader that was cancelled ends like one whose body is over.
      if (done) break
      readBytes += byteLengthOf(value)
      if (promisedBytes !== undefined && readBytes > promisedBytes) throw wrongLength(promisedBytes, readBytes)
      if (value.byteLength === 0) continue
      batch.push(value)
      batchBytes += value.byteLength
      if (batchBytes >= MAX_BATCH_BYTES) {
        flush()
        // A source that is always ready would keep everybody else waiting.
        await nextTurn()
      } else if (!isFlushDue) {
        isFlushDue = true
        // Runs when the reader really has to wait, because promises that are settled come before it.
        process.nextTick(flush)
      }
      if (isBlocked) await drained()
    }
    if (isClosed(response)) return
    if (promisedBytes !== undefined && readBytes < promisedBytes) throw wrongLength(promisedBytes, readBytes)
    if (batchBytes > 0) response.end(takeBatch())
    else response.end()
  } catch (error) {
    // What came before the failure is worth having, and leaves within a turn if the client takes anything at all.
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
  throw new TypeError(`Could not send a chunk of the body, which has to be a Uint8Array: ${describeValue(chunk)}`)
}

function wrongLength(promisedBytes: number, readBytes: number): RangeError {
  return new RangeError(
    `Could not send ${promisedBytes} bytes, as the Content-Length has it: the body has ${readBytes}`,
  )
}
