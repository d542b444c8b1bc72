import * as fc from 'fast-check'
import { expect, expectTypeOf, test } from 'vitest'
import type { PipelineEvent } from '../../src/contracts/events.js'
import { ConfigurationError } from '../../src/contracts/input-errors.js'
import { RateLimitError } from '../../src/contracts/upstream-errors.js'
import type { ChatCompletionChunk } from '../../src/openai/chat-completion-chunk.js'
import type { ChatCompletionOptions } from '../../src/openai/chat-completion-options.js'
import type { FormattableRun } from '../../src/openai/formattable-run.js'
import { chineseTexts, englishTexts, type ProgressTexts } from '../../src/openai/progress-texts.js'
import { toChatCompletionChunks } from '../../src/openai/to-chat-completion-chunks.js'
import { manualClock } from '../../src/testing/manual-clock.js'
import { arriving, collect, numbered, resultWith, smoothRun } from './run-events.js'

const URL_ = 'https://cdn.example/a.mp4'
const IDS = { id: 'chatcmpl-1', created: 1 }
const failure = new RateLimitError('Could not start the video: 429', { retryAfterMs: 2_000 })

const chunksOf = (events: Iterable<PipelineEvent>, options: ChatCompletionOptions = {}) =>
  collect(toChatCompletionChunks(arriving(events), { ...IDS, ...options }))
const deltas = async (events: Iterable<PipelineEvent>, options?: ChatCompletionOptions) =>
  (await chunksOf(events, options)).map((chunk) => chunk.choices[0]?.delta)

test('id, created and model have defaults and are the same in each chunk and for each reader', async () => {
  const events = smoothRun(URL_)
  const run = { [Symbol.asyncIterator]: () => arriving(events) }
  const chunks = toChatCompletionChunks(run, { clock: manualClock({ now: 1_999 }) })
  const both = [...(await collect(chunks)), ...(await collect(chunks))]
  expect(both).toHaveLength(12)
  expect(new Set(both.map(({ id }) => id)).size).toBe(1)
  expect(both[0]).toMatchObject({ id: expect.stringMatching(/^chatcmpl-[0-9a-f]{32}$/), created: 1, model: 'sora-1.0' })
  const [other] = await collect(toChatCompletionChunks(run))
  expect(other?.id).not.toBe(both[0]?.id)
})

test('an upload goes to the label of the uploader, or to its name without one', async () => {
  const events = numbered([
    { type: 'stage-started', stage: 'upload', strategy: 's3' },
    { type: 'run-completed', result: resultWith(URL_) },
  ])
  expect(await deltas(events)).toEqual([{ content: '☁️ 上传到s3...' }, { content: URL_ }])
})

test('English texts end each line, also after some of them were replaced, and Chinese ones none of the five steps', async () => {
  const joined = async (texts: ProgressTexts) =>
    (await deltas(smoothRun(URL_), { texts })).map((delta) => delta?.content).join('')
  expect((await joined(englishTexts)).split('\n')).toEqual([
    '🎬 Generating the video...',
    '✅ Video generated',
    '📤 Publishing the video to get its post id...',
    '🔗 Resolving the watermark-free URL...',
    '☁️ Uploading to Google Drive...',
    URL_,
  ])
  expect(await joined({ ...englishTexts, generating: 'Rendering' })).toMatch(/^Rendering\n✅/)
  expect(await joined({ ...englishTexts, lineEnd: ' | ' })).toMatch(/generated \| 📤/)
  expect(await joined(chineseTexts)).not.toContain('\n')
  await expect(deltas(smoothRun(URL_), { texts: { ...chineseTexts, lineEnd: 1 as never } })).rejects.toThrow(
    'texts.lineEnd is 1 (give a string)',
  )
})

test('in reasoning_content the role comes first, before any event, and every line ends in a line feed', async () => {
  expect(await deltas(smoothRun(URL_), { progress: 'reasoning_content', texts: englishTexts })).toEqual([
    { role: 'assistant' },
    { reasoning_content: '🎬 Generating the video...\n' },
    { reasoning_content: '✅ Video generated\n' },
    { reasoning_content: '📤 Publishing the video to get its post id...\n' },
    { reasoning_content: '🔗 Resolving the watermark-free URL...\n' },
    { reasoning_content: '☁️ Uploading to Google Drive...\n' },
    { content: URL_ },
  ])
  const silent = toChatCompletionChunks(
    { [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) },
    {
      progress: 'reasoning_content',
    },
  )
  const first = await silent[Symbol.asyncIterator]().next()
  expect(first.value?.choices[0]?.delta).toEqual({ role: 'assistant' })
})

test('the role can be included and left out', async () => {
  expect((await deltas(smoothRun(URL_), { role: 'include' }))[0]).toEqual({ role: 'assistant' })
  expect(await deltas(smoothRun(URL_), { progress: 'none', role: 'omit' })).toEqual([{ content: URL_ }])
  expect(await deltas(smoothRun(URL_), { progress: 'none' })).toEqual([{ role: 'assistant' }, { content: URL_ }])
})

test('usage is null until a last chunk without choices', async () => {
  const chunks = await chunksOf(smoothRun(URL_), { usage: 'include' })
  expect(chunks.slice(0, -1).every(({ usage }) => usage === null)).toBe(true)
  expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop')
  expect(JSON.stringify(chunks.at(-1))).toBe(
    '{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"sora-1.0","choices":[],"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}',
  )
})

test('usage is what the upstream counted, and nothing else', async () => {
  const counted = async (usage: Record<string, string | number>) => {
    const result = resultWith(URL_, { video: { id: 'gen_1', usage } })
    return (await chunksOf(numbered([{ type: 'run-completed', result }]), { usage: 'include' })).at(-1)?.usage
  }
  expect(await counted({ prompt_tokens: 3, completion_tokens: 4, total_tokens: 9 })).toEqual({
    prompt_tokens: 3,
    completion_tokens: 4,
    total_tokens: 9,
  })
  expect(await counted({ input_tokens: 3, output_tokens: 4, credits: 50 })).toMatchObject({ total_tokens: 7 })
  expect(await counted({ prompt_tokens: '3', completion_tokens: -1, total_tokens: 1.5 })).toMatchObject({
    total_tokens: 0,
  })
})

test('notes end in a line feed, so that the URL of a degraded run stands alone', async () => {
  const events = smoothRun(URL_, [
    { type: 'stage-progressed', stage: 'generate', strategy: 'mock', ratio: 0.45, elapsedMs: 500 },
    {
      type: 'attempt-failed',
      stage: 'upload',
      strategy: 'drive',
      label: 'Drive',
      durationMs: 1,
      error: failure.toJSON(),
    },
    { type: 'fallback-taken', stage: 'upload', strategy: 'drive', next: 's3' },
    { type: 'stage-failed', stage: 'upload', strategy: 's3', durationMs: 1, error: failure.toJSON() },
  ])
  const contents = (await deltas(events)).map((delta) => delta?.content)
  expect(contents).toEqual([
    '🎬 开始生成视频...',
    '⏳ 生成视频：45%\n',
    '✅ 视频生成完成',
    '📤 发布视频获取Post ID...',
    '🔗 解析无水印URL...',
    '☁️ 上传到Google Drive...',
    '⚠️ 上传视频：Drive失败（请求过于频繁）\n',
    '↪️ 上传视频：改用s3\n',
    '⚠️ 上传视频失败（请求过于频繁），回退到已有的URL\n',
    URL_,
  ])
})

test('with a markup answer each progress text is its own paragraph', async () => {
  const all = await deltas(smoothRun(URL_), { content: 'html-fenced' })
  expect(all.map((delta) => delta?.content).join('')).toMatch(
    /\.\.\.\n\n```html\n<video src='https:\/\/cdn\.example\/a\.mp4' controls><\/video>\n```$/,
  )
})

test.each([
  ['throw', () => raise()],
  ['give no text', () => undefined as unknown as string],
])('texts that %s cost their line, never the answer', async (_, uploading) => {
  const all = await deltas(smoothRun(URL_), { texts: { ...chineseTexts, uploading } })
  expect(all).toHaveLength(5)
  expect(all.at(-1)).toEqual({ content: URL_ })
})

test('nothing is read after the end of a run', async () => {
  async function* more(): AsyncGenerator<PipelineEvent> {
    yield* smoothRun(URL_)
    throw new Error('never reached')
  }
  expect(await collect(toChatCompletionChunks(more()))).toHaveLength(6)
})

test('a reader that leaves stops only its own reading', async () => {
  let isReturned = false
  async function* watched() {
    try {
      yield* smoothRun(URL_)
    } finally {
      isReturned = true
    }
  }
  for await (const chunk of toChatCompletionChunks(watched())) {
    expect(chunk.choices).toHaveLength(1)
    break
  }
  expect(isReturned).toBe(true)
})

test('every bad option is named at once, when the chunks are made', () => {
  const options = {
    id: '',
    model: 5,
    created: 1_703_664_000_000,
    progress: 'loud',
    content: 'pdf',
    role: true,
    usage: 'yes',
    texts: { ...chineseTexts, generating: 1, uploading: 'x' },
    clock: {},
  }
  const make = () => toChatCompletionChunks(arriving([]), options as unknown as ChatCompletionOptions)
  expect(make).toThrow(ConfigurationError)
  const fields =
    /id is .*model is .*created is .*progress is .*content is .*role is .*usage is .*texts\.generating is .*texts\.uploading is .*clock is /
  expect(make).toThrow(fields)
  expect(() => toChatCompletionChunks(arriving([]), { created: -1 })).toThrow(/created is -1/)
  expect(() => toChatCompletionChunks(arriving([]), { created: 1.5 })).toThrow(/created is 1.5/)
})

test('any text comes through, with lone surrogates replaced', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1 })
  await fc.assert(
    fc.asyncProperty(text, text, async (label, url) => {
      const events = numbered([
        { type: 'stage-started', stage: 'upload', strategy: 'x', label },
        { type: 'run-completed', result: resultWith(url) },
      ])
      const lone = /\p{Surrogate}/gu
      expect(await deltas(events, { id: label, model: url })).toEqual([
        { content: `☁️ 上传到${label.replace(lone, '\uFFFD')}...` },
        { content: url.replace(lone, '\uFFFD') },
      ])
    }),
  )
})

test('a chunk fits what the official client expects', () => {
  interface OfficialChunk {
    id: string
    choices: Array<{
      delta: { content?: string | null; role?: 'developer' | 'system' | 'user' | 'assistant' | 'tool' }
      finish_reason: 'stop' | 'length' | 'tool_calls' | 'content_filter' | 'function_call' | null
      index: number
    }>
    created: number
    model: string
    object: 'chat.completion.chunk'
    usage?: { completion_tokens: number; prompt_tokens: number; total_tokens: number } | null
  }
  expectTypeOf<ChatCompletionChunk>().toExtend<OfficialChunk>()
})

function raise(): never {
  throw new Error('broken')
}

test('releases the events of a run at once when its reader leaves, also while they are silent', async () => {
  let isLeft = false
  const silent: FormattableRun = {
    [Symbol.asyncIterator]() {
      const waiting = Promise.withResolvers<IteratorResult<PipelineEvent>>()
      return {
        next: () => waiting.promise,
        async return() {
          isLeft = true
          waiting.resolve({ done: true, value: undefined })
          return { done: true, value: undefined }
        },
      }
    },
    result: new Promise(() => undefined),
  }
  const chunks = toChatCompletionChunks(silent)[Symbol.asyncIterator]()
  const waiting = chunks.next()
  expect(await chunks.return?.()).toMatchObject({ done: true })
  expect(isLeft).toBe(true)
  expect(await waiting).toMatchObject({ done: true })
})
