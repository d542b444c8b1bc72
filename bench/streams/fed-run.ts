import type { PipelineEvent, PipelineResult } from 'sora-pipeline'
import type { PipelineRun, VideoRunner } from 'sora-pipeline/http'
import type { FedStream } from './fed-server.ts'

/** A runner whose runs do nothing but pass on what they are fed, so that only the way to the client is measured. */
export function fedRunner(streams: FedStream[]): VideoRunner {
  const unused = () => Promise.reject(new Error('Could not answer, the benchmark does not use it'))
  return {
    run(_, { id = 'run_1' } = {}) {
      const run = fedRun(id)
      streams.push(run)
      return run
    },
    resume: fedRun,
    get: async () => undefined,
    list: async () => [],
    openVideo: unused,
    remove: unused,
  }
}

function fedRun(runId: string): PipelineRun & FedStream {
  const events: PipelineEvent[] = [
    { type: 'run-started', runId, sequence: 0, at: Date.now(), stages: ['generate'] },
    { type: 'stage-started', runId, sequence: 1, at: Date.now(), stage: 'generate', strategy: 'mock' },
    { type: 'stage-progressed', runId, sequence: 2, at: Date.now(), stage: 'generate', strategy: 'mock', elapsedMs: 0 },
  ]
  // The reader that waits for the next event, as it does for one of a run of the library.
  let next = 0
  let give: ((step: IteratorResult<PipelineEvent>) => void) | undefined
  const step = (): IteratorResult<PipelineEvent> | undefined => {
    const value = events[next]
    if (value === undefined) return undefined
    next += 1
    return { done: false, value }
  }
  return {
    id: runId,
    result: new Promise<PipelineResult>(() => undefined),
    cancel: async () => undefined,
    send(message) {
      events.push({ type: 'warning', runId, sequence: events.length, at: Date.now(), code: 'bench', message })
      const reader = give
      const read = reader && step()
      if (reader === undefined || read === undefined) return
      give = undefined
      reader(read)
    },
    [Symbol.asyncIterator]() {
      return {
        next() {
          const read = step()
          if (read !== undefined) return Promise.resolve(read)
          return new Promise((resolve) => {
            give = resolve
          })
        },
        return: async () => ({ done: true, value: undefined }),
      }
    },
  }
}
