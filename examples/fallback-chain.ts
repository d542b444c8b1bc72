// Every stage with a fallback: broken parts are skipped, and the run reports why.
import { fallback, SoraPipeline, withRetry, withTimeout } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { mirrorResolver, originalResolver, videosApiGenerator } from 'sora-pipeline/strategies'

const empty = await startSandbox({ faults: { 'videos.create': { kind: 'status', status: 402 } } })
const healthy = await startSandbox({
  speed: 4,
  faults: { 'mirror-1': { kind: 'reset' }, 'mirror-2': { kind: 'html' } },
})

const pipeline = new SoraPipeline({
  generator: fallback(
    withRetry(videosApiGenerator({ ...empty.videosApi, name: 'first-account' })),
    videosApiGenerator({ ...healthy.videosApi, name: 'second-account' }),
  ),
  resolver: fallback(
    withTimeout(mirrorResolver({ hosts: healthy.mirrors, path: '/MP4/{videoId}.mp4' }), { timeoutMs: 5000 }),
    originalResolver(),
  ),
})
const result = await pipeline.generate({ prompt: 'A cat playing piano' })
for (const { stage, strategy, outcome, errorCode } of result.attempts) {
  console.log(`${stage}: ${strategy} ${outcome}${errorCode === undefined ? '' : ` (${errorCode})`}`)
}
console.log(`${result.url} from the ${result.servedBy}`)

await Promise.all([empty.close(), healthy.close()])
