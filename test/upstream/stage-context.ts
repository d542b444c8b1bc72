import type { Clock } from '../../src/contracts/clock.js'
import type { StageProgress, StageWarning, SubmitContext } from '../../src/contracts/stage.js'

/** A clock on which every wait is over at once, and that remembers them. */
export function instantClock(): Clock & { readonly waits: number[] } {
  let time = 1_700_000_000_000
  const waits: number[] = []
  return {
    waits,
    now: () => time,
    monotonic: () => time,
    async sleep(ms, { signal } = {}) {
      signal?.throwIfAborted()
      time += Math.max(0, ms)
      waits.push(ms)
    },
  }
}

/** A context that records what it is given. */
export function stageContext(signal: AbortSignal = new AbortController().signal) {
  const reports: StageProgress[] = []
  const warnings: StageWarning[] = []
  const clock = instantClock()
  const context: SubmitContext = {
    runId: 'run_1',
    idempotencyKey: 'sora_0123456789abcdef',
    signal,
    clock,
    report: (progress) => void reports.push(progress),
    warn: (warning) => void warnings.push(warning),
  }
  return { ...context, clock, reports, warnings }
}

/** What a promise rejects with. */
export async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    (value) => {
      throw new Error(`Resolved with ${JSON.stringify(value)}`)
    },
    (error: unknown) => error,
  )
}

/** All bytes of a stream. */
export async function readAll(stream: ReadableStream<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}
