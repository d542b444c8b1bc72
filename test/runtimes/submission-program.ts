// Submissions to a server that resets the connection after it has read them, and to one that is not there. Prints one line of JSON.
import { fallback, type Generator, SoraPipeline } from 'sora-pipeline'
import { videosApiGenerator } from 'sora-pipeline/strategies'

const { videosApi, dead } = JSON.parse(process.argv[2] as string)
const pace = { allowPrivateAddresses: ['127.0.0.1'], pollSchedule: () => 50 }
const request = { prompt: 'A cat', durationSeconds: 1, size: '64x64' } as const

// The video is behind a key and nothing uploads it: a run that got so far has paid.
async function outcomeOf(generator: Generator, prompt: string): Promise<unknown> {
  const { result } = new SoraPipeline({ generator, ...pace }).run({ ...request, prompt })
  return result.then(
    () => 'completed',
    (error: unknown) => (error as { readonly code?: string }).code,
  )
}

const first = videosApiGenerator(videosApi)
const kept = await outcomeOf(first, 'A warm-up') // Leaves connections that are kept open.
const reset = await outcomeOf(first, 'A reset')
const gone = videosApiGenerator({ ...videosApi, name: 'gone', baseUrl: `${dead}/v1` })
const unknownHost = videosApiGenerator({
  ...videosApi,
  name: 'unknown-host',
  baseUrl: 'http://no-such-host.invalid/v1',
})
const next = await outcomeOf(fallback(gone, unknownHost, first), 'A fallback')
console.log(JSON.stringify({ kept, reset, next }))
