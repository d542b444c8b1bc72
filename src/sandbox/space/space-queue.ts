import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonValue } from '../../contracts/json.js'

/** The outcome of a call; `failed` is an exception in the function, whose text Gradio does not report. */
export type CallOutcome = { readonly value: JsonValue } | 'failed'

/** One call of the function of a Space. */
export interface SpaceCall {
  /** 32 hex digits. */
  readonly id: string
  /** Whether it waits in line. */
  isQueued(): boolean
  /** Resolves to whether it has ended within that time. An abort of the signal rejects at once. */
  endsWithin(ms: number, signal: AbortSignal): Promise<boolean>
  /** Never rejects. */
  readonly outcome: Promise<CallOutcome>
}

/** Calls of a function that runs one at a time, in the order of arrival. */
export interface SpaceQueue {
  /** `undefined` if the line is full. */
  submit(work: () => Promise<CallOutcome>): SpaceCall | undefined
  /** Returns a call to its only reader. */
  take(id: string): SpaceCall | undefined
  /** Removes a call from the line; one that runs continues unseen. */
  leave(call: SpaceCall): void
}

/** @param maxSize - Maximum calls that wait in line, besides the running one. */
export function spaceQueue(maxSize: number): SpaceQueue {
  const unread = new Map<string, SpaceCall>()
  const line: { readonly call: SpaceCall; readonly run: () => Promise<void> }[] = []
  let isRunning = false

  const runNext = () => {
    const next = line.shift()
    isRunning = next !== undefined
    void next?.run().then(runNext)
  }

  return {
    submit(work) {
      if (isRunning && line.length >= maxSize) return undefined
      const { promise: outcome, resolve } = Promise.withResolvers<CallOutcome>()
      const call: SpaceCall = {
        id: randomUUID().replaceAll('-', ''),
        isQueued: () => line.some((entry) => entry.call === call),
        endsWithin: (ms, signal) => endsWithin(outcome, ms, signal),
        outcome,
      }
      // Failures are not reported, as in Gradio.
      const run = () => work().then(resolve, () => resolve('failed'))
      unread.set(call.id, call)
      line.push({ call, run })
      if (!isRunning) runNext()
      return call
    },
    take(id) {
      const call = unread.get(id)
      unread.delete(id)
      return call
    },
    leave(call) {
      const place = line.findIndex((entry) => entry.call === call)
      if (place >= 0) line.splice(place, 1)
    },
  }
}

async function endsWithin(outcome: Promise<CallOutcome>, ms: number, signal: AbortSignal): Promise<boolean> {
  const ended = new AbortController()
  const timeout = delay(ms, false, { signal: AbortSignal.any([signal, ended.signal]) })
  try {
    return await Promise.race([outcome.then(() => true), timeout])
  } finally {
    ended.abort()
  }
}
