import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'vitest'
import type { FRAMEWORKS } from './frameworks.js'
import type { Holdings } from './leak-server.js'
import { type Visit, visits } from './visits.js'

const VISITS: readonly Visit[] = [
  { request: (prefix) => `GET ${prefix}/unread HTTP/1.1\r\nhost: a\r\n\r\n`, until: /\{\}/ },
  {
    request: (prefix) =>
      `POST ${prefix}/echo HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello`,
    until: /hello/,
  },
  {
    request: (prefix) =>
      `POST ${prefix}/unread HTTP/1.1\r\nhost: a\r\ncontent-type: text/plain\r\ncontent-length: 5\r\n\r\nhello`,
    until: /\{\}/,
  },
  { request: (prefix) => `GET ${prefix}/stream HTTP/1.1\r\nhost: a\r\n\r\n`, until: /data: 2\n\n\r\n0\r\n\r\n/ },
  { request: (prefix) => `GET ${prefix}/endless HTTP/1.1\r\nhost: a\r\n\r\n`, until: /data: 0/, leaves: true },
  { request: (prefix) => `GET ${prefix}/late HTTP/1.1\r\nhost: a\r\n\r\n`, leaves: true },
]

async function ask(server: ChildProcess): Promise<Holdings> {
  server.send('holdings')
  const [holdings] = await once(server, 'message')
  return holdings
}

const NAMES = [
  'node:http',
  'Express 5 under a prefix, after body parsers',
  'Fastify 5',
  'Hono on @hono/node-server',
] as const

test.concurrent.for(NAMES satisfies readonly (keyof typeof FRAMEWORKS)[])(
  '10,000 requests, a third of which leave early, leave nothing behind on %s',
  { timeout: 120_000 },
  async (name, { expect, onTestFinished }) => {
    const entry = new URL('leak-server.ts', import.meta.url)
    const execArgv = ['--expose-gc', '--import', new URL('../../support/run-sources.ts', import.meta.url).href]
    const server = fork(entry, [name], { execArgv })
    onTestFinished(() => void server.kill())
    const [{ address, prefix }] = await once(server, 'message')
    const target = { port: address.port, prefix }
    await visits(1002, VISITS, target)
    const before = await ask(server)
    await visits(10_002, VISITS, target)
    const after = await ask(server)
    expect(after.resources).toEqual(before.resources)
    expect(after.warnings).toBe(0)
    const leaving = { aborted: after.aborted - before.aborted, cancelled: after.cancelled - before.cancelled }
    expect(leaving).toEqual({ aborted: 10_002 / 3, cancelled: 10_002 / 3 })
    expect(after.heapBytes - before.heapBytes).toBeLessThan(1_000_000)
  },
)
