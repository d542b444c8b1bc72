// A sandbox on the runtime that it is started with: makes a video in its worker thread, and prints the type of the file.
import { makeVideo, startSandbox } from 'sora-pipeline/sandbox'

const sandbox = await startSandbox({ speed: 20 })
const headers = { authorization: `Bearer ${sandbox.videosApi.apiKey}` }
const models = await fetch(`${sandbox.videosApi.baseUrl}/videos`, { headers })
const video = await makeVideo({ prompt: 'A cat', width: 64, height: 64, durationSeconds: 1 })
await sandbox.close()
console.log(models.status, Buffer.from(video).toString('latin1', 4, 8))
process.exit()
