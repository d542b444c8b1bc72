// A video of Gemini Omni, which needs the key: the uploader keeps a copy that does not. With GEMINI_API_KEY it is Google's own,
// and costs money; without it the sandbox answers as Google.
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SoraPipeline } from 'sora-pipeline'
import { startSandbox } from 'sora-pipeline/sandbox'
import { directoryUploader, geminiVideoGenerator } from 'sora-pipeline/strategies'

const apiKey = process.env.GEMINI_API_KEY
const sandbox = apiKey === undefined ? await startSandbox({ speed: 8 }) : undefined
const directory = await mkdtemp(join(tmpdir(), 'gemini-'))

const pipeline = new SoraPipeline({
  generator: geminiVideoGenerator({
    ...(sandbox === undefined
      ? { baseUrl: 'https://generativelanguage.googleapis.com/v1beta', apiKey: apiKey ?? '' }
      : sandbox.providers.gemini),
    model: 'gemini-omni-1.1-flash',
  }),
  uploader: directoryUploader({ directory, publicBaseUrl: 'https://media.example/videos' }),
})
const result = await pipeline.generate({ prompt: 'A cat playing piano', durationSeconds: 4, aspectRatio: '16:9' })
console.log(`${result.url} is in ${directory}, from the ${result.servedBy}`)

await pipeline.close()
await sandbox?.close()
