// An upstream in its own process, so that it keeps running while the backend is killed: servers of the sandbox.
import { startSandbox } from 'sora-pipeline/sandbox'

const apiKey = 'sandbox-key'
const sandbox = await startSandbox({ apiKey, speed: 0.5 }) // A video takes about 12 s: time to kill the backend.
console.log(`VIDEO_API_URL=${sandbox.videosApi.baseUrl} VIDEO_API_KEY=${apiKey} VIDEO_MIRROR=${sandbox.mirrors[0]}`)

process.once('SIGINT', () => sandbox.close())
