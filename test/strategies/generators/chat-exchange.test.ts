import { describe, expect, test, vi } from 'vitest'
import { loopbackServer, videoBytes } from '../../upstream/loopback-server.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { chatServer, chunk, DONE, frame, generatorAt } from './chat-server.js'

const FILE = 'https://cdn.example/a.mp4'
const request = { prompt: 'A cat' }
const answering = (text: string) => loopbackServer((_, response) => response.end(text))

describe('an answer that is not a stream', () => {
  const piece = (content: string, finish_reason: string | null = null) =>
    JSON.stringify({ id: 'c_1', choices: [{ delta: { content }, finish_reason }] })

  test.each([
    ['one chunk a line', [piece('https://cdn.exa'), piece('mple/a.mp4', 'stop'), '[DONE]'].join('\n')],
    [
      'blank lines and blanks around them',
      `  ${piece('https://cdn.exa')} \r\n\n ${piece('mple/a.mp4', 'stop')}\r\n [DONE] \n`,
    ],
    [
      'one object of several lines',
      JSON.stringify({ choices: [{ message: { content: FILE }, finish_reason: 'stop' }] }, null, 2),
    ],
  ])('may be %s', async (_, text) => {
    expect(await generatorAt(await answering(text)).generate(request, stageContext())).toMatchObject({ url: FILE })
  })

  test('is read no further than its end', async () => {
    const text = [JSON.stringify({ error: 'It broke' }), piece(FILE, 'stop')].join('\n')
    expect(await rejection(generatorAt(await answering(text)).generate(request, stageContext()))).toMatchObject({
      code: 'generation-failed',
    })
  })

  test('is reported to be too long, and is not retried', async () => {
    const server = await answering(JSON.stringify({ choices: [], note: 'x'.repeat(2_000) }))
    const error = await rejection(generatorAt(server, { maxAnswerBytes: 1_000 }).generate(request, stageContext()))
    expect(error).toMatchObject({
      code: 'submission-unknown',
      cause: {
        code: 'upstream-response',
        isRetryable: false,
        url: `${server.origin}/v1/chat/completions`,
        message: expect.stringContaining('answered with more than 1000 bytes'),
      },
    })
  })

  test.each(['<html>Space is sleeping</html>', '', ' \n'])('may be empty: %j', async (text) => {
    const error = await rejection(generatorAt(await answering(text)).generate(request, stageContext()))
    expect(error).toMatchObject({ code: 'submission-unknown' })
  })
})

describe('an event that is called error', () => {
  test.each([
    ['event: error\ndata: It broke\n\n', 'generation-failed'],
    ['event: error\ndata: Not authenticated\n\n', 'authentication'],
    ['event: error\ndata: {"message":"The task was accepted, then it broke"}\n\n', 'generation-failed'],
    ['event: error\ndata: {"error":{"message":"Not authenticated"}}\n\n', 'authentication'],
  ])('%j is %s', async (event, code) => {
    const generator = generatorAt(await chatServer([event, DONE]))
    expect(await rejection(generator.generate(request, stageContext()))).toMatchObject({ code })
  })
})

describe('a mere link', () => {
  const mirror = (type = 'video/mp4') =>
    loopbackServer((_, response) => {
      response.writeHead(200, { 'content-type': type, 'content-length': 100 }).end(videoBytes(100))
    })

  test('counts when it serves a video, the last first, three at most', async () => {
    const asked: string[] = []
    const fetch = vi.fn(async (url: unknown, init?: RequestInit) => {
      if (init?.method === 'POST') {
        const links = [5, 4, 3, 2, 1].map((number) => `https://cdn.example/${number}`).join(' ')
        return new Response(chunk({ content: links }, 'stop') + DONE)
      }
      asked.push(`${init?.method} ${url}`)
      return new Response(null, { status: 404 })
    })
    const generator = generatorAt({ origin: 'https://chat.example', seen: [], sockets: new Set() }, { fetch })
    expect(await rejection(generator.generate(request, stageContext()))).toMatchObject({ code: 'submission-unknown' })
    expect(asked).toEqual([1, 2, 3].map((number) => `HEAD https://cdn.example/${number}`))
  })

  test('on the own origin of the upstream may be opened there, and another private one not', async () => {
    const away = await mirror()
    const server = await loopbackServer((seen, response) => {
      if (seen.method !== 'POST') return response.writeHead(200, { 'content-type': 'video/mp4' }).end(videoBytes(100))
      return response.end(chunk({ content: `${server.origin}/out ${away.origin}/out` }, 'stop') + DONE)
    })
    expect(await generatorAt(server).generate(request, stageContext())).toMatchObject({ url: `${server.origin}/out` })
    expect(away.seen).toEqual([])
  })

  test('is not opened after a failure, nor where the stream broke off', async () => {
    const store = await mirror()
    for (const script of [
      [chunk({ content: `${store.origin}/out` }), frame({ error: 'It broke' })],
      [chunk({ content: `${store.origin}/out` })],
    ]) {
      const error = await rejection(generatorAt(await chatServer(script)).generate(request, stageContext()))
      expect(Object(error).code).toMatch(/generation-failed|submission-unknown/)
    }
    expect(store.seen).toEqual([])
  })
})

describe('what the upstream only repeats', () => {
  test.each([
    ['image', { image: 'https://own.example/i.mp4', video: undefined }],
    ['video', { video: 'https://own.example/i.mp4' }],
    ['remix', { remixOf: 'https://own.example/i.mp4' }],
  ])('of the %s of a request is not a result', async (_, more) => {
    const said = `From https://own.example/i.mp4 came ${FILE}, thanks to https://own.example/i.mp4`
    const generator = generatorAt(await chatServer([chunk({ content: said }, 'stop'), DONE]), { imageUrls: 'send' })
    const overrides = { remixOf: true, image: true, video: true }
    expect(await generator.generate({ ...request, ...more, providerOptions: overrides }, stageContext())).toMatchObject(
      {
        url: FILE,
      },
    )
  })
})
