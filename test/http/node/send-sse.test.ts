import { createServer, ServerResponse } from 'node:http'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { createHandler, sendNodeResponse, toNodeListener, type VideoRunner } from '../../../src/http/index.js'
import { SoraPipeline } from '../../../src/index.js'
import { type SseSink, type SseSource, sseStream } from '../../../src/openai/sse-source.js'
import { fakeTaskGenerator } from '../../../src/testing/index.js'
import { rawClient } from './raw-client.js'
import { serve } from './serve.js'

/** A source whose frames come when the test says so, and what was asked of it. */
function pushableSource() {
  let sink: SseSink | undefined
  const asked = { pulls: 0 }
  const cancelled = Promise.withResolvers<unknown>()
  const pulled = () => {
    const waiting = sink
    sink = undefined
    return waiting
  }
  const source: SseSource = {
    pull(next) {
      asked.pulls += 1
      sink = next
    },
    cancel: (reason) => cancelled.resolve(reason),
  }
  return {
    source,
    asked,
    cancelled: cancelled.promise,
    give: (frame: string, isLast = false) => pulled()?.take(frame, isLast),
    fail: (error: unknown) => pulled()?.fail(error),
  }
}

/** A server that answers with a stream of a source, and what was written to its response. */
async function startStream(source: SseSource) {
  const writes: string[] = []
  const streams: ReadableStream[] = []
  const sent = Promise.withResolvers<unknown>()
  const begun = Promise.withResolvers<void>()
  const server = createServer((_, response) => {
    const { write } = response
    Object.assign(response, {
      write(chunk: string) {
        writes.push(chunk)
        return write.call(response, chunk, 'utf8')
      },
    })
    const stream = sseStream(source)
    streams.push(stream)
    const answer = new Response(stream, { headers: { 'content-type': 'text/event-stream' } })
    sendNodeResponse(response, answer).then(() => sent.resolve('sent'), sent.resolve)
    begun.resolve()
  })
  const { port } = await serve(server)
  const client = rawClient(port)
  client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await begun.promise
  return { client, writes, streams, sent: sent.promise, port }
}

describe('a stream of the library', () => {
  test('is written frame by frame, and its stream is locked and never read', async () => {
    const { source, give } = pushableSource()
    const { client, writes, streams, sent } = await startStream(source)
    await client.until(/text\/event-stream/)
    give('data: 1\n\n')
    await client.until(/data: 1/)
    give('data: 2\n\n')
    await client.until(/data: 2/)
    give('data: [DONE]\n\n', true)
    await client.until(/\r\n0\r\n\r\n/)
    expect(writes).toEqual(['data: 1\n\n', 'data: 2\n\n'])
    expect(await sent).toBe('sent')
    expect(streams[0]?.locked).toBe(true)
  })

  test('is written once for all frames that are ready together', async () => {
    const { source, give } = pushableSource()
    const { client, writes } = await startStream(source)
    await client.until(/text\/event-stream/)
    for (const n of [1, 2, 3]) give(`data: ${n}\n\n`)
    await client.until(/data: 3/)
    expect(writes).toEqual(['data: 1\n\ndata: 2\n\ndata: 3\n\n'])
  })

  test('that is completely ready has a length', async () => {
    const source: SseSource = { pull: (sink) => sink.take('data: [DONE]\n\n', true), cancel: () => undefined }
    const { client, sent } = await startStream(source)
    expect(await client.until(/\[DONE\]/)).toMatch(/content-length: 14/i)
    expect(await sent).toBe('sent')
  })

  test('is not read ahead of a client that does not read, and goes on when it does', async () => {
    const frame = `data: ${'x'.repeat(20_000)}\n\n`
    let pulls = 0
    const source: SseSource = {
      pull: (sink) => {
        pulls += 1
        void Promise.resolve().then(() => sink.take(pulls < 2000 ? frame : 'data: [DONE]\n\n', pulls >= 2000))
      },
      cancel: () => undefined,
    }
    const { client, sent } = await startStream(source)
    client.socket.pause()
    let before = -1
    while (pulls !== before) {
      before = pulls
      for (let turn = 0; turn < 50; turn += 1) await nextTurn()
    }
    expect(pulls).toBeLessThan(1000)
    client.socket.resume()
    expect(await sent).toBe('sent')
    expect(pulls).toBe(2000)
  })

  test('is cancelled when its client leaves, and not after its end', async () => {
    const { source, give, cancelled } = pushableSource()
    const { client, sent } = await startStream(source)
    await client.until(/text\/event-stream/)
    give('data: 1\n\n')
    await client.until(/data: 1/)
    client.socket.destroy()
    expect(await cancelled).toMatchObject({ name: 'AbortError' })
    expect(await sent).toBe('sent')

    const cancels: string[] = []
    const ready = { pull: (sink: SseSink) => sink.take('a\n\n', true), cancel: () => void cancels.push('left') }
    const ended = await startStream(ready)
    await ended.sent
    ended.client.socket.destroy()
    await ended.client.ended
    expect(cancels).toEqual([])
  })

  test('that fails is cut after the frames before', async () => {
    const { source, give, fail, cancelled } = pushableSource()
    const { client, sent } = await startStream(source)
    await client.until(/text\/event-stream/)
    give('data: 1\n\n')
    const failure = new Error('broken')
    fail(failure)
    expect(await sent).toBe(failure)
    await client.ended
    await cancelled
    expect(client.text).toContain('data: 1')
    expect(client.text).not.toContain('\r\n0\r\n')
  })

  test('whose onCancel throws ends its answer all the same', async () => {
    const { source } = pushableSource()
    const broken = {
      pull: source.pull,
      cancel() {
        throw new Error('broken')
      },
    }
    const { client, sent } = await startStream(broken)
    await client.until(/text\/event-stream/)
    client.socket.destroy()
    expect(await sent).toBe('sent')
  })

  test('that was read in part is sent as any other stream', async () => {
    const { source, give } = pushableSource()
    const answer = new Response(sseStream(source))
    const reader = answer.body?.getReader()
    const first = reader?.read()
    await nextTurn()
    give('data: 1\n\n')
    await first
    reader?.releaseLock()
    const listener = toNodeListener(() => answer)
    const { port } = await serve(createServer(listener))
    const client = rawClient(port)
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    await client.until(/chunked/)
    give('data: 2\n\n')
    await client.until(/data: 2/)
    give('', true)
    await client.until(/\r\n0\r\n\r\n/)
    expect(client.text).not.toContain('data: 1')
  })

  test('sends no body to HEAD', async () => {
    const { source, cancelled, asked } = pushableSource()
    const listener = toNodeListener(() => new Response(sseStream(source)))
    const { port } = await serve(createServer(listener))
    const client = rawClient(port)
    client.write('HEAD / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n')
    await client.ended
    await cancelled
    expect(asked.pulls).toBe(0)
  })

  test('that is read twice at once gives both frames in their order, and is pulled for one at a time', async () => {
    const { source, give, asked } = pushableSource()
    const reader = sseStream(source).getReader()
    const texts = [reader.read(), reader.read()].map(async (read) => new TextDecoder().decode((await read).value))
    await nextTurn()
    expect(asked.pulls).toBe(1)
    give('data: 1\n\n')
    await nextTurn()
    expect(asked.pulls).toBe(2)
    give('data: 2\n\n')
    expect(await Promise.all(texts)).toEqual(['data: 1\n\n', 'data: 2\n\n'])
    const last = reader.read()
    await nextTurn()
    give('', true)
    expect(await last).toEqual({ done: true, value: undefined })
  })
})

test('an open stream of the backend keeps no listener of its request, and no second copy of its headers', async () => {
  const pipeline = new SoraPipeline({ generator: fakeTaskGenerator() })
  const listener = toNodeListener(createHandler(pipeline, { public: true, acceptTimeoutMs: 0 }))
  const opened = Promise.withResolvers<ServerResponse>()
  const { port } = await serve(
    createServer((request, response) => {
      listener(request, response)
      opened.resolve(response)
    }),
  )
  const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'A cat' }] })
  const client = rawClient(port)
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await client.until(/data: /)
  const response = await opened.promise
  const bare = new ServerResponse(response.req)
  const own = (event: string) => response.listenerCount(event) - bare.listenerCount(event)
  // Node itself has one of `finish`.
  expect([own('finish'), own('close'), own('drain')]).toEqual([2, 1, 0])
  expect(response.getHeaderNames()).toEqual([])
  expect(client.text).toMatch(/x-run-id: video_/)
  client.socket.destroy()
})

test('a stream whose headers Node refuses is answered with 500, and reported', async () => {
  const pipeline = new SoraPipeline({ generator: fakeTaskGenerator() })
  const runner: VideoRunner = {
    run: (request, options) => ({ ...pipeline.run(request, options), id: 'a\u0001b' }),
    resume: (id) => pipeline.resume(id),
    get: (id) => pipeline.get(id),
    list: (query) => pipeline.list(query),
    openVideo: (id) => pipeline.openVideo(id),
    remove: (id) => pipeline.remove(id),
  }
  const reported = Promise.withResolvers<unknown>()
  const handler = createHandler(runner, { public: true, acceptTimeoutMs: 0 })
  const { port } = await serve(createServer(toNodeListener(handler, { onError: reported.resolve })))
  const client = rawClient(port)
  const body = JSON.stringify({ stream: true, messages: [{ role: 'user', content: 'A cat' }] })
  client.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  )
  await client.until(/HTTP\/1.1 500 Internal Server Error/)
  expect(await reported.promise).toMatchObject({ code: 'ERR_INVALID_CHAR' })
  client.socket.destroy()
})
