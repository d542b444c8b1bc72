import { inspect } from 'node:util'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { systemClock } from '../../../src/timing/system-clock.js'
import { eventually } from '../../support/eventually.js'
import { json, type LoopbackServer, loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { chatServer, chunk, DONE, frame, generatorAt, type Script, SECRET } from './chat-server.js'

const URL_1 = 'https://cdn.example/1.mp4'
const URL_2 = 'https://cdn.example/2.mp4?se=2026-01-01'
const HTML = `\`\`\`html\n<video src='${URL_1}' controls></video>\n\`\`\``
const request = { prompt: 'A cat playing piano' }

// Real time: the silence before a stream continues is a real one here.
const context = (signal?: AbortSignal) => ({ ...stageContext(signal), clock: systemClock })
const generate = async (script: Script, headers?: Record<string, string>) => {
  const told = context()
  const video = await generatorAt(await chatServer(script, headers)).generate(request, told)
  return { video, ...told }
}
const failing = async (script: Script) => rejection(generate(script))

describe('the video of a stream', () => {
  test.each<[string, Script]>([
    ['a fenced video', [chunk({ content: HTML }, 'STOP'), DONE]],
    ['a video over many chunks', [...HTML].map((letter) => chunk({ content: letter })).concat(chunk({}, 'STOP'), DONE)],
    ['JSON', [chunk({ content: JSON.stringify({ url: URL_1 }) }, 'stop'), DONE]],
    ['JSON with data', [chunk({ content: JSON.stringify({ data: [{ url: URL_1 }] }) }, 'stop'), DONE]],
    ['an image of Markdown', [chunk({ content: `![Generated Image](${URL_1})` }, 'STOP'), DONE]],
    [
      'a bare URL in two chunks',
      [chunk({ content: URL_1.slice(0, 12) }), chunk({ content: URL_1.slice(12) }, 'stop'), DONE],
    ],
    ['an output beside no content', [chunk({ content: null, output: [{ url: URL_1, type: 'video' }] }), DONE]],
    ['no [DONE]', [chunk({ content: URL_1 }, 'stop')]],
    ['neither a finish nor [DONE]', [chunk({ content: URL_1 })]],
    ['no blank line behind the last chunk', [chunk({ content: URL_1 }, 'stop').trimEnd()]],
    ['a malformed [DONE]', [chunk({ content: URL_1 }, 'stop'), 'data: [DONE]\\n\\n\n\n']],
    ['CR LF and a BOM', ['\ufeff', `${chunk({ content: URL_1 }, 'stop')}${DONE}`.replaceAll('\n', '\r\n')]],
    ['comments and empty lines', [': ping\n\n\n', chunk({ content: URL_1 }, 'stop'), ': ping\n\n', DONE]],
    ['an empty list of choices', [frame({ choices: [], usage: { total_tokens: 1 } }), chunk({ content: URL_1 }), DONE]],
    [
      'null in every place',
      [
        chunk({ content: null, reasoning_content: null, progress: null, wm: null, output: null, tool_calls: null }),
        chunk({ content: URL_1 }, 'stop', { usage: null, error: null }),
        DONE,
      ],
    ],
    ['prose that sounds like trouble', [chunk({ content: `Passed the safety check: ${URL_1}` }, 'stop'), DONE]],
    ['data that is not JSON', ['data: oops\n\n', chunk({ content: URL_1 }, 'stop'), DONE]],
  ])('with %s', async (_, script) => {
    const { video, warnings } = await generate(script)
    expect(video).toMatchObject({ id: expect.stringMatching(/./), url: URL_1, model: 'sora2-landscape-10s' })
    expect(warnings).toEqual([])
  })

  test.each(['application/json', 'text/plain', 'text/event-stream'])(
    'is read under the media type %s',
    async (type) => {
      const { video } = await generate([chunk({ content: HTML }, 'STOP'), DONE], { 'content-type': type })
      expect(video.url).toBe(URL_1)
    },
  )

  test('comes with what is known of it', async () => {
    const usage = { prompt_tokens: 0, total_tokens: 5 }
    const { video } = await generate([
      chunk({ output: [{ task_id: 'task_1' }] }),
      chunk({ output: [{ url: URL_1, type: 'video', task_id: 'task_1', watermark_free: false }] }),
      chunk({ content: HTML, output: [{ url: URL_2, task_id: 'task_1', source: 'google_drive' }] }, 'STOP', { usage }),
      DONE,
    ])
    expect(video).toEqual({ id: 'task_1', url: URL_2, model: 'sora2-landscape-10s', usage })
  })

  test('has the id of the generation, of the message, or of the run', async () => {
    const output = [{ url: URL_1, generation_id: 'gen_1', task_id: 'task_1' }]
    expect((await generate([chunk({ output }, 'stop')])).video.id).toBe('gen_1')
    expect((await generate([chunk({ content: URL_1 }, 'stop')])).video.id).toBe('chatcmpl-1')
    expect((await generate([frame({ choices: [{ delta: { content: URL_1 } }] })])).video.id).toBe('run_1')
  })

  test('is read at any cut between chunks', async () => {
    const whole = Buffer.from(
      `\ufeff${chunk({ reasoning_content: '进度 40%' })}${chunk({ content: `完成 ${URL_2}` }, 'stop')}${DONE}`.replaceAll(
        '\n',
        '\r\n',
      ),
    )
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(fc.nat(whole.length), { maxLength: 6 }), async (cuts) => {
        const edges = [0, ...cuts.sort((a, b) => a - b), whole.length]
        const body = new ReadableStream({
          start(controller) {
            for (let at = 1; at < edges.length; at += 1)
              controller.enqueue(new Uint8Array(whole.subarray(edges[at - 1], edges[at])))
            controller.close()
          },
        })
        const told = context()
        const fetch = async () => new Response(body)
        const server = { origin: 'http://chat.example' } as LoopbackServer
        expect(await generatorAt(server, { fetch }).generate(request, told)).toMatchObject({ url: URL_2 })
        expect(told.reports[0]).toEqual({ ratio: 0.4, message: '进度 40%' })
      }),
      { numRuns: 40 },
    )
  })

  test('of a server that does not stream', async () => {
    const completion = (content: string) => ({
      id: 'chatcmpl-9',
      object: 'chat.completion',
      choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    })
    const at = async (body: unknown) => generatorAt(await loopbackServer(json(200, body))).generate(request, context())
    expect(await at(completion(URL_1))).toMatchObject({ id: 'chatcmpl-9', url: URL_1 })
    expect(
      await rejection(at(completion('Accounts are available. Please enable streaming to generate.'))),
    ).toMatchObject({ code: 'generation-failed', isRetryable: false })
    expect(await rejection(at(completion('No available models for video generation')))).toMatchObject({
      code: 'quota-exceeded',
    })
    expect(await rejection(at(completion('Hello')))).toMatchObject({ code: 'submission-unknown' })
    expect(await rejection(at({ error: { message: 'Invalid API key', code: 'invalid_api_key' } }))).toMatchObject({
      code: 'authentication',
    })
    expect(await rejection(at(['odd']))).toMatchObject({ code: 'submission-unknown' })
    expect(await rejection(at(completion('x'.repeat(1_100_000))))).toMatchObject({ code: 'submission-unknown' })
  })
})

describe('progress', () => {
  test.each([
    [
      { reasoning_content: '**Video Generation Progress**: 40% (processing)\n' },
      { ratio: 0.4, phase: 'processing', message: 'Video Generation Progress: 40% (processing)' },
    ],
    [
      { reasoning_content: '[generation] (running) 62.5% Rendering frames' },
      { ratio: 0.625, phase: 'generation', message: '[generation] (running) 62.5% Rendering frames' },
    ],
    [{ reasoning_content: '**Generation Process Begins**' }, { message: 'Generation Process Begins' }],
    [{ reasoning_content: 'Progress 140%' }, { ratio: 1, message: 'Progress 140%' }],
    [
      { progress: 0.25, reasoning_content: 'now' },
      { ratio: 0.25, message: 'now' },
    ],
    [{ progress: -1 }, { ratio: 0 }],
    [{ wm: { stage: 'retry', attempt: 3, can_cancel: true, task_id: 't' } }, { phase: 'retry', message: 'attempt 3' }],
    [{ wm: { stage: 'published' } }, { phase: 'published' }],
    [{ content: '🎬 开始生成视频...' }, { message: '🎬 开始生成视频...' }],
    [{ content: '生成进度: 30%' }, { ratio: 0.3, message: '生成进度: 30%' }],
    [{ content: 'A cat that is 100% cotton' }, { message: 'A cat that is 100% cotton' }],
  ])('of %j', async (delta, progress) => {
    const { reports } = await generate([chunk(delta), chunk({ content: URL_1 }, 'stop'), DONE])
    expect(reports).toEqual([progress])
  })

  test('the five texts of the seed are reported, and the result is not', async () => {
    const texts = [
      '🎬 开始生成视频...',
      '✅ 视频生成完成',
      '📤 发布视频获取Post ID...',
      '🔗 解析无水印URL...',
      '☁️ 上传到Google Drive...',
    ]
    const url = 'https://drive.google.com/file/d/xxx/view'
    const { video, reports } = await generate([
      ...texts.map((content) => chunk({ content })),
      chunk({ content: url }, 'stop'),
      DONE,
    ])
    expect(video.url).toBe(url)
    expect(reports).toEqual(texts.map((message) => ({ message })))
  })

  test('parts of the result are not progress, however they are cut', async () => {
    const { reports } = await generate([
      ...[...HTML].map((letter) => chunk({ content: letter })),
      chunk({}, 'STOP'),
      DONE,
    ])
    expect(reports).toEqual([])
  })
})

describe('errors in a stream', () => {
  const GIVEN: readonly [string, string, Script][] = [
    [
      'an error frame',
      'quota-exceeded',
      [
        frame({
          error: {
            message:
              'No available tokens for video generation. All tokens are either disabled, cooling down, or expired.',
            type: 'server_error',
            param: null,
            code: null,
          },
        }),
        DONE,
      ],
    ],
    [
      'an error frame with choices',
      'rate-limited',
      [chunk({ content: '' }, 'error', { error: { code: 429, message: 'Slow down' } })],
    ],
    [
      'a flat error of vLLM',
      'generation-failed',
      [frame({ object: 'error', message: 'Engine died', type: 'InternalError' })],
    ],
    ['a detail', 'authentication', [frame({ detail: 'Not authenticated' })]],
    ['a flat message', 'overloaded', [frame({ message: "We're under heavy load, please try again later." })]],
    [
      'an error event of JSON',
      'region-unsupported',
      [`event: error\n${frame({ error: { code: 'unsupported_country_code', message: 'Not here', param: 'XX' } })}`],
    ],
    ['an error event of text', 'generation-failed', ['event: error\ndata: boom\n\n']],
    [
      'JSON as the content',
      'generation-failed',
      [
        chunk({ content: JSON.stringify({ type: 'error', error: 'Draft missing, see https://doc.example' }) }, 'stop'),
        DONE,
      ],
    ],
    [
      'JSON as the content, in pieces',
      'authentication',
      [
        chunk({ content: '{"type":"error",' }),
        chunk({ content: '"error":"API request failed: 401 - {}"}' }, 'stop'),
        DONE,
      ],
    ],
    [
      'a violation that looks like success',
      'content-rejected',
      [
        chunk({ reasoning_content: '**Content Policy Violation**\n\n' }),
        chunk({ content: '❌ 生成失败: This violates https://openai.example/policies' }, 'STOP'),
        DONE,
      ],
    ],
    ['a failure without a reason', 'content-rejected', [chunk({ content: '❌ 生成失败: None' }, 'STOP'), DONE]],
    [
      'a failure with another reason',
      'overloaded',
      [chunk({ content: "❌ 生成失败: We're under heavy load" }, 'STOP'), DONE],
    ],
    ['a content filter', 'content-rejected', [chunk({}, 'content_filter'), DONE]],
    [
      'a verdict in prose',
      'content-rejected',
      [chunk({ content: 'I cannot: this violates our content policy' }, 'stop'), DONE],
    ],
    [
      'the timeout of the upstream',
      'submission-unknown',
      [frame({ error: { message: 'Upstream API timeout: Generation exceeded 3000 seconds limit' } }), DONE],
    ],
    ['a timeout without a figure', 'submission-unknown', [frame({ error: { message: 'Generation timed out' } }), DONE]],
    [
      'a refused connection behind it',
      'network',
      [frame({ error: { message: 'URL Error: <urlopen error [Errno 111] Connection refused>' } }), DONE],
    ],
    [
      'a lost connection behind it',
      'submission-unknown',
      [frame({ error: { message: 'URL Error: connection reset by peer' } }), DONE],
    ],
    [
      'a relayed 401',
      'authentication',
      [frame({ error: { message: 'API request failed: 401 - {"error":{"code":"token_invalidated"}}' } }), DONE],
    ],
    [
      'a relayed refusal',
      'upstream-http',
      [frame({ error: { message: 'API request failed: 400 - {"error":{"code":"sentinel_block"}}' } }), DONE],
    ],
    [
      'a relayed 502',
      'submission-unknown',
      [frame({ error: { message: 'API request failed: 502 - Bad gateway' } }), DONE],
    ],
    [
      'a job that failed',
      'generation-failed',
      [
        frame({
          error: { message: 'API request failed: 500 - {"error":{"code":"generation_failed","message":"No"}}' },
        }),
        DONE,
      ],
    ],
    [
      'neither',
      'submission-unknown',
      [chunk({ reasoning_content: 'Done' }), chunk({ content: 'The generation has ended.' }, 'STOP'), DONE],
    ],
    ['nothing', 'submission-unknown', []],
    ['only data that is not JSON', 'submission-unknown', ['data: oops\n\n', DONE]],
    ['a page', 'submission-unknown', ['<!DOCTYPE html><title>Just a moment</title>']],
    ['a cut before any address', 'submission-unknown', [chunk({ reasoning_content: '40%' }), 'cut']],
    [
      'a cut inside the address',
      'submission-unknown',
      [chunk({ content: 'https://cdn.exam' }), chunk({ content: 'ple/1' }), 'cut'],
    ],
    [
      'an end inside the address',
      'submission-unknown',
      [chunk({ content: 'https://cdn.exam' }), chunk({ content: 'ple/1' })],
    ],
    [
      'a verdict before a cut',
      'content-rejected',
      [chunk({ reasoning_content: '**Content Policy Violation**' }), 'cut'],
    ],
    ['an event that is too large', 'submission-unknown', [`data: ${'x'.repeat(1_100_000)}\n\n`]],
    ['too much content', 'submission-unknown', Array(12).fill(chunk({ content: 'x'.repeat(100_000) }))],
  ]

  test.each(GIVEN)('%s is %s', async (_, code, script) => {
    const error = await failing(script)
    expect(error).toMatchObject({ code, message: expect.stringMatching(/^Could not [^:]+: /) })
    const mayBeRepeated = ['rate-limited', 'overloaded', 'network'].includes(code)
    expect(error).toMatchObject({ isRetryable: mayBeRepeated })
  })

  test('its message has the message of the upstream, as an excerpt', async () => {
    const error = await failing([frame({ error: { message: `Draft ${'x'.repeat(900)}`, code: 'draft_missing' } })])
    expect(error).toMatchObject({
      upstreamCode: 'draft_missing',
      message: expect.stringMatching(/said, Draft x{194}$/),
    })
    expect(await failing([chunk({ content: '❌ 生成失败: None' }, 'STOP')])).toMatchObject({
      message: expect.stringContaining('no reason given'),
    })
    expect(await failing([frame({ error: {}, object: 'error' })])).toMatchObject({ code: 'generation-failed' })
  })

  test('the deadline of the upstream is reported, or how long it took', async () => {
    expect(
      await failing([frame({ error: { message: 'Upstream API timeout: Generation exceeded 3000 seconds limit' } })]),
    ).toMatchObject({ cause: { code: 'stage-timeout', timeoutMs: 3_000_000 } })
    expect(await failing([frame({ error: { message: 'Generation timed out' } })])).toMatchObject({
      cause: { timeoutMs: expect.any(Number) },
    })
  })

  test('a stream with neither is reported with what it held', async () => {
    expect(await failing([chunk({ content: 'The generation has ended.' }, 'STOP'), DONE])).toMatchObject({
      code: 'submission-unknown',
      message: expect.stringMatching(/ended with neither a video nor an error, only The generation has ended\.$/),
      cause: { code: 'upstream-response', isRetryable: false },
    })
  })
})

describe('once an address was seen', () => {
  test.each<[string, Script, string]>([
    ['a cut', [chunk({ content: URL_1 }), 'cut'], URL_1],
    [
      'a cut after an output',
      [chunk({ output: [{ url: URL_1, task_id: 't' }] }), chunk({ reasoning_content: 'uploading' }), 'cut'],
      URL_1,
    ],
    [
      'a cut after the finish',
      [chunk({ content: 'https://cdn.ex' }), chunk({ content: 'ample/1.mp4' }, 'stop'), 'cut'],
      URL_1,
    ],
    [
      'a cut after an address that was ended',
      [chunk({ content: "<video src='https://cdn.exa" }), chunk({ content: "mple/1.mp4'" }), 'cut'],
      URL_1,
    ],
    [
      'an error frame',
      [chunk({ output: [{ url: URL_1 }] }), frame({ error: { message: 'Upload failed' } }), DONE],
      URL_1,
    ],
    [
      'the word of a failure',
      [chunk({ content: `${URL_1}\n` }), chunk({ content: '❌ 生成失败: upload' }, 'STOP'), DONE],
      URL_1,
    ],
    [
      'a violation',
      [chunk({ output: [{ url: URL_1 }] }), chunk({ reasoning_content: '**Content Policy Violation**' }), DONE],
      URL_1,
    ],
  ])('%s does not lose it, and is reported', async (_, script, url) => {
    const { video, warnings } = await generate(script)
    expect(video.url).toBe(url)
    expect(warnings).toMatchObject([
      { code: 'upstream-failed-late', message: expect.stringContaining('the video is used') },
    ])
  })

  test('silence does not lose it either', async () => {
    const server = await chatServer([chunk({ content: HTML }, 'STOP'), 'hang'])
    const told = context()
    expect(await generatorAt(server, { idleTimeoutMs: 60 }).generate(request, told)).toMatchObject({ url: URL_1 })
    expect(told.warnings).toHaveLength(1)
    await eventually(() => expect(server.sockets.size).toBe(0))
  })
})

describe('silence and limits', () => {
  test('silence before the first byte, in the stream, or in total leaves the outcome unknown', async () => {
    const quiet = await loopbackServer(() => undefined)
    const headers = await chatServer(['hang'])
    const begun = await chatServer([chunk({ reasoning_content: '10%' }), 'hang'])
    for (const server of [quiet, headers, begun]) {
      const error = await rejection(generatorAt(server, { idleTimeoutMs: 60 }).generate(request, context()))
      expect(error).toMatchObject({ code: 'submission-unknown', cause: { code: 'network' } })
      await eventually(() => expect(server.sockets.size).toBe(0))
    }
    const late = await rejection(generatorAt(begun, { timeoutMs: 80 }).generate(request, context()))
    expect(late).toMatchObject({ code: 'submission-unknown', message: expect.stringContaining('within 80 ms') })
  })

  test('an abort rejects with its reason at once and closes the connection', async () => {
    for (const script of [['hang'], [chunk({ content: HTML }), 'hang']] as Script[]) {
      const server = await chatServer(script)
      const controller = new AbortController()
      const waiting = rejection(generatorAt(server).generate(request, context(controller.signal)))
      await eventually(() => expect(server.seen).toHaveLength(1))
      controller.abort('enough')
      expect(await waiting).toBe('enough')
      await eventually(() => expect(server.sockets.size).toBe(0))
      expect(await rejection(generatorAt(server).generate(request, context(controller.signal)))).toBe('enough')
      expect(server.seen).toHaveLength(1)
    }
  })
})

describe('a video that is in the answer itself', () => {
  const bytes = Buffer.concat([videoBytes(50), Buffer.alloc(12_000_000, 'sora')])
  const written = `data:video/mp4;base64,${bytes.toString('base64')}`
  const pieces = Array.from({ length: Math.ceil(written.length / 65_000) }, (_, at) =>
    chunk({ content: written.slice(at * 65_000, (at + 1) * 65_000) }),
  )
  const whole = JSON.stringify({
    choices: [{ message: { content: `<video src="${written}">` }, finish_reason: 'stop' }],
  })

  test.each<[string, Script]>([
    ['one event', [chunk({ content: written }), chunk({}, 'stop'), DONE]],
    ['many events', [...pieces, chunk({}, 'stop'), DONE]],
    ['a whole completion', [whole]],
  ])('of 12 MB is read from %s, in seconds of the processor', async (_, script) => {
    const from = process.cpuUsage()
    const { video } = await generate(script)
    expect(video.url).toBeUndefined()
    const stream = await video.source?.open()
    expect(Buffer.from(await new Response(stream).arrayBuffer()).equals(bytes)).toBe(true)
    const { user, system } = process.cpuUsage(from)
    expect((user + system) / 1e6).toBeLessThan(20 * Number(process.env.SLOWED ?? 1))
  })

  test.each<[string, Script]>([
    ['one event', [chunk({ content: written }), DONE]],
    ['many events', [...pieces, DONE]],
    ['a whole completion', [whole]],
  ])('of more than maxAnswerBytes leaves the outcome unknown: %s', async (_, script) => {
    const generator = generatorAt(await chatServer(script), { maxAnswerBytes: 1_000_000 })
    const error = await rejection(generator.generate(request, context()))
    expect(error).toMatchObject({ code: 'submission-unknown', cause: { code: 'upstream-response' } })
  })
})

describe('secrets', () => {
  test('the key is in no error, report, warning or video, whatever the upstream echoes', async () => {
    const echo = `key ${SECRET} and Bearer ${SECRET}`
    const scripts: Script[] = [
      [frame({ error: { message: echo, code: SECRET } })],
      [frame({ error: { message: `API request failed: 502 - ${echo}` } })],
      [chunk({ reasoning_content: echo }), chunk({ content: echo }), chunk({ wm: { stage: echo } }), DONE],
      [chunk({ content: `❌ 生成失败: ${echo}` }, 'STOP')],
      [chunk({ content: `https://cdn.example/1.mp4?key=${SECRET}` }, 'stop')],
      [chunk({ output: [{ url: `https://cdn.example/1.mp4?key=${SECRET}` }] }), 'cut'],
      [chunk({ output: [{ url: URL_1 }] }), frame({ error: { message: echo } })],
      [`data: ${echo}\n\n`],
      [`<html>${echo}</html>`],
      [`data: ${echo.repeat(80_000)}\n\n`],
    ]
    for (const script of scripts) {
      const told = context()
      const outcome = await generatorAt(await chatServer(script))
        .generate(request, told)
        .catch((error: unknown) => error)
      const seen = [outcome, told.reports, told.warnings]
      expect(inspect(seen, { depth: 12, showHidden: true }) + JSON.stringify(seen)).not.toContain(SECRET)
    }
  })
})
