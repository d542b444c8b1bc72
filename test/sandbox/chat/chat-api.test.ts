import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sandbox } from '../../../src/sandbox/sandbox.js'
import { startSandbox } from '../../../src/sandbox/start-sandbox.js'
import { callJson } from '../call-json.js'
import { inspectMp4 } from '../inspect-mp4.js'
import { readEvents } from '../read-events.js'

interface Chunk {
  readonly id: string
  readonly object: string
  readonly model: string
  readonly choices: readonly {
    readonly delta: {
      readonly role?: string
      readonly content: string | null
      readonly reasoning_content: string | null
      readonly progress?: number
      readonly output?: readonly { readonly url: string; readonly task_id: string }[]
    }
    readonly finish_reason: string | null
    readonly native_finish_reason: string | null
  }[]
  readonly usage: object
  readonly error?: { readonly message: string; readonly type: string; readonly code: string | null }
}

let sandbox: Sandbox
beforeAll(async () => {
  sandbox = await startSandbox({ speed: 60 })
})
afterAll(() => sandbox.close())

const call = (body: object, headers: Record<string, string> = {}) => {
  const { baseUrl, apiKey } = sandbox.chat
  const all = { authorization: `Bearer ${apiKey}`, ...headers }
  return callJson(`${baseUrl}/chat/completions`, { method: 'POST', body, headers: all })
}

const ask = async (model: string, prompt = 'A cat') => {
  const answer = await call({ model, messages: [{ role: 'user', content: prompt }], stream: true })
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  const events = readEvents(answer.text)
  expect(events.at(-1)?.data).toBe('[DONE]')
  return { chunks: events.slice(0, -1).map(({ data }) => JSON.parse(data) as Chunk), text: answer.text }
}

const contentOf = (chunks: readonly Chunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
const finishOf = (chunks: readonly Chunk[]) => chunks.at(-1)?.choices[0]?.finish_reason

const urlIn = (text: string) => /http:\/\/127\.0\.0\.1:\d+\/chat\/video_\w+\.mp4/.exec(text)?.[0] ?? ''

describe('a streamed answer', () => {
  it('has a role, progress in prose, a new id in every chunk, and a real video in a block of HTML', async () => {
    const { chunks } = await ask('fenced-html')
    expect(chunks[0]?.choices[0]?.delta).toMatchObject({ role: 'assistant', content: null })
    expect(chunks[1]?.choices[0]?.delta.reasoning_content).toMatch(
      /^\*\*Video Generation Progress\*\*: \d+% \((processing|completed)\)\n$/,
    )
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(chunks.length)
    expect(chunks.every(({ model, object }) => model === 'sora' && object === 'chat.completion.chunk')).toBe(true)
    const last = chunks.at(-1)
    expect(last?.choices[0]).toMatchObject({ finish_reason: 'STOP', native_finish_reason: 'STOP' })
    expect(last?.usage).toEqual({ prompt_tokens: 0, completion_tokens: 1, total_tokens: 1 })
    const content = contentOf(chunks)
    const url = urlIn(content)
    expect(content).toBe(`\`\`\`html\n<video src='${url}' controls></video>\n\`\`\``)
    const video = new Uint8Array(await (await fetch(url)).arrayBuffer())
    expect(await inspectMp4(video)).toMatchObject({ width: 128, height: 72, durationSeconds: 1 })
  })

  it.each([
    ['json', (content: string) => JSON.parse(content).url],
    ['markdown', (content: string) => /^!\[Generated Video\]\((.+)\)$/.exec(content)?.[1]],
    ['bare-url', (content: string) => content],
  ])('gives the address as %s', async (model, read) => {
    const { chunks } = await ask(model)
    const url = read(contentOf(chunks))
    expect(url).toBe(urlIn(url))
    expect((await fetch(url)).status).toBe(200)
    expect(finishOf(chunks)).toBe('STOP')
  })

  it('gives an early and then the last address in delta.output', async () => {
    const { chunks } = await ask('delta-output')
    const outputs = chunks.flatMap(({ choices }) => choices[0]?.delta.output ?? [])
    expect(outputs).toMatchObject([
      { type: 'video', watermark_free: false, url: expect.stringMatching(/-original\.mp4$/) },
      { watermark_free: true, url: urlIn(contentOf(chunks)) },
    ])
    for (const { url } of outputs) expect((await fetch(url)).status).toBe(200)
    const progress = chunks.flatMap(({ choices }) => choices[0]?.delta.progress ?? [])
    expect(progress.at(-1)).toBe(1)
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(progress.every((ratio) => ratio > 0 && ratio <= 1)).toBe(true)
    const [, mirror] = sandbox.mirrors
    expect((await fetch(`${mirror}/MP4/${outputs[0]?.task_id}.mp4`)).status).toBe(200)
    expect((await fetch(`${mirror}/MP4/${chunks[0]?.id}.mp4`)).status).toBe(200)
  })

  it('has the form of the seed, byte for byte', async () => {
    const { chunks, text } = await ask('seed')
    const [first] = chunks
    const line = (content: string, finish: string) =>
      `data: {"id":"${first?.id}","object":"chat.completion.chunk","created":${/"created":(\d+)/.exec(text)?.[1]},` +
      `"model":"sora-1.0","choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":${finish}}]}\n\n`
    expect(text).toBe(
      line('🎬 开始生成视频...', 'null') +
        line('✅ 视频生成完成', 'null') +
        line('📤 发布视频获取Post ID...', 'null') +
        line('🔗 解析无水印URL...', 'null') +
        line('☁️ 上传到Google Drive...', 'null') +
        line(urlIn(text), '"stop"') +
        'data: [DONE]\n\n',
    )
  })

  it('follows the option where the model sets nothing', async () => {
    await using other = await startSandbox({ speed: 200, chatVariant: 'markdown' })
    const { baseUrl, apiKey, models } = other.chat
    const ask = async (model: string) => {
      const body = { model, messages: [{ role: 'user', content: 'A cat' }], stream: true }
      return (
        await callJson(`${baseUrl}/chat/completions`, {
          method: 'POST',
          body,
          headers: { authorization: `Bearer ${apiKey}` },
        })
      ).text
    }
    expect(models).toContain('sora2-landscape-10s')
    expect(await ask('json')).toMatch(/\{\\"url\\":/)
    expect(await ask('sora2-portrait-10s')).toMatch(/!\[Generated Video\]/)
  })

  it('reads the last text of the last message', async () => {
    const content = [
      { type: 'text', text: 'no-account' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==' } },
      { type: 'text', text: 'A dog' },
    ]
    const messages = [
      { role: 'system', content: 'heavy-load' },
      { role: 'user', content },
    ]
    const { text } = await call({ model: 'json', messages, stream: true })
    expect(urlIn(text)).not.toBe('')
  })
})

describe('a failure in the stream, under status 200', () => {
  it.each([
    ['no-account', { message: expect.stringMatching(/^No available tokens for video generation\./), code: null }],
    ['heavy-load', { message: "We're under heavy load, please try again later." }],
    ['unsupported-country', { code: 'unsupported_country_code', param: 'XX' }],
    ['upstream-timeout', { message: 'Upstream API timeout: Generation exceeded 3000 seconds limit' }],
    ['generation-failed', { message: expect.stringMatching(/^API request failed: 500 - \{"error":\{"code":/) }],
  ])('%s', async (word, error) => {
    const { chunks } = await ask('fenced-html', `A cat ${word}`)
    const last = chunks.at(-1)
    expect(Object.keys(last ?? {})).toEqual(['error'])
    expect(last?.error).toMatchObject({ type: 'server_error', ...error })
  })

  it('moderation looks like success', async () => {
    for (const [model, finish] of [
      ['fenced-html', 'STOP'],
      ['seed', 'stop'],
    ] as const) {
      const { chunks } = await ask(model, 'moderation-blocked')
      expect(contentOf(chunks)).toMatch(/❌ 生成失败: The request was blocked/)
      expect(finishOf(chunks)).toBe(finish)
    }
    expect((await ask('json', 'moderation-blocked')).text).toMatch(/\*\*Content Policy Violation\*\*/)
  })

  it('no-url ends with neither an address nor an error', async () => {
    const { chunks, text } = await ask('bare-url', 'no-url')
    expect([finishOf(chunks), urlIn(text), text.includes('"error"')]).toEqual(['STOP', '', false])
  })
})

describe('without a stream', () => {
  it('the family generates nothing and reports so with status 200', async () => {
    const before = sandbox.requestsTo('files').length
    const { status, json } = await call({ model: 'fenced-html', messages: [{ role: 'user', content: 'A cat' }] })
    const { choices } = json as { choices: readonly { message: { content: string }; finish_reason: string }[] }
    expect([status, choices[0]?.finish_reason]).toEqual([200, 'stop'])
    expect(choices[0]?.message.content).toMatch(/available/)
    expect(sandbox.requestsTo('files')).toHaveLength(before)
  })

  it('the form of the seed has the address, or an error', async () => {
    const seed = (prompt: string) =>
      call({ model: 'seed', messages: [{ role: 'user', content: prompt }], stream: false })
    const { json, text } = await seed('A cat')
    expect(json).toMatchObject({
      object: 'chat.completion',
      model: 'sora-1.0',
      choices: [{ index: 0, message: { role: 'assistant', content: urlIn(text) }, finish_reason: 'stop' }],
    })
    const failed = await seed('upstream-timeout')
    expect([failed.status, failed.json]).toEqual([500, { error: expect.objectContaining({ type: 'server_error' }) }])
  })
})

describe('before the stream', () => {
  it('requires a key', async () => {
    const { baseUrl } = sandbox.chat
    const none = await callJson(`${baseUrl}/models`)
    expect([none.status, none.json]).toEqual([403, { detail: 'Not authenticated' }])
    const wrong = await call({}, { authorization: 'Bearer x' })
    expect([wrong.status, wrong.json]).toEqual([401, { detail: 'Invalid API key' }])
    expect((await callJson(`${baseUrl}/nothing`)).status).toBe(404)
  })

  it.each([
    [422, { messages: [] }],
    [422, { model: 'json' }],
    [422, { model: 'json', messages: [], stream: 'yes' }],
    [422, []],
    [500, { model: 'json', messages: [] }],
    [500, { model: 'json', messages: [{ role: 'user', content: [{ type: 'text' }] }] }],
    [500, { model: 'json', messages: [{ role: 'user', content: 5 }] }],
    [500, { model: 'gpt-4', messages: [{ role: 'user', content: 'A cat' }] }],
  ])('refuses with %i: %j', async (status, body) => {
    const answer = await call(body)
    expect(answer.status).toBe(status)
    const error = { error: { message: expect.stringMatching(/^400: /), type: 'server_error', param: null, code: null } }
    expect(answer.json).toEqual(
      status === 422 ? { detail: [expect.objectContaining({ loc: expect.any(Array) })] } : error,
    )
  })

  it('lists the models', async () => {
    const { baseUrl, apiKey, models } = sandbox.chat
    const headers = { authorization: `Bearer ${apiKey}` }
    const { json } = await callJson(`${baseUrl}/models`, { headers })
    expect((json as { data: { id: string }[] }).data.map(({ id }) => id)).toEqual(models)
    sandbox.setFaults({ 'chat.models': [{ kind: 'status', status: 500 }] })
    expect((await callJson(`${baseUrl}/models`, { headers })).json).toHaveProperty('detail')
  })
})

it('a client that leaves does not stop the job', async () => {
  await using slow = await startSandbox({ speed: 20 })
  const { baseUrl, apiKey } = slow.chat
  const controller = new AbortController()
  const response = await fetch(`${baseUrl}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'json', messages: [{ role: 'user', content: 'A cat' }], stream: true }),
    signal: controller.signal,
  })
  const first = await response.body?.pipeThrough(new TextDecoderStream()).getReader().read()
  const { id } = JSON.parse(readEvents(first?.value ?? '')[0]?.data ?? '') as Chunk
  controller.abort()
  while (slow.requestsTo('chat')[0]?.wasAborted !== true) await new Promise((resolve) => setImmediate(resolve))
  const address = `${slow.mirrors[0]}/MP4/${id}.mp4`
  while ((await fetch(address, { method: 'HEAD' })).status !== 200) await new Promise((go) => setTimeout(go, 5))
  expect((await fetch(address)).headers.get('content-type')).toBe('video/mp4')
})
