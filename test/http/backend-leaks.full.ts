import { fork } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import type { BackendHoldings } from './backend-leak-server.js'
import { type Visit, visits } from './node/visits.js'

const chat = (fields: object) => {
  const body = JSON.stringify({ model: 'sora-1.0', messages: [{ role: 'user', content: 'A cat' }], ...fields })
  return (prefix: string) =>
    [
      `POST ${prefix}/chat/completions HTTP/1.1`,
      'host: a',
      'authorization: Bearer key',
      'content-type: application/json',
      `content-length: ${body.length}`,
      '',
      body,
    ].join('\r\n')
}
const get =
  (path: string, key = 'key') =>
  (prefix: string) =>
    `GET ${prefix}${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n\r\n`

const VISITS: readonly Visit[] = [
  { request: chat({ stream: true }), until: /\[DONE\]\n\n(?:\r\n0\r\n\r\n)?$/ },
  { request: chat({}), until: /"finish_reason":"stop"\}\]\}/ },
  // In mid-stream, at header time, and after the end.
  { request: chat({ stream: true }), until: /data: /, leaves: true },
  { request: chat({ stream: true }), leaves: true },
  { request: chat({ stream: true }), until: /\[DONE\]/, leaves: true },
  { request: get('/videos?limit=1'), until: /"has_more":true\}/ },
  { request: get('/videos', 'wrong'), until: /"invalid_api_key"\}\}/ },
]

test('10,000 requests, of which many leave early, leave nothing behind, and every run ends', async () => {
  const entry = new URL('backend-leak-server.ts', import.meta.url)
  const execArgv = ['--expose-gc', '--import', new URL('../support/run-sources.ts', import.meta.url).href]
  const server = fork(entry, { execArgv })
  onTestFinished(() => void server.kill())
  const [{ address }] = await once(server, 'message')
  const target = { port: address.port, prefix: '/v1' }
  const ask = async (): Promise<BackendHoldings> => {
    server.send('holdings')
    return (await once(server, 'message'))[0]
  }
  await visits(2002, VISITS, target)
  const before = await ask()
  await visits(10_003, VISITS, target)
  const after = await ask()
  // The one timer of the heartbeats may be on its last tick, before as well as after.
  const besidesTimers = ({ resources }: BackendHoldings) => resources.filter((resource) => resource !== 'Timeout')
  expect(besidesTimers(after)).toEqual(besidesTimers(before))
  expect(after.resources.length - before.resources.length).toBeLessThanOrEqual(1)
  expect(after.warnings).toBe(0)
  // A client that leaves as soon as the request is sent may be gone before it is read, and the run of one that leaves in mid-stream is
  // joined by the next such request; no other run is missing.
  const [runs, left] = [(10_003 / 7) * 5, (10_003 / 7) * 2]
  expect(after.started - before.started).toBeGreaterThanOrEqual(runs - left)
  expect(after.started - before.started).toBeLessThanOrEqual(runs)
  expect(after.completed).toBe(after.started)
  expect(after.heapBytes - before.heapBytes).toBeLessThan(4_000_000)
}, 400_000)
