import { describe, expect, test } from 'vitest'
import { chatCandidates } from '../../../src/strategies/generators/chat-completions/chat-candidates.js'
import { createChatTranscript } from '../../../src/strategies/generators/chat-completions/chat-transcript.js'
import { chatCompletionsGenerator } from '../../../src/strategies/index.js'
import { maskOf } from '../../../src/upstream/secret.js'
import { loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { stageContext } from '../../upstream/stage-context.js'

const MAIN = 'https://cdn.example/main.mp4'
const OTHER = 'https://cdn.example/other.mp4'
const LINK = 'https://cdn.example/main'
const search = { base: 'https://chat.example/v1/', accepts: () => true }

const firstIn = (text: string) => {
  const output = chatCandidates(text, search)[0]?.output
  return output?.kind === 'url' ? output.url : undefined
}

describe('in a text the video goes before', () => {
  test.each([
    ['a later preview', `Your video: ${MAIN}\nPreview: ${OTHER}`],
    ['an earlier preview', `Preview: ${OTHER}\nYour video: ${MAIN}`],
    ['a preview in the same line', `Final: ${MAIN} Preview: ${OTHER}`],
    ['a preview before it in the same line', `Preview: ${OTHER} | Final: ${MAIN}`],
    ['a preview link', `[Download](${MAIN})\n[Preview](${OTHER})`],
    ['a preview under a heading', `### Video\n${MAIN}\n\n### Low-res preview\n\n${OTHER}`],
    [
      'a video tag under the heading of a preview',
      `Video\n<video src="${MAIN}"></video>\nPreview\n<video src="${OTHER}"></video>`,
    ],
    ['a tag whose class says preview', `<video src="${MAIN}"></video>\n<video class="preview" src="${OTHER}"></video>`],
    ['a file that is named so', `${MAIN}\nhttps://cdn.example/other_preview.mp4`],
    ['a word behind the address', `${MAIN}\n${OTHER} (preview)`],
    ['a Chinese preview', `视频：${MAIN}\n预览：${OTHER}`],
    ['a tutorial', `Your video: ${MAIN}\nTutorial: ${OTHER}`],
    ['a tutorial link', `[video](${MAIN})\n[How to download](${OTHER})`],
    ['a Chinese tutorial', `下载：${MAIN}\n使用教程：${OTHER}`],
    ['an example', `${MAIN}\nExamples of other videos: ${OTHER}`],
    ['a link without an extension', `[Download video](${LINK})\nPreview: ${OTHER}`],
  ])('%s', (_, text) => {
    expect(firstIn(text)).toBe(text.includes(MAIN) ? MAIN : LINK)
  })

  test('a tutorial link without an extension', () => {
    expect(firstIn(`[Your video](${LINK})\n[Watch our tutorial](https://tube.example/watch?v=1)`)).toBe(LINK)
  })
})

describe('never the video in a text is', () => {
  test.each([
    ['an input', `Source video: ${OTHER}`],
    ['a Chinese input', `参考视频：${OTHER}`],
    ['an input in JSON', JSON.stringify({ source_video: OTHER })],
    ['an input by its role in JSON', JSON.stringify({ files: [{ role: 'input', url: OTHER }] })],
  ])('%s', (_, text) => {
    expect(firstIn(text)).toBeUndefined()
    expect(firstIn(`${text}\n${MAIN}`)).toBe(MAIN)
  })

  test('an input beside the result in JSON', () => {
    expect(firstIn(JSON.stringify({ result: LINK, source_video: OTHER }))).toBe(LINK)
  })
})

function transcriptOf(...frames: readonly unknown[]) {
  const upstream = {
    url: search.base,
    host: 'chat.example',
    mask: maskOf([]),
    elapsedMs: () => 0,
    isRefusal: () => undefined,
  }
  const transcript = createChatTranscript(upstream, search, { report: () => undefined, maxContent: 10_000 })
  for (const frame of frames) transcript.add(JSON.stringify(frame))
  const addressOf = (output = transcript.video()) => (output?.kind === 'url' ? output.url : undefined)
  return { transcript, video: addressOf(), lastResort: addressOf(transcript.lastResort() ?? undefined) }
}
const delta = (fields: object, finish_reason: string | null = null) => ({ choices: [{ delta: fields, finish_reason }] })
const toolCall = (args: unknown, index = 0) => ({ index, function: { name: 'show_video', arguments: args } })

describe('in the frames of a chat', () => {
  test.each([
    ['a preview in a field before the content', [delta({ preview_url: OTHER }), delta({ content: MAIN }, 'stop')]],
    [
      'a preview in a field after the output',
      [delta({ output: [{ url: MAIN }] }), delta({ preview_url: OTHER }, 'stop')],
    ],
    ['a preview in the output', [delta({ output: [{ url: MAIN }, { url: OTHER, type: 'preview' }] }, 'stop')]],
    ['an input in the output', [delta({ output: [{ url: MAIN }, { url: OTHER, role: 'input' }] }, 'stop')]],
    [
      'a poster in the output',
      [delta({ output: [{ url: MAIN }, { url: 'https://cdn.example/p', kind: 'poster' }] }, 'stop')],
    ],
  ])('%s is not the video', (_, frames) => {
    expect(transcriptOf(...frames).video).toBe(MAIN)
  })

  test('a preview is the last resort', () => {
    expect(transcriptOf(delta({ preview_url: OTHER }, 'stop'))).toMatchObject({ video: undefined, lastResort: OTHER })
    expect(transcriptOf(delta({ content: `Preview: ${OTHER}` }, 'stop'))).toMatchObject({ lastResort: OTHER })
  })

  test.each([
    ['a delta', [delta({ tool_calls: [toolCall(JSON.stringify({ video_url: LINK }))] }, 'tool_calls')]],
    [
      'pieces',
      [
        delta({ tool_calls: [toolCall('{"video_url":"https://cdn')] }),
        delta({ tool_calls: [toolCall('.example/main"}')] }, 'tool_calls'),
      ],
    ],
    [
      'pieces without an index',
      [
        delta({ tool_calls: [{ function: { arguments: '{"url":"https://cdn' } }] }),
        delta({ tool_calls: [{ function: { arguments: '.example/main"}' } }] }, 'tool_calls'),
      ],
    ],
    [
      'a message',
      [{ choices: [{ message: { content: null, tool_calls: [toolCall(JSON.stringify({ url: LINK }))] } }] }],
    ],
    ['an object', [delta({ tool_calls: [toolCall({ result: { url: LINK } })] }, 'tool_calls')]],
    ['a function call', [delta({ function_call: { name: 'f', arguments: JSON.stringify({ url: LINK }) } }, 'stop')]],
  ])('a video in the arguments of a tool call counts: %s', (_, frames) => {
    expect(transcriptOf(...frames).video).toBe(LINK)
  })

  test('a video in the content goes before one in a tool call, whose inputs never count', () => {
    const call = delta({ tool_calls: [toolCall(JSON.stringify({ url: OTHER }))] })
    expect(transcriptOf(call, delta({ content: MAIN }, 'stop')).video).toBe(MAIN)
    const input = delta({ tool_calls: [toolCall(JSON.stringify({ source_video: OTHER }))] }, 'stop')
    expect(transcriptOf(input)).toMatchObject({ video: undefined, lastResort: undefined })
  })
})

test.each([
  ['goes before a preview', '/main'],
  ['that serves none does not', '/gone'],
])('a bare link that serves a video %s', async (_, path) => {
  const chat = await loopbackServer(({ url }, response) => {
    if (url === '/main') return response.writeHead(200, { 'content-type': 'video/mp4' }).end(videoBytes(100))
    if (url === '/gone') return response.writeHead(404).end()
    const content = `Preview: ${OTHER}\n\n${chat.origin}${path}`
    response.writeHead(200, { 'content-type': 'application/json' })
    return response.end(JSON.stringify({ choices: [{ message: { content }, finish_reason: 'stop' }] }))
  })
  const generator = chatCompletionsGenerator({ baseUrl: `${chat.origin}/v1`, apiKey: 'key_1', model: 'm' })
  const { url } = await generator.generate({ prompt: 'A cat' }, stageContext())
  expect(url).toBe(path === '/main' ? `${chat.origin}/main` : OTHER)
})
