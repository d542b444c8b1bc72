import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createHandler, toNodeListener } from '../../src/http/index.js'
import { chineseTexts } from '../../src/index.js'
import { gatedPipeline, RESULT_URL } from './gated-pipeline.js'
import { isInstalled, type NginxServer, startNginx } from './nginx-server.js'
import { type SseFrames, sseFrames } from './sse-frames.js'

const isSkipped = !isInstalled() && process.env.NGINX_REQUIRED !== '1'
const title = 'a stream behind nginx'
if (isSkipped) console.warn('skipped: streams behind nginx; install nginx-light')

const STAGES = ['generate', 'publish', 'resolve', 'upload']
// The text of the chat when a stage begins.
const { generating, publishing, resolving, uploading } = chineseTexts
const BEGINNINGS = [generating, publishing, resolving, uploading('Google Drive')].map((text) => JSON.stringify(text))
const DONE = 'data: [DONE]'
const PROXY_TIMEOUT_MS = 1_000

const POST = (body: object) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const CHAT = POST({ model: 'sora-1.0', stream: true, messages: [{ role: 'user', content: 'a cat' }] })

describe.skipIf(isSkipped)(isSkipped ? `${title} (skipped: install nginx-light)` : title, () => {
  let handler: ReturnType<typeof createHandler>
  const upstream = createServer(toNodeListener((request) => handler(request)))
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

  /** A new pipeline behind the proxies, and a way to ask for its streams. */
  function serve(options: { readonly heartbeatMs: number }) {
    const { pipeline, endStage } = gatedPipeline()
    handler = createHandler(pipeline, { public: true, acceptTimeoutMs: 0, ...options })
    const controller = new AbortController()
    onTestFinished(() => {
      controller.abort()
      for (const _ of STAGES) endStage()
    })
    const ask = (url: string, init?: RequestInit) => {
      const answer = fetch(url, { ...init, signal: controller.signal })
      return { answer, frames: sseFrames(answer) }
    }
    return { pipeline, endStage, ask }
  }

  test('with default settings each event of a chat arrives before the next one is sent', async () => {
    const { endStage, ask } = serve({ heartbeatMs: 0 })
    const { answer, frames } = ask(`${usual.origin}/v1/chat/completions`, CHAT)
    const { status, headers } = await answer
    expect([status, headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
    for (const beginning of BEGINNINGS) {
      // The stage continues until this was read: a proxy that waits for more would wait forever.
      await until(frames, (frame) => frame.includes(beginning))
      endStage()
    }
    expect(await until(frames, (frame) => frame === DONE)).toContainEqual(expect.stringContaining(RESULT_URL))
    expect(await frames.next()).toBeUndefined()
  })

  test('the typed events of a video also arrive one by one', async () => {
    const { endStage, ask } = serve({ heartbeatMs: 0 })
    const { id } = (await (await fetch(`${usual.origin}/v1/videos`, POST({ prompt: 'a cat' }))).json()) as {
      id: string
    }
    const { frames } = ask(`${usual.origin}/v1/videos/${id}/events`)
    for (const stage of STAGES) {
      await until(frames, (frame) => frame.includes('event: stage-started') && frame.includes(`"stage":"${stage}"`))
      endStage()
    }
    await until(frames, (frame) => frame.includes('event: run-completed') && frame.includes(RESULT_URL))
    expect(await frames.next()).toBeUndefined()
  })

  test('nothing arrives before the end where nginx ignores the header against buffering', async () => {
    const { endStage, ask } = serve({ heartbeatMs: 0 })
    const { frames } = ask(`${deaf.origin}/v1/chat/completions`, CHAT)
    const read = until(frames, (frame) => frame === DONE)
    for (const _ of STAGES) {
      // nginx does one thing after the other: when it answers this, it has taken what the stream sent before.
      for (let round = 0; round < 3; round += 1) await (await fetch(`${deaf.origin}/v1/models`)).text()
      expect(frames.byteLength).toBe(0)
      endStage()
    }
    expect((await read).join()).toContain(generating)
  })

  test('a silence longer than the time-out of the proxy is survived with heartbeats', async () => {
    const { endStage, ask } = serve({ heartbeatMs: PROXY_TIMEOUT_MS / 10 })
    const { frames } = ask(`${impatient.origin}/v1/chat/completions`, CHAT)
    await until(frames, (frame) => frame.includes(generating))
    const silentAt = performance.now()
    const beats = await until(frames, () => performance.now() - silentAt > 2.5 * PROXY_TIMEOUT_MS)
    expect(beats.filter((frame) => !frame.includes('"delta":{}'))).toEqual([])
    for (const beginning of BEGINNINGS.slice(1)) {
      endStage()
      await until(frames, (frame) => frame.includes(beginning))
    }
    endStage()
    expect(await until(frames, (frame) => frame === DONE)).toContainEqual(expect.stringContaining(RESULT_URL))
  })

  test('the stream is cut without heartbeats, and the run continues', async () => {
    const { pipeline, endStage, ask } = serve({ heartbeatMs: 0 })
    const { answer, frames } = ask(`${impatient.origin}/v1/chat/completions`, CHAT)
    await until(frames, (frame) => frame.includes(generating))
    await expect(frames.next()).rejects.toThrow('terminated')
    expect(impatient.log.join('\n')).toContain('upstream timed out')
    for (const _ of STAGES) endStage()
    const { url } = await pipeline.resume((await answer).headers.get('x-run-id') ?? '').result
    expect(url).toBe(RESULT_URL)
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
