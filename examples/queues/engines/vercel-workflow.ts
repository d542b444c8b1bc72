// Runs on Vercel Workflow: one workflow for each run, which sleeps between two steps without a function. A step that is repeated costs
// time, never money, because the state of the run is in the store.
import { Pool } from 'pg'
import { SoraPipeline, type VideoRequest } from 'sora-pipeline'
import { postgresStore } from 'sora-pipeline/stores'
import { videosApiGenerator } from 'sora-pipeline/strategies'
import { sleep } from 'workflow'

// In the module, because the arguments of a step are saved. Call migrate() of the store when you deploy.
function openPipeline(): SoraPipeline {
  const store = postgresStore({ pool: new Pool({ connectionString: String(process.env.DATABASE_URL) }) })
  const generator = videosApiGenerator({ baseUrl: String(process.env.GATEWAY_URL), lookup: 'list' })
  return new SoraPipeline({ generator, store })
}
let pipeline: SoraPipeline | undefined

/** In a route: start(videoRun, [id, request]) of workflow/api. Read the run with followRun(store, id). */
export async function videoRun(id: string, request: VideoRequest): Promise<void> {
  'use workflow'
  await create(id, request)
  for (let wakeAt = await advance(id); wakeAt !== undefined; wakeAt = await advance(id)) await sleep(new Date(wakeAt))
}

async function create(id: string, request: VideoRequest): Promise<void> {
  'use step'
  pipeline ??= openPipeline()
  await pipeline.create(request, { id })
}
create.maxRetries = 1000

async function advance(id: string): Promise<number | undefined> {
  'use step'
  pipeline ??= openPipeline()
  const { status, wakeAt } = await pipeline.advance(id)
  return status === 'running' ? Math.max(wakeAt, Date.now() + 500) : undefined
}
// While the store is down, a step is repeated.
advance.maxRetries = 1000
