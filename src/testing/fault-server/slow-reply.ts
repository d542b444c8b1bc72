import { setTimeout as delay } from 'node:timers/promises'
import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { choice, msFrom0, whole } from '../../contracts/option-rules.js'
import type { FaultHandler, ReplyPart } from './fault-connection.js'

/** The speed of an answer. */
export interface SlowOptions {
  /** Part of the answer that is slow. @defaultValue `'body'` */
  readonly part?: ReplyPart | undefined
  /** Bytes that are sent at a time, a whole number from 1; the last piece may be shorter. @defaultValue `1` */
  readonly chunkBytes?: number | undefined
  /**
   * Pause between two pieces, in milliseconds from 0 and at most 2,147,483,647. Node shortens a longer one to 1 ms.
   * The pause ends when the client disconnects.
   * @defaultValue `100`
   */
  readonly everyMs?: number | undefined
}

const RULES: OptionRules<SlowOptions> = {
  part: choice('head', 'body', 'trailer'),
  chunkBytes: whole(1),
  everyMs: msFrom0,
}

/** Sends one part of an answer in small pieces with pauses, until the client disconnects. */
export function slowReply(handler: FaultHandler, options: SlowOptions = {}): FaultHandler {
  checkOptions('slowReply', options, RULES)
  const { part = 'body', chunkBytes: step = 1, everyMs = 100 } = options
  return (connection) =>
    handler({
      ...connection,
      async send(bytes, sentPart) {
        if (sentPart !== part) return connection.send(bytes, sentPart)
        const { signal } = connection
        for (let at = 0; at < bytes.byteLength && !signal.aborted; at += step) {
          // The client may disconnect during the pause; the next bytes are then discarded.
          if (at > 0) await delay(everyMs, undefined, { signal }).catch(() => undefined)
          await connection.send(bytes.subarray(at, at + step), sentPart)
        }
      },
    })
}
