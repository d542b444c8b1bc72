import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { pipeline as connect } from 'node:stream/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SoraPipeline, toChatCompletion, toChatCompletionChunks, toSse } from '../../src/index.js'
import { fakeGenerator, fakePublisher, fakeResolver, fakeUploader } from '../../src/testing/index.js'
import { seedCode } from '../openai/seed-document.js'

const STEPS = [
  '🎬 开始生成视频...',
  '✅ 视频生成完成',
  '📤 发布视频获取Post ID...',
  '🔗 解析无水印URL...',
  '☁️ 上传到Google Drive...',
]
const URL_OF_RUN = 'https://drive.google.com/file/d/xxx/view'

let server: Server
let origin: string
// A small server of our formatter, as the README shows it.
beforeAll(async () => {
  const pipeline = new SoraPipeline({
    generator: fakeGenerator(),
    publisher: fakePublisher(),
    resolver: fakeResolver(),
    uploader: fakeUploader(),
  })
  server = createServer(async (request, response) => {
    const { messages, stream } = (await new Response(request as never).json()) as {
      messages: { content: string }[]
      stream: boolean
    }
    const run = pipeline.run({ prompt: messages[0]?.content ?? '' })
    if (!stream) {
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(await toChatCompletion(run)))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    await connect(toSse(toChatCompletionChunks(run)), response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => new Promise((resolve) => server.close(resolve)))

describe('the clients of the document', () => {
  it('the JavaScript client runs unchanged', async () => {
    const code = seedCode('javascript')
    expect(code).toContain("fetch('/v1/chat/completions'")
    const lines: unknown[][] = []
    // Only what a page has: an address that is relative to it, and a console.
    const pageFetch = (path: string, init: RequestInit) => fetch(new URL(path, origin), init)
    const AsyncFunction = Object.getPrototypeOf(async () => undefined).constructor
    await new AsyncFunction('fetch', 'console', code)(pageFetch, { log: (...args: unknown[]) => lines.push(args) })
    expect(lines).toEqual([...STEPS, URL_OF_RUN].map((text) => ['Progress:', text]).concat([['Stream completed']]))
  })
})
