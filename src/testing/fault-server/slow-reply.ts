import { setTimeout as delay } from 'node:timers/promises'
import { checkOptions, type OptionRules } from '../../contracts/check-options.js'
import { choice, msFrom0, whole } from '../../contracts/option-rules.js'
import type { FaultHandler, ReplyPart } from './fault-connection.js'

/** How slowly an answer comes. */
export interface SlowOptions {
  /** @defaultValue `'body'` */
  readonly part?: ReplyPart | undefined
  /** Bytes at a time, above 0. @defaultValue `1` */
  readonly bytes?: number | undefined
  /** Milliseconds between them. @defaultValue `100` */
  readonly everyMs?: number | undefined
}

const RULES: OptionRules<SlowOptions> = {
  part: choice('head', 'body', 'trailer'),
  bytes: whole(1),
  everyMs: msFrom0,
}

/** Sends one part of an answer in small pieces with pauses, until the client has had enough of it. */
export function slowReply(handler: FaultHandler, options: SlowOptions = {}): FaultHandler {
  checkOptions('slowReply', options, RULES)
  const { part = 'body', bytes: step = 1, everyMs = 100 } = options
  return (connection) =>
    handler({
      ...connection,
      async send(bytes, sentPart) {
        if (sentPart !== part) return connection.send(bytes, sentPart)
        const { signal } = connection
        for (let at = 0; at < bytes.byteLength && !signal.aborted; at += step) {
          // The client may leave during the pause; what is sent then goes nowhere.
          if (at > 0) await delay(everyMs, undefined, { signal }).catch(() => undefined)
          await connection.send(bytes.subarray(at, at + step), sentPart)
        }
      },
    })
}
