import { type RunStore, SoraPipeline } from 'sora-pipeline'
import { createWakeUrl } from 'sora-pipeline/http'
import { fileStore } from 'sora-pipeline/stores'
import { videosApiGenerator } from 'sora-pipeline/strategies'
import { openServerStore, type ServerKind } from '../../stores/servers/open-server-store.ts'

// A process that holds a run, whose upstream calls another process.

export interface WakeTask {
  readonly kind: 'file' | ServerKind
  readonly place: string
  readonly upstream: string
  /** Origin of the process that the upstream calls. */
  readonly backend: string
  readonly contentSecret: string
}

const task = JSON.parse(process.argv[2] ?? '') as WakeTask
const { store, close } = await openStore()
const pipeline = new SoraPipeline({
  generator: videosApiGenerator({ baseUrl: `${task.upstream}/v1`, callbackField: 'callback_url' }),
  store,
  wakeUrl: createWakeUrl({ baseUrl: `${task.backend}/v1`, contentSecret: task.contentSecret }),
  pollSchedule: () => 60_000,
})
const { runId, url } = await pipeline.generate({ prompt: 'A cat' }, { id: 'run_1' })
process.stdout.write(`${JSON.stringify([runId, url])}\n`)
await pipeline.close()
await close()

async function openStore(): Promise<{ readonly store: RunStore; close(): Promise<void> }> {
  if (task.kind === 'file') return { store: fileStore({ directory: task.place }), close: async () => undefined }
  return openServerStore(task.kind, task.place)
}
