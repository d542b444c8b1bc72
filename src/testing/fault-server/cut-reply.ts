import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { choice, whole } from '../../contracts/option-rules.js'
import type { FaultHandler, ReplyPart } from './fault-connection.js'

/** Where and how an answer breaks off. */
export interface CutOptions {
  /** Part of the answer that is cut. @defaultValue `'body'` */
  readonly part?: ReplyPart | undefined
  /**
   * How many bytes of that part are sent before the cut, from 0. A shorter part is sent whole, and nothing is cut.
   * @defaultValue `0`
   */
  readonly afterBytes?: number | undefined
  /**
   * How the answer ends: a TCP reset, a clean close, or silence on an open connection.
   * @defaultValue `'reset'`
   */
  readonly ending?: 'reset' | 'close' | 'silence' | undefined
}

const RULES: OptionRules<CutOptions> = {
  part: choice('head', 'body', 'trailer'),
  afterBytes: whole(0),
  ending: choice('reset', 'close', 'silence'),
}

/**
 * Cuts an answer off.
 *
 * @example
 * ```ts
 * import { cutReply, faultServer, replyJson } from 'sora-pipeline/testing'
 *
 * const job = replyJson({ id: 'video_1', status: 'queued' })
 * const server = await faultServer({ 'POST /v1/videos': [cutReply(job, { afterBytes: 5 }), job] })
 * await server.close()
 * ```
 */
export function cutReply(handler: FaultHandler, options: CutOptions = {}): FaultHandler {
  checkOptions('cutReply', options, RULES)
  const { part = 'body', afterBytes = 0, ending = 'reset' } = options
  return (connection) => {
    let left = afterBytes
    let isCut = false
    return handler({
      ...connection,
      async send(bytes, sentPart) {
        if (isCut) return
        if (sentPart !== part || bytes.byteLength <= left) {
          if (sentPart === part) left -= bytes.byteLength
          return connection.send(bytes, sentPart)
        }
        isCut = true
        if (left > 0) await connection.send(bytes.subarray(0, left), sentPart)
        if (ending !== 'silence') connection.end(ending)
      },
      end(how) {
        if (!isCut) connection.end(how)
      },
    })
  }
}

/** Resets the connection before the first byte of an answer. */
export function resetConnection(): FaultHandler {
  return ({ end }) => end('reset')
}

/** Reads the request and never answers. */
export function neverReply(): FaultHandler {
  return () => undefined
}

/** Sends arbitrary bytes, which need not be HTTP, and closes the connection. */
export function replyRaw(bytes: string | Uint8Array): FaultHandler {
  return async ({ send, end }) => {
    await send(typeof bytes === 'string' ? Buffer.from(bytes) : bytes, 'head')
    end('close')
  }
}
