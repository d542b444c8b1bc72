// A whole backend on Express 5: keys, runs that survive a restart, progress in a browser, a graceful shutdown. It
// serves page.html.
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import express from 'express'
import { type PipelineEvent, SoraPipeline } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import { startSandbox } from 'sora-pipeline/sandbox'
import { sqliteStore } from 'sora-pipeline/stores'
import { directoryUploader, videosApiGenerator } from 'sora-pipeline/strategies'

const { PORT = '8080', DATA_DIRECTORY = 'data', VIDEO_BASE_URL, VIDEO_API_KEY } = process.env
const { PUBLIC_ORIGIN = `http://127.0.0.1:${PORT}`, API_KEYS = newKey() } = process.env
const VIDEOS = join(DATA_DIRECTORY, 'videos')
mkdirSync(VIDEOS, { recursive: true })

// Without your own server, it starts one in this process: its jobs end with the process, so runs survive a restart
// only on a real one.
const sandbox = VIDEO_BASE_URL === undefined ? await startSandbox() : undefined

const store = sqliteStore({ path: join(DATA_DIRECTORY, 'runs.db'), keepEndedMs: 30 * 24 * 3_600_000 })
const pipeline = new SoraPipeline({
  generator: videosApiGenerator(sandbox?.videosApi ?? { baseUrl: VIDEO_BASE_URL ?? '', apiKey: VIDEO_API_KEY }),
  uploader: directoryUploader({ directory: VIDEOS, publicBaseUrl: `${PUBLIC_ORIGIN}/videos` }),
  store,
  maxConcurrentRuns: { total: 20, perOwner: 3 },
  onEvent: report,
})

// As alice:0123456789abcdef,bob:…; each sees their own videos alone. Hashes are compared, so that the time of a lookup reveals no key.
const owners = new Map(
  API_KEYS.split(',').map((entry) => {
    const [, owner, key] = /^([\w-]+):([\w-]{16,})$/.exec(entry) ?? []
    if (!owner || !key)
      throw new Error('Could not read API_KEYS: give name:key, with 16 letters and digits or more in a key')
    return [hashOf(key), owner]
  }),
)

const handler = createHandler(pipeline, { authenticate: ownerOf, publicOrigin: PUBLIC_ORIGIN, onError: console.error })

const app = express()
app.disable('x-powered-by')
app.use('/v1', toNodeListener(handler)) // Before any body parser: it reads its bodies itself.
app.use('/videos', express.static(VIDEOS, { index: false, immutable: true, maxAge: '1y' }))
app.get('/', (_request, response) => response.sendFile(join(import.meta.dirname, 'page.html')))
app.post('/session', express.urlencoded(), (request, response) => {
  const key = String(request.body?.key ?? '')
  if (!owners.has(hashOf(key))) return void response.status(401).send('This key is not known')
  const secure = PUBLIC_ORIGIN.startsWith('https:')
  response.cookie('key', key, { httpOnly: true, sameSite: 'strict', secure }).redirect(303, '/')
})

// Resumes the runs of other processes, or of this one before a crash. Runs with a live process are not touched.
const recovered = await pipeline.recover()
const server = app.listen(Number(PORT))
await once(server, 'listening')
console.log(`listening on ${PUBLIC_ORIGIN}, recovered ${recovered.length} runs`)
if (process.env.API_KEYS === undefined) console.log(`the key is ${API_KEYS.split(':')[1]}`)

for (const signal of ['SIGTERM', 'SIGINT']) process.once(signal, close)

/** Ends within about 10 seconds. Jobs continue at the upstream, and the next process takes over their runs at once. */
async function close(): Promise<void> {
  server.close()
  await pipeline.close()
  server.closeAllConnections()
  await store.close()
  await sandbox?.close()
}

/**
 * The owner of a request: programs send a key in a header, the page in a cookie, because an EventSource sends no
 * headers.
 */
function ownerOf({ headers }: Request): string | undefined {
  const ofProgram = /^Bearer (\S+)$/i.exec(headers.get('authorization') ?? '')?.[1]
  const ofPage = /(?:^|; )key=([^;]+)/.exec(headers.get('cookie') ?? '')?.[1]
  return owners.get(hashOf(ofProgram ?? ofPage ?? ''))
}

/** Logs the events that an operator needs. A run in review waits for `pipeline.settle`. */
function report(event: PipelineEvent): void {
  if (event.type === 'warning') console.warn(event.runId, event.code, event.message)
  if (event.type === 'run-failed') console.error(event.runId, event.error.code, event.error.message)
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

function newKey(): string {
  return `me:${randomBytes(16).toString('hex')}`
}
