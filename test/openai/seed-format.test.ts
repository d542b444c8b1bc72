import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { expect, test } from 'vitest'
import { toChatCompletion } from '../../src/openai/to-chat-completion.js'
import { toChatCompletionChunks } from '../../src/openai/to-chat-completion-chunks.js'
import { toSse } from '../../src/openai/to-sse.js'
import { arriving, collect, resultWith, smoothRun } from './run-events.js'
import { SEED_COMPLETIONS, SEED_STREAM } from './seed-document.js'

const SEED_CHUNK = { id: 'chatcmpl-xxx', created: 1_234_567_890 }
const SEED_URL = 'https://drive.google.com/file/d/xxx/view'
const SEED_TEXTS = [
  '🎬 开始生成视频...',
  '✅ 视频生成完成',
  '📤 发布视频获取Post ID...',
  '🔗 解析无水印URL...',
  '☁️ 上传到Google Drive...',
  SEED_URL,
]

function seedStream() {
  return toSse(toChatCompletionChunks(arriving(smoothRun(SEED_URL)), SEED_CHUNK))
}

test('the document has the stream and four completions', () => {
  expect(SEED_STREAM.split('\n\n')).toHaveLength(7)
  expect(SEED_COMPLETIONS).toHaveLength(4)
})

test('a stream is the one of the document, byte for byte', async () => {
  const bytes = new Uint8Array(await new Response(seedStream()).arrayBuffer())
  expect(Buffer.from(bytes).equals(Buffer.from(`${SEED_STREAM}\n\n`))).toBe(true)
  expect(Buffer.from(bytes).toString()).toBe(`${SEED_STREAM}\n\n`)
})

test.each(SEED_COMPLETIONS.map((block) => [JSON.parse(block).choices[0].message.content as string, block]))(
  'the completion that answers %s is the one of the document, byte for byte',
  async (url, block) => {
    const { id, created, model } = JSON.parse(block) as { id: string; created: number; model: string }
    expect(model).toBe('sora-1.0')
    const fromRun = await toChatCompletion(arriving(smoothRun(url)), { id, created })
    const fromResult = await toChatCompletion(resultWith(url), { id, created })
    expect(JSON.stringify(fromRun, null, 2)).toBe(block)
    expect(JSON.stringify(fromResult, null, 2)).toBe(block)
  },
)

test('skipped stages give no chunk', async () => {
  const [started, generating, generated, ...rest] = smoothRun(SEED_URL)
  const events = [started, generating, generated, rest.at(-1)].filter((event) => event !== undefined)
  const skipped = (stage: 'publish' | 'resolve' | 'upload') =>
    ({ type: 'stage-skipped', runId: 'run_1', sequence: 9, at: 9, stage, reason: 'not-configured' }) as const
  events.splice(1, 0, skipped('publish'), skipped('resolve'), skipped('upload'))
  const chunks = await collect(toChatCompletionChunks(arriving(events), SEED_CHUNK))
  expect(chunks.map((chunk) => chunk.choices[0]?.delta.content)).toEqual([SEED_TEXTS[0], SEED_TEXTS[1], SEED_URL])
})

test('the plain JavaScript client of the document reads the stream over HTTP', async () => {
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/event-stream')
    seedStream().pipeTo(
      new WritableStream({
        write: (bytes) => void response.write(bytes),
        close: () => void response.end(),
      }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  try {
    const { port } = server.address() as AddressInfo
    const { contents, isDone } = await plainClient(`http://127.0.0.1:${port}/v1/chat/completions`)
    expect(contents).toEqual(SEED_TEXTS)
    expect(isDone).toBe(true)
  } finally {
    server.close()
  }
})

test('a strict event-stream parser reads the stream', async () => {
  const messages: EventSourceMessage[] = []
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onError: (error) => {
      throw error
    },
  })
  parser.feed(await new Response(seedStream()).text())
  expect(messages.every(({ event, id }) => event === undefined && id === undefined)).toBe(true)
  expect(messages.at(-1)?.data).toBe('[DONE]')
  expect(messages.slice(0, -1).map(({ data }) => JSON.parse(data).choices[0].delta.content)).toEqual(SEED_TEXTS)
})

// Reads as the document instructs callers to: whole lines out of each piece, `data: ` cut off, JSON parsed.
async function plainClient(url: string): Promise<{ contents: string[]; isDone: boolean }> {
  const contents: string[] = []
  let isDone = false
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ stream: true }) })
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    const lines = decoder.decode(value).split('\n')
    for (const line of lines) {
      if (!line.startsWith('data: ')) continue
      const data = line.slice(6)
      if (data === '[DONE]') {
        isDone = true
        break
      }
      const json = JSON.parse(data)
      const content = json.choices[0].delta?.content
      if (content) contents.push(content)
    }
  }
  return { contents, isDone }
}
