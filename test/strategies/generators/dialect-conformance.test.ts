import { afterAll, beforeAll, describe, test } from 'vitest'
import { type Sandbox, type SandboxVideosDialect, startSandbox } from '../../../src/sandbox/index.js'
import { videosApiGenerator } from '../../../src/strategies/index.js'
import { generatorConformance } from '../../../src/testing/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'

const SECRET = 'canary-key-1'
const DIALECTS: readonly SandboxVideosDialect[] = ['openai', 'openrouter', 'litellm', 'vllm-omni', 'sglang', 'new-api']

// At the sandbox, which is as strict as the server of each dialect.
describe.each(DIALECTS)('videosApiGenerator for %s', (dialect) => {
  let sandbox: Sandbox
  beforeAll(async () => {
    sandbox = await startSandbox({ speed: 60, videosDialect: dialect })
  })
  afterAll(() => sandbox.close())
  const at = (baseUrl: string, apiKey: string) => videosApiGenerator({ baseUrl, apiKey, dialect, model: 'wan-3' })

  generatorConformance({
    test,
    timeoutMs: 20_000,
    create: () => ({
      generator: at(sandbox.videosApi.baseUrl, sandbox.videosApi.apiKey),
      request: { prompt: 'A cat', durationSeconds: 1, size: '64x64' },
      secrets: [sandbox.videosApi.apiKey],
      requests: () => sandbox.requests.length,
    }),
    async createHanging() {
      const server = await loopbackServer(() => undefined)
      return { generator: at(`${server.origin}/v1`, SECRET), secrets: [SECRET], requests: () => server.seen.length }
    },
    async createFailing() {
      const server = await loopbackServer((sent, response) => {
        response.writeHead(503).end(JSON.stringify(sent.headers))
      })
      return { generator: at(`${server.origin}/v1`, SECRET), secrets: [SECRET], requests: () => server.seen.length }
    },
  })
})
