// A whole backend on Hono: keys, runs that survive a restart, progress in a browser, a graceful shutdown. It serves
// page.html.
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { Server } from 'node:http'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { serveStatic } from '@hono/node-server/serve-static'
import { Hono } from 'hono'
import { setCookie } from 'hono/cookie'
import { type PipelineEvent, SoraPipeline } from 'sora-pipeline'
import { createHandler } from 'sora-pipeline/http'
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

const app = new Hono()
app.all('/v1/*', ({ req }) => handler(req.raw))
app.get('/videos/*', serveStatic({ root: DATA_DIRECTORY }))
app.get('/', async (context) => context.html(await readFile(join(import.meta.dirname, 'page.html'), 'utf8')))
app.post('/session', async (context) => {
  const key = String((await context.req.parseBody()).key ?? '')
  if (!owners.has(hashOf(key))) return context.text('This key is not known', 401)
  setCookie(context, 'key', key, { httpOnly: true, sameSite: 'Strict', secure: PUBLIC_ORIGIN.startsWith('https:') })
  return context.redirect('/', 303)
})

// Resumes the runs of other processes, or of this one before a crash. Runs with a live process are not touched.
const recovered = await pipeline.recover()
const server = serve({ fetch: app.fetch, port: Number(PORT) }, () => {
  console.log(`listening on ${PUBLIC_ORIGIN}, recovered ${recovered.length} runs`)
  if (process.env.API_KEYS === undefined) console.log(`the key is ${API_KEYS.split(':')[1]}`)
}) as Server

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
