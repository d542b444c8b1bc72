import { createServer } from 'node:http'
import { SoraPipeline } from 'sora-pipeline'
import { createHandler, toNodeListener } from 'sora-pipeline/http'
import type { Served } from '../harness/serve-module.ts'

/** The backend of this library over a generator of one line: every chat request is a whole run. */
export function serve(): Served {
  const generator = { name: 'mock', generate: async () => ({ id: 'gen_1', url: 'https://cdn.example/a.mp4' }) }
  const handler = createHandler(new SoraPipeline({ generator }), { apiKeys: ['bench-key'], models: ['sora-2'] })
  return { server: createServer(toNodeListener(handler)) }
}
