import { createServer, type ServerResponse } from 'node:http'
import { expect, test } from 'vitest'
import { sendNodeResponse } from '../../../src/http/index.js'
import { type SseSink, type SseSource, sseStream } from '../../../src/openai/sse-source.js'
import { rawClient } from './raw-client.js'
import { serve } from './serve.js'

const FRAMES = ['data: one\n\n', 'data: ⚠️ two\n\n', `data: ${'three '.repeat(4000)}\n\n`]
const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n'

/** What a client gets for two requests on one connection, whose frames come one by one after the head; without the dates. */
async function received(prepare: (response: ServerResponse) => void, { last, request = REQUEST, times = 2 }: Asked) {
  const writes: string[] = []
  const server = createServer((_, response) => {
    prepare(response)
    const { socket } = response
    if (socket !== null) {
      const { write } = socket
      socket.write = (...given: [never]) => {
        writes.push(String(given[0]))
        return write.apply(socket, given)
      }
    }
    let sink: SseSink | undefined
    const frames = [...FRAMES]
    const give = () => {
      const frame = frames.shift()
      if (frame === undefined) sink?.take(last, true)
      else sink?.take(frame, false)
    }
    const source: SseSource = {
      pull(next) {
        sink = next
        // In a turn of its own, after what was there is written.
        setImmediate(() => setImmediate(give))
      },
      cancel: () => undefined,
    }
    const headers = { 'content-type': 'text/event-stream' }
    void sendNodeResponse(response, new Response(sseStream(source), { headers }))
  })
  const { port } = await serve(server)
  const client = rawClient(port)
  for (let time = 1; time <= times; time += 1) {
    client.write(request)
    await client.until(/three \n\n(?:\r\n)?(?:[\da-f]+\r\n)?(?:last)?(?:\r\n)?(?:0\r\n\r\n)?$/, 1)
    if (request === REQUEST) await client.until(/\r\n0\r\n\r\n/, time)
  }
  return { text: client.text.replaceAll(/date: .*\r\n/gi, ''), writes }
}

interface Asked {
  readonly last: string
  readonly request?: string
  readonly times?: number
}

/** As middleware does: Node writes the chunks then. */
function withOwnWrite(response: ServerResponse): void {
  Object.assign(response, { write: response.write.bind(response) })
}

function withOwnEnd(response: ServerResponse): void {
  Object.assign(response, { end: response.end.bind(response) })
}

const unchanged = () => undefined

test.each(['', 'last'])(
  'a stream has the bytes that Node writes, also on a connection that is used again: %j',
  async (last) => {
    const ours = await received(unchanged, { last })
    expect(ours.text).toContain(`12\r\ndata: ${Buffer.from('⚠️').toString('latin1')} two\n\n\r\n`)
    expect(ours.text).toBe((await received(withOwnWrite, { last })).text)
    expect(ours.text).toBe((await received(withOwnEnd, { last })).text)
  },
)

test('each chunk is written to the connection in one piece', async () => {
  const { writes } = await received(unchanged, { last: '' })
  expect(writes).toContain('b\r\ndata: one\n\n\r\n')
  expect(writes.filter((piece) => piece === '\r\n')).toEqual([])
})

test('a client of HTTP/1.0 gets no chunks', async () => {
  const { text } = await received(unchanged, { last: 'last', request: 'GET / HTTP/1.0\r\n\r\n', times: 1 })
  expect(text.split('\r\n\r\n')[1]).toMatch(/^data: one\n\ndata: /)
})
