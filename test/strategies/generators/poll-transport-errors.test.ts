import { describe, expect, test } from 'vitest'
import type { TaskGenerator } from '../../../src/contracts/generator.js'
import {
  arkGenerator,
  dashscopeGenerator,
  falGenerator,
  geminiVideoGenerator,
  minimaxGenerator,
  replicateGenerator,
  runwayGenerator,
  videosApiGenerator,
} from '../../../src/strategies/index.js'
import { loopbackServer } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

const ENVOY = 'upstream connect error or disconnect/reset before headers. reset reason: connection termination'

// Reports of a gateway about the poll, without a job.
const REPORTS: readonly unknown[] = [
  { error: ENVOY },
  { message: ENVOY },
  { status: 'error', message: ENVOY },
  { status: 'failed', error: ENVOY },
  { status: 'failed', msg: 'Internal Server Error' },
  { state: 'error', error: { message: 'ECONNRESET' } },
  { error: { code: 502, message: 'Bad Gateway', status: 'failed' } },
  { code: 500, message: 'internal error' },
  { code: 500, msg: 'internal error', data: null },
  { code: 500, message: 'internal error', status: 'error', request_id: 'r_1' },
  { code: 'internal_error', message: 'internal error', status: 'fail' },
  { success: false, status: 'error', error: 'Internal error, please try again' },
  { success: false, message: 'socket hang up' },
  { status: 'timeout', message: 'upstream request timeout' },
  { status: 'failed', error: { type: 'server_error', message: 'The server had an error processing your request' } },
  { status: 'error', code: 504, message: 'Gateway Timeout' },
  { status: 'error', message: 'Service temporarily unavailable' },
  { status: 'error', message: 'fetch failed' },
  { status: 'error', message: 'read ECONNRESET', statusCode: 500 },
  { status: 'failed', message: 'do request failed' },
  { status: 'error', trace_id: 't_1', message: '服务器内部错误' },
]

const GENERATORS: readonly (readonly [string, (origin: string) => TaskGenerator<never>])[] = [
  ['videosApi', (baseUrl) => videosApiGenerator({ baseUrl, apiKey: 'key_1', model: 'm' }) as TaskGenerator<never>],
  ['dashscope', (baseUrl) => dashscopeGenerator({ baseUrl, apiKey: 'key_1', model: 'm' }) as TaskGenerator<never>],
  ['ark', (baseUrl) => arkGenerator({ baseUrl, apiKey: 'key_1', model: 'm' }) as TaskGenerator<never>],
  ['minimax', (baseUrl) => minimaxGenerator({ baseUrl, apiKey: 'key_1', model: 'm' }) as TaskGenerator<never>],
  ['runway', (baseUrl) => runwayGenerator({ baseUrl, apiKey: 'key_1', model: 'm' }) as TaskGenerator<never>],
  ['replicate', (baseUrl) => replicateGenerator({ baseUrl, apiKey: 'key_1', model: 'a/b' }) as TaskGenerator<never>],
  ['gemini', (baseUrl) => geminiVideoGenerator({ baseUrl, apiKey: 'key_1', model: 'm' }) as TaskGenerator<never>],
  ['fal', (baseUrl) => falGenerator({ baseUrl, apiKey: 'key_1', model: 'a/b' }) as TaskGenerator<never>],
]

async function polled(create: (origin: string) => TaskGenerator<never>, body: unknown): Promise<unknown> {
  const server = await loopbackServer((_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const urls = { pollUrl: `${server.origin}/x/status`, resultUrl: `${server.origin}/x` }
  const poll = create(server.origin).poll({ id: 'job_1', ...urls } as never, stageContext())
  return poll.catch((error: unknown) => error)
}

describe.each(GENERATORS)('a poll of %s', (_, create) => {
  test.each(REPORTS.map((body) => [JSON.stringify(body), body] as const))(
    'that is answered %s is missed',
    async (_text, body) => {
      const outcome = (await polled(create, body)) as { readonly state?: string; readonly isRetryable?: boolean }
      expect(outcome.state === 'running' || outcome.isRetryable === true, JSON.stringify(outcome)).toBe(true)
    },
  )
})

test.each([
  { id: 'job_1', status: 'failed', error: ENVOY },
  { status: 'failed', error: 'The video could not be generated' },
  { status: 'failed', error: { code: 'content_policy', message: 'Your prompt was flagged' } },
  { status: 'failed' },
  { status: 'failed', progress: 30, error: 'Internal error' },
])('a job that failed is no missed poll: %j', async (body) => {
  expect(await polled((GENERATORS[0] as (typeof GENERATORS)[number])[1], body)).toMatchObject({ state: 'failed' })
})

test('a report that stays for five polls and five minutes is the failure of the job', async () => {
  const server = await loopbackServer((_, response) => {
    response.writeHead(200).end(JSON.stringify({ status: 'failed', error: ENVOY }))
  })
  const generator = videosApiGenerator({ baseUrl: server.origin, model: 'm' })
  const context = stageContext()
  for (let poll = 0; poll < 6; poll += 1) {
    await expect(generator.poll({ id: 'job_1' }, context)).rejects.toMatchObject({ isRetryable: true })
    await context.clock.sleep(50_000)
  }
  expect(await generator.poll({ id: 'job_1' }, context)).toMatchObject({ state: 'failed' })
})
