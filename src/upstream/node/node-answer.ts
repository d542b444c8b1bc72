import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { Answer, AnswerHeaders, BodyText } from '../answer.js'
import { bodyTextOf } from '../body-text.js'
import { decodedBody } from './decoded-body.js'
import { nodePart } from './node-part.js'

const NULL_BODY: ReadonlySet<number> = new Set([204, 205, 304])

/** The answer in a message of `node:http`. Its small bodies are read without a web stream and decoded once. */
export class NodeAnswer implements Answer {
  readonly status: number
  readonly headers: AnswerHeaders
  readonly #message: IncomingMessage
  #body: ReadableStream<Uint8Array> | undefined

  /** @throws RangeError for a status that HTTP does not have. */
  constructor(message: IncomingMessage) {
    this.status = message.statusCode ?? 0
    if (this.status < 200 || this.status > 599)
      throw new RangeError(`Could not read the answer: its status is ${this.status}`)
    this.headers = new NodeHeaders(message.headers)
    this.#message = message
    // The reader of the body gets the error; without a reader it is ignored.
    message.on('error', ignore)
    if (this.#isEmpty) message.resume()
  }

  get body(): ReadableStream<Uint8Array> | null {
    if (this.#isEmpty) return null
    this.#body ??= nodePart('node:stream').Readable.toWeb(this.#decoded()) as ReadableStream<Uint8Array>
    return this.#body
  }

  async read(maxBytes: number, signal: AbortSignal): Promise<BodyText> {
    signal.throwIfAborted()
    return this.#isEmpty ? bodyTextOf([], false) : readWhole(this.#decoded(), this.#message, maxBytes, signal)
  }

  get #isEmpty(): boolean {
    return NULL_BODY.has(this.status)
  }

  #decoded(): Readable {
    return decodedBody(this.#message, this.headers.get('content-encoding'))
  }
}

class NodeHeaders implements AnswerHeaders {
  readonly #values: IncomingHttpHeaders

  constructor(values: IncomingHttpHeaders) {
    this.#values = values
  }

  get(name: string): string | null {
    const value = this.#values[name]
    return (typeof value === 'string' ? value : value?.join(', ')) ?? null
  }
}

function ignore(): void {}

function readWhole(body: Readable, message: IncomingMessage, maxBytes: number, signal: AbortSignal) {
  return new Promise<BodyText>((resolve, reject) => {
    const chunks: Uint8Array[] = []
    let room = maxBytes
    body
      .on('data', (chunk: Buffer) => {
        if (room < 0) return
        chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk)
        room -= chunk.length
        if (room >= 0) return
        message.destroy()
        resolve(bodyTextOf(chunks, true))
      })
      .on('end', () => resolve(bodyTextOf(chunks, false)))
      .on('error', (error) => reject(signal.aborted ? signal.reason : error))
      .on('close', () => body.readableEnded || reject(new Error('The body was closed')))
  })
}
