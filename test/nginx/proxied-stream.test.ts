import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { toNodeListener } from '../../src/http/to-node-listener.js'
import { chineseTexts, type PipelineRun, toChatCompletionChunks, toSse } from '../../src/index.js'
import { gatedPipeline, RESULT_URL } from './gated-pipeline.js'
import { isInstalled, type NginxServer, startNginx } from './nginx-server.js'
import { type SseFrames, sseFrames } from './sse-frames.js'

const isSkipped = !isInstalled() && process.env.NGINX_REQUIRED !== '1'
const title = 'a stream behind nginx'
if (isSkipped) console.warn('skipped: streams behind nginx; install nginx-light')

// What the stream says when a stage begins.
const { generating, publishing, resolving, uploading } = chineseTexts
const BEGINNINGS = [generating, publishing, resolving, uploading('Google Drive')]
const DONE = 'data: [DONE]'
const PROXY_TIMEOUT_MS = 1_000

describe.skipIf(isSkipped)(isSkipped ? `${title} (skipped: install nginx-light)` : title, () => {
  let current: { readonly run: PipelineRun; readonly heartbeatMs: number; readonly onLeave: () => void }
  const answer = async (request: Request): Promise<Response> => {
    if (new URL(request.url).pathname === '/other') return new Response('other')
    const { run, heartbeatMs, onLeave } = current
    const stream = toSse(toChatCompletionChunks(run), { heartbeatMs, onCancel: onLeave })
    const headers = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache, no-transform' }
    return new Response(stream, { headers: { ...headers, 'x-accel-buffering': 'no' } })
  }
  const upstream = createServer(toNodeListener(answer))

  let usual: NginxServer
  let impatient: NginxServer
  let deaf: NginxServer
  beforeAll(async () => {
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
    const origin = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
    usual = await startNginx({ upstream: origin })
    impatient = await startNginx({ upstream: origin, directives: `proxy_read_timeout ${PROXY_TIMEOUT_MS}ms;` })
    deaf = await startNginx({ upstream: origin, directives: 'proxy_ignore_headers X-Accel-Buffering;' })
  })
  afterAll(async () => {
    await Promise.all([usual, impatient, deaf].map((nginx) => nginx?.close()))
    upstream.closeAllConnections()
    await new Promise((resolve) => upstream.close(resolve))
  })

  function ask({ origin }: NginxServer, heartbeatMs: number) {
    const onLeave = vi.fn<() => void>()
    const { pipeline, endStage } = gatedPipeline()
    const run = pipeline.run({ prompt: 'a cat' })
    current = { run, heartbeatMs, onLeave }
    const controller = new AbortController()
    onTestFinished(() => {
      controller.abort()
      for (const _ of BEGINNINGS) endStage()
    })
    const answer = fetch(`${origin}/v1/chat/completions`, { signal: controller.signal })
    return { answer, frames: sseFrames(answer), endStage, onLeave, run }
  }

  test('with default settings each event arrives before the next one is sent', async () => {
    const { answer, frames, endStage } = ask(usual, 0)
    const { status, headers } = await answer
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    for (const beginning of BEGINNINGS) {
      // The stage goes on until this was read: a proxy that waits for more would wait for ever.
      await until(frames, (frame) => frame.includes(JSON.stringify(beginning)))
      endStage()
    }
    expect(await until(frames, (frame) => frame === DONE)).toContainEqual(expect.stringContaining(RESULT_URL))
    expect(await frames.next()).toBeUndefined()
  })

  test('that is so because of the header: without it nothing arrives before the end', async () => {
    const { frames, endStage } = ask(deaf, 0)
    const first = frames.next()
    for (const _ of BEGINNINGS) {
      // nginx does one thing after the other: when it answers this, it has taken what the stream sent before.
      for (let round = 0; round < 3; round += 1) await (await fetch(`${deaf.origin}/other`)).text()
      expect(frames.byteLength).toBe(0)
      endStage()
    }
    expect(await first).toContain(generating)
    await until(frames, (frame) => frame === DONE)
  })

  test('a silence longer than the time-out of the proxy is survived with heartbeats', async () => {
    const { frames, endStage } = ask(impatient, PROXY_TIMEOUT_MS / 10)
    await until(frames, (frame) => frame.includes(generating))
    const silentAt = performance.now()
    const comments = await until(frames, () => performance.now() - silentAt > 2.5 * PROXY_TIMEOUT_MS)
    expect(comments.filter((frame) => !frame.startsWith(':'))).toEqual([])
    for (const beginning of BEGINNINGS.slice(1)) {
      endStage()
      await until(frames, (frame) => frame.includes(JSON.stringify(beginning)))
    }
    endStage()
    expect(await until(frames, (frame) => frame === DONE)).toContainEqual(expect.stringContaining(RESULT_URL))
  })

  test('that is so because of the heartbeats: without them the stream is cut, and the run goes on', async () => {
    const { frames, endStage, onLeave, run } = ask(impatient, 0)
    await until(frames, (frame) => frame.includes(generating))
    await expect(frames.next()).rejects.toThrow('terminated')
    await vi.waitFor(() => expect(onLeave).toHaveBeenCalledOnce())
    expect(impatient.log.join('\n')).toContain('upstream timed out')
    for (const _ of BEGINNINGS) endStage()
    expect((await run.result).url).toBe(RESULT_URL)
  })
})

/** Reads until a frame is the one, and gives all that were read. */
async function until(frames: SseFrames, isIt: (frame: string) => boolean): Promise<readonly string[]> {
  const read: string[] = []
  while (true) {
    const frame = await frames.next()
    if (frame === undefined) throw new Error(`The stream ended after: ${read.join(' | ')}`)
    read.push(frame)
    if (isIt(frame)) return read
  }
}
