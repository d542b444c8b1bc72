import { describe, expect, test, vi } from 'vitest'
import { createChatTranscript } from '../../../src/strategies/generators/chat-completions/chat-transcript.js'
import { maskOf } from '../../../src/upstream/secret.js'

const FILE = 'https://cdn.example/a.mp4'
const LINK = 'https://cdn.example/a'
const DATA = 'data:video/mp4;base64,AAAA'

function transcriptOf(
  frames: readonly unknown[],
  { accepts = (_: string): boolean => true, maxContent = 10_000 } = {},
) {
  const report = vi.fn()
  const upstream = {
    url: 'https://chat.example/v1/chat/completions',
    host: 'chat.example',
    mask: maskOf(['canary-1']),
    elapsedMs: () => 1_234,
    isRefusal: () => undefined,
  }
  const transcript = createChatTranscript(
    upstream,
    { base: 'https://chat.example/v1/', accepts },
    { report, maxContent },
  )
  const ends = frames.map((frame) => transcript.add(typeof frame === 'string' ? frame : JSON.stringify(frame)))
  return { transcript, report, ends }
}

const delta = (fields: object, finish_reason: string | null = null) => ({
  id: 'c_1',
  choices: [{ delta: fields, finish_reason }],
})
const urlIn = (...frames: unknown[]) => {
  const output = transcriptOf(frames).transcript.video()
  return output?.kind === 'url' ? output.url : output?.base64
}

describe('the video of a transcript', () => {
  test.each([
    ['an output of a delta', [delta({ output: [{ url: FILE }] })], FILE],
    ['the last of several', [delta({ output: [{ url: LINK }, { url: FILE }] })], FILE],
    ['a relative address of an output', [delta({ output: [{ url: '/a.mp4' }] })], 'https://chat.example/a.mp4'],
    ['a field of another name', [delta({ video_url: LINK })], LINK],
    ['the most specific of several fields', [delta({ video_url: LINK, url: FILE })], FILE],
    [
      'a part of a message',
      [{ choices: [{ message: { content: [{ type: 'video_url', video_url: { url: LINK } }] } }] }],
      LINK,
    ],
    ['content', [delta({ content: `Done: ${FILE}` }, 'stop')], FILE],
    ['content in pieces', [delta({ content: 'https://cdn.exa' }), delta({ content: 'mple/a.mp4' }, 'stop')], FILE],
    ['reasoning, where that is surely a file', [delta({ reasoning_content: `Uploaded ${FILE}` }, 'stop')], FILE],
    ['an output beside content', [delta({ content: FILE, output: [{ url: LINK }] })], LINK],
    ['data of the answer', [delta({ content: DATA }, 'stop')], 'AAAA'],
  ])('is %s', (_, frames, url) => {
    expect(urlIn(...frames)).toBe(url)
  })

  test.each([
    ['a mere link', [delta({ content: LINK }, 'stop')]],
    ['an address that may be cut', [delta({ content: 'https://cdn.exa' }), delta({ content: 'mple/a.mp4' })]],
    ['a link in reasoning', [delta({ reasoning_content: `See [video](${LINK})` }, 'stop')]],
    ['a file in reasoning of a failure', [delta({ reasoning_content: FILE, content: '❌ 生成失败: no' }, 'stop')]],
    ['an address after the word of a failure', [delta({ content: `❌ Generation failed: see ${FILE}` }, 'stop')]],
    ['content after a violation', [delta({ reasoning_content: 'Content Policy Violation', content: FILE }, 'stop')]],
    ['content that a filter ended', [delta({ content: FILE }, 'content_filter')]],
    ['a text part', [{ choices: [{ message: { content: [{ type: 'x', text: 'a word', url: FILE }] } }] }]],
    ['an output that cannot be read', [delta({ output: [{ url: 'http://' }] })]],
  ])('is not %s', (_, frames) => {
    expect(urlIn(...frames)).toBeUndefined()
  })

  test('is one that is accepted', () => {
    const { transcript } = transcriptOf([delta({ output: [{ url: FILE }, { url: LINK }] })], {
      accepts: (url) => url !== LINK,
    })
    expect(transcript.video()).toMatchObject({ url: FILE })
  })

  test('that came whole in one piece counts, although the stream broke off', () => {
    expect(urlIn(delta({ content: FILE }))).toBe(FILE)
    expect(urlIn(delta({ content: 'https://cdn.exa' }), delta({ content: 'mple/a.mp4' }), '[DONE]')).toBe(FILE)
  })
})

describe('the mere links of a transcript', () => {
  test('are those of a finished one without other evidence', () => {
    const links = (...frames: unknown[]) => transcriptOf(frames).transcript.links()
    expect(links(delta({ content: `${LINK}1 ${LINK}2` }, 'stop'))).toEqual([`${LINK}2`, `${LINK}1`])
    expect(links(delta({ content: `${LINK} ${FILE} ${DATA}` }, 'stop'))).toEqual([LINK])
    expect(links(delta({ content: LINK }))).toEqual([])
    expect(links(delta({ content: LINK }, 'content_filter'))).toEqual([])
    expect(links(delta({ content: `❌ 生成失败: ${LINK}` }, 'stop'))).toEqual([])
  })
})

describe('the failure of a transcript', () => {
  const codeOf = (...frames: unknown[]) => transcriptOf(frames).transcript.failure()?.code

  test.each([
    ['an error frame', [{ error: { message: 'It broke' } }], 'generation-failed'],
    ['an object that is an error', [{ object: 'error', message: 'x' }], 'generation-failed'],
    ['a message alone', [{ message: 'It broke' }], 'generation-failed'],
    ['a detail alone', [{ detail: 'Not authenticated' }], 'authentication'],
    ['a code alone', [{ code: 400 }], 'upstream-http'],
    ['an error beside choices', [{ choices: [], error: 'It broke' }], 'generation-failed'],
    ['JSON of an error as content', [delta({ content: '{"type":"error","error":"It broke"}' })], 'generation-failed'],
    ['JSON of a failed state', [delta({ content: ' {"status":"failed","error":"It broke"}' })], 'generation-failed'],
    [
      'the same in pieces',
      [delta({ content: '{"state":' }), delta({ content: '"error","error":"x"}' })],
      'generation-failed',
    ],
    ['a refusal', [delta({ refusal: 'I cannot' })], 'content-rejected'],
    ['a violation', [delta({ reasoning_content: '**Content Policy Violation**' })], 'content-rejected'],
    ['a filter', [delta({ content: 'x' }, 'content_filter')], 'content-rejected'],
    ['the word of a failure', [delta({ content: '❌ 生成失败: Draft missing' })], 'generation-failed'],
    ['that word in English', [delta({ content: '❌generation failed：It violates our policies' })], 'content-rejected'],
    [
      'that word in reasoning alone',
      [delta({ reasoning_content: '❌ 生成失败: Draft missing', content: ' ' })],
      'generation-failed',
    ],
    ['prose', [delta({ content: 'It violates our content policy' }, 'stop')], 'content-rejected'],
  ])('is reported by %s', (_, frames, code) => {
    expect(codeOf(...frames)).toBe(code)
  })

  test.each([
    ['a frame of usage', [{ usage: { total_tokens: 1 } }]],
    ['a code below 400', [{ code: 399, id: 'c_1' }]],
    ['a message beside choices', [{ choices: [], message: 'Hello', detail: 'x', code: 500, object: 'error' }]],
    ['an error that says none', [{ error: null, message: '', choices: [] }]],
    ['JSON of another state', [delta({ content: '{"type":"video","status":"running"}' })]],
    ['a refusal beside a video', [delta({ refusal: 'I cannot', output: [{ url: FILE }] })]],
    [
      'reasoning of a failure before other content',
      [delta({ reasoning_content: '❌ 生成失败: x', content: 'Trying again' })],
    ],
    ['prose that says nothing', [delta({ content: 'Hello' }, 'stop')]],
    ['nothing', []],
  ])('is not reported by %s', (_, frames) => {
    expect(codeOf(...frames)).toBeUndefined()
  })

  test('is the first that was reported, and carries the id of the request', () => {
    const { transcript } = transcriptOf([])
    transcript.begin(new Headers({ 'x-request-id': 'req_1' }))
    transcript.add(JSON.stringify({ error: 'First' }))
    transcript.add(JSON.stringify({ error: 'Second' }))
    expect(transcript.failure()).toMatchObject({ message: expect.stringContaining('First'), requestId: 'req_1' })
  })
})

describe('what else a transcript knows', () => {
  test('when nothing more is expected', () => {
    expect(transcriptOf([delta({ content: 'x' }), 'no JSON', ' [DONE]']).ends).toEqual(['more', 'more', 'end'])
    expect(transcriptOf([{ error: 'x' }]).ends).toEqual(['end'])
    expect(transcriptOf([delta({ content: '{"type":"error"}' })]).ends).toEqual(['end'])
  })

  test('the id of the job before that of the message, and the last usage', () => {
    const job = delta({ output: [{ task_id: 't_1' }] })
    const generation = delta({ output: [{ task_id: 't_1', generation_id: 'g_1' }] })
    expect(transcriptOf([delta({ content: 'x' })]).transcript.id()).toBe('c_1')
    expect(transcriptOf([delta({}), job]).transcript.id()).toBe('t_1')
    expect(transcriptOf([generation, delta({ output: [{}] })]).transcript.id()).toBe('g_1')
    expect(transcriptOf([{ id: '', choices: [] }]).transcript.id()).toBeUndefined()
    const { transcript } = transcriptOf([{ choices: [], usage: { a: 1 } }, { choices: [], usage: { a: 2 } }, delta({})])
    expect(transcript.usage()).toEqual({ a: 2 })
  })

  test('the beginning of what was written, without secrets, else of what could not be read', () => {
    expect(transcriptOf([delta({ content: 'no canary-1 here' })]).transcript.excerpt()).toBe('no [redacted] here')
    expect(transcriptOf(['first', 'second']).transcript.excerpt()).toBe('first')
    expect(transcriptOf(['first', delta({ content: 'x' })]).transcript.excerpt()).toBe('x')
  })

  test('progress, up to the result and the word of a failure', () => {
    const texts = ['🎬 开始', 'https://cdn.example/', 'a.mp4 进度 40%']
    const { report } = transcriptOf(texts.map((content) => delta({ content })))
    expect(report.mock.calls).toEqual([[{ message: '🎬 开始' }]])
    expect(transcriptOf([delta({ content: '❌ 生成失败: 40%' })]).report).not.toHaveBeenCalled()
    for (const start of ['`', '<', '{', '![', 'http:'])
      expect(transcriptOf([delta({ content: start }), delta({ content: 'x' })]).report).not.toHaveBeenCalled()
    expect(transcriptOf([delta({ content: '' })]).report).not.toHaveBeenCalled()
  })

  test('at most so many characters of content', () => {
    const write =
      (...texts: string[]) =>
      () =>
        transcriptOf(
          texts.map((content) => delta({ content })),
          { maxContent: 4 },
        )
    expect(write('ab', 'cd')).not.toThrow()
    expect(write('ab', 'cde')).toThrow('Could not generate the video: chat.example wrote more than 4 characters')
  })
})

describe('a frame with a message of its own', () => {
  const NOTICES = [
    { message: 'task accepted', task_id: 't1' },
    { status: 'processing', message: 'queued, position 3' },
    { type: 'connected', message: 'stream opened' },
    { type: 'log', message: 'loading model' },
    { type: 'progress', progress: 10, message: 'rendering' },
    { success: true, message: 'task created' },
    { detail: 'queue position 3', progress: 0 },
    { detail: { stage: 'queued' } },
    { message: '渲染中', progress: 50 },
    { type: 'message_start', message: { id: 'msg_1', role: 'assistant', content: [] } },
    { message: 'welcome to the video gateway' },
  ]

  test.each(NOTICES)('such as %j is no failure before the video', (notice) => {
    const { transcript, ends } = transcriptOf([notice, delta({ content: FILE }, 'stop'), '[DONE]'])
    expect(ends).toEqual(['more', 'more', 'end'])
    expect(transcript.video()).toMatchObject({ url: FILE })
    expect(transcript.failure()).toBeUndefined()
  })

  test.each(NOTICES.slice(0, -2))('such as %j is no failure either where nothing follows', (notice) => {
    expect(transcriptOf([notice]).transcript.failure()).toBeUndefined()
  })

  test.each([
    [{ success: false, message: 'task created' }, 'generation-failed'],
    [{ type: 'error', message: 'x' }, 'generation-failed'],
    [{ status: 'failed', message: 'x' }, 'generation-failed'],
    [{ code: 500, message: 'x' }, 'upstream-http'],
    [{ message: 'Rate limit exceeded' }, 'rate-limited'],
    [{ detail: 'insufficient quota' }, 'quota-exceeded'],
  ])('such as %j is one at once', (frame, code) => {
    const { transcript, ends } = transcriptOf([frame])
    expect([ends, transcript.failure()?.code]).toEqual([['end'], code])
  })

  test('is one if it is all that comes and reports no progress', () => {
    const { transcript } = transcriptOf([{ message: 'The model broke' }])
    expect(transcript.failure()).toMatchObject({ code: 'generation-failed', message: expect.stringContaining('broke') })
  })

  test.each([
    'connection to upstream lost',
    'upstream closed: socket hang up',
    'the connection was reset by the worker',
  ])('with the loss of a connection (%s) proves nothing about the job', (message) => {
    const { transcript } = transcriptOf([
      delta({ reasoning_content: '60%' }),
      { error: { message, type: 'server_error' } },
    ])
    expect(transcript.failure()).toMatchObject({ code: 'network' })
    expect(transcript.failure()).not.toMatchObject({ isRefusal: true })
  })
})
