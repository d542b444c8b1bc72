import { type StageContext, type Uploader, UpstreamResponseError, type VideoSource } from '../../../src/index.js'

/** Places where a test makes the uploader go wrong. */
export interface UploaderFaults {
  readonly ignoresLength?: boolean
  readonly leavesParts?: boolean
  readonly ignoresSignal?: boolean
  readonly leavesStreamOpen?: boolean
  readonly swallowsFailures?: boolean
  readonly resumesWrongly?: boolean
  readonly sharesKey?: boolean
  readonly opensEarly?: boolean
  readonly dropsByte?: boolean
  readonly wrapsAbort?: boolean
  readonly untypedEmpty?: boolean
}

/** An uploader into memory that does everything right, but for the faults that it is given. */
export function memoryStore(faults: UploaderFaults = {}) {
  const objects = new Map<string, Uint8Array>()
  let count = 0
  const uploader: Uploader = {
    name: 'memory',
    async upload(source, context) {
      if (faults.opensEarly) await (await source.open()).cancel()
      if (!faults.ignoresSignal) context.signal.throwIfAborted()
      count += 1
      const url = `https://store.example/${faults.sharesKey ? context.runId.slice(0, 4) : count}.mp4`
      const parts: Uint8Array[] = []
      try {
        await receive(source, context, parts, faults)
      } catch (error) {
        if (faults.leavesParts) objects.set(url, Buffer.concat(parts))
        if (faults.wrapsAbort && context.signal.aborted) throw new Error('Could not upload: aborted')
        throw error
      }
      const bytes = Buffer.concat(parts)
      objects.set(url, faults.dropsByte ? bytes.subarray(1) : bytes)
      return { url, byteLength: bytes.length }
    },
  }
  return {
    uploader,
    read: async (url: string) => objects.get(url) ?? new Uint8Array(),
    list: async () => [...objects.keys()],
  }
}

async function receive(source: VideoSource, context: StageContext, parts: Uint8Array[], faults: UploaderFaults) {
  let done = 0
  for (;;) {
    const start = done
    try {
      const offset = faults.resumesWrongly ? 0 : done
      const stream = await source.open({ offset, signal: faults.ignoresSignal ? undefined : context.signal })
      const reader = stream.getReader()
      for (let read = await reader.read(); !read.done; read = await reader.read()) {
        parts.push(read.value)
        done += read.value.length
        context.report({ bytesDone: done })
        if (faults.leavesStreamOpen && done >= 70_000) throw new UpstreamResponseError('Could not store: full')
      }
      break
    } catch (error) {
      if (context.signal.aborted) throw error
      if (faults.swallowsFailures) break
      // A source that gives nothing more has failed for good.
      if (done === start || faults.leavesStreamOpen) throw error
    }
  }
  if (faults.untypedEmpty && done === 0) throw new TypeError('empty')
  if (source.byteLength !== undefined && source.byteLength !== done && !faults.ignoresLength) {
    throw new UpstreamResponseError(`Could not store a video of another length than it says: ${done}`)
  }
}
