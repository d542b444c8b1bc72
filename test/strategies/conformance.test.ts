import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { describe, onTestFinished, test } from 'vitest'
import { directoryUploader, mirrorResolver, originalResolver, videosApiGenerator } from '../../src/strategies/index.js'
import { generatorConformance, resolverConformance, uploaderConformance } from '../../src/testing/index.js'
import { loopbackServer, videoBytes } from '../upstream/loopback-server.js'
import { instantClock } from '../upstream/stage-context.js'

const SECRET = 'canary-key-1'
const VIDEO = videoBytes(20_000)
const hangs = () => loopbackServer(() => undefined)
const fails = () =>
  loopbackServer((sent, response) => {
    response.writeHead(503).end(`${sent.headers.authorization} ${sent.headers['x-key']}`)
  })

describe('videosApiGenerator', () => {
  const at = (server: Awaited<ReturnType<typeof loopbackServer>>) => ({
    generator: videosApiGenerator({ baseUrl: `${server.origin}/v1`, apiKey: SECRET, callbackField: 'callback_url' }),
    receivedCallbackUrl: () => {
      const sent = server.seen.findLast(({ method }) => method === 'POST')?.body.toString() ?? '{}'
      return (JSON.parse(sent) as { readonly callback_url?: string }).callback_url
    },
    secrets: [SECRET],
    requests: () => server.seen.length,
  })
  generatorConformance({
    test,
    async create() {
      let jobs = 0
      const polls = new Map<string, number>()
      return at(
        await loopbackServer((sent, response) => {
          const id = sent.url.split('/')[3] ?? ''
          if (sent.url.endsWith('/content')) {
            const offset = Number(/\d+/.exec(sent.headers.range ?? '0')?.[0])
            const range = { 'content-range': `bytes ${offset}-${VIDEO.length - 1}/${VIDEO.length}` }
            return response
              .writeHead(offset > 0 ? 206 : 200, { 'content-type': 'video/mp4', ...(offset > 0 && range) })
              .end(VIDEO.subarray(offset))
          }
          if (sent.method === 'POST') {
            jobs += 1
            return response.end(JSON.stringify({ id: `v_${jobs}`, object: 'video', status: 'queued', progress: 0 }))
          }
          if (sent.url.includes('?')) {
            const data = Array.from(polls.keys(), (listed) => ({ id: listed, object: 'video', status: 'completed' }))
            return response.end(JSON.stringify({ data, has_more: false }))
          }
          if (sent.method === 'DELETE') return response.end(JSON.stringify({ id, deleted: true }))
          const count = (polls.get(id) ?? 0) + 1
          polls.set(id, count)
          const [status, progress] = count > 2 ? ['completed', 100] : ['in_progress', count * 30]
          return response.end(JSON.stringify({ id, object: 'video', status, progress }))
        }),
      )
    },
    createHanging: async () => at(await hangs()),
    createFailing: async () => at(await fails()),
  })
})

describe('mirrorResolver', () => {
  const at = (server: Awaited<ReturnType<typeof loopbackServer>>) => ({
    resolver: mirrorResolver({ hosts: [server.origin], headers: { 'x-key': SECRET } }),
    secrets: [SECRET],
    requests: () => server.seen.length,
  })
  resolverConformance({
    test,
    async create() {
      return at(
        await loopbackServer((_, response) => {
          response.writeHead(200, { 'content-type': 'video/mp4', 'content-length': VIDEO.length }).end()
        }),
      )
    },
    createHanging: async () => at(await hangs()),
    createFailing: async () => at(await fails()),
  })
})

describe('originalResolver', () => {
  resolverConformance({ test, create: () => ({ resolver: originalResolver() }) })
})

describe('directoryUploader', () => {
  uploaderConformance({
    test,
    async create() {
      const directory = await mkdtemp(join(tmpdir(), 'uploader-conformance-'))
      onTestFinished(() => rm(directory, { recursive: true, force: true }))
      return {
        uploader: directoryUploader({ directory, publicBaseUrl: 'https://media.example' }),
        clock: instantClock(),
        read: (url: string) => readFile(join(directory, decodeURIComponent(basename(url)))),
        list: () => readdir(directory),
      }
    },
  })
})
