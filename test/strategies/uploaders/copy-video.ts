// A process of its own, so that nothing but the copy counts: the built package downloads the video of a job and stores it.
// Arguments: base URL of the API, directory. Prints JSON.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout } from 'node:timers/promises'
import type { Clock } from 'sora-pipeline'
import { directoryUploader, videosApiGenerator } from 'sora-pipeline/strategies'
import { fakeContext } from 'sora-pipeline/testing'

const [baseUrl = '', directory = ''] = process.argv.slice(2)
const generator = videosApiGenerator({ baseUrl, allowPrivateAddresses: ['127.0.0.1'] })
const clock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  sleep: (ms, { signal } = {}) => setTimeout(ms, undefined, signal === undefined ? {} : { signal }),
}
const context = fakeContext({ clock })
const status = await generator.poll({ id: 'video_1' }, context)
const source = status.state === 'completed' ? status.video.source : undefined
if (source === undefined) throw new Error('There is no video')

const before = process.memoryUsage.rss()
let highest = before
const timer = setInterval(() => {
  highest = Math.max(highest, process.memoryUsage.rss())
}, 10)
const { id = '', byteLength } = await directoryUploader({ directory, publicBaseUrl: 'https://media.example' }).upload(
  source,
  context,
)
clearInterval(timer)

const hash = createHash('sha256')
await pipeline(createReadStream(join(directory, id)), hash)
console.log(JSON.stringify({ byteLength, sha256: hash.digest('hex'), growth: highest - before }))
