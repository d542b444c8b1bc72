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
  // Readers that wait for the next event.
  let waiting: (() => void)[] = []
  return {
    id: runId,
    result: new Promise<PipelineResult>(() => undefined),
    cancel: async () => undefined,
    send(message) {
      events.push({ type: 'warning', runId, sequence: events.length, at: Date.now(), code: 'bench', message })
      const readers = waiting
      waiting = []
      for (const wake of readers) wake()
    },
    [Symbol.asyncIterator]() {
      let next = 0
      return {
        async next() {
          let value = events[next]
          while (value === undefined) {
            await new Promise<void>((resolve) => {
              waiting.push(resolve)
            })
            value = events[next]
          }
          next += 1
          return { done: false, value }
        },
        return: async () => ({ done: true, value: undefined }),
      }
    },
  }
}
