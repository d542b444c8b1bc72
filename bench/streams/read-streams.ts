import type { Server } from 'node:http'
import { createServer, request } from 'node:http'
import { connect } from 'node:net'
import type { Feed } from './fed-server.ts'

/** How the readers open their streams. */
export interface Reading {
  readonly origin: string
  readonly streams: number
}

/** When an event arrived after it was sent, in milliseconds, for each event of a feed. */
export type Delays = readonly number[]

const STAMP = /t(\d{16})/g
const AT_ONCE = 100

/**
 * Readers of many streams, in their own process, so that their CPU is not counted. A request to `/open` opens the streams; one to
 * `/feed` has the other server send one event on each, and answers with the delays once all have arrived.
 */
export function serve({ origin, streams }: Reading): { readonly server: Server } {
  const readers = createReaders(origin)
  const server = createServer(async ({ url = '' }, response) => {
    if (url === '/open') {
      for (let opened = 0; opened < streams; opened += AT_ONCE) {
        await Promise.all(Array.from({ length: Math.min(AT_ONCE, streams - opened) }, () => readers.open()))
      }
      response.end('[]')
    } else {
      const arrived = readers.arrivals(streams)
      await get(`${origin}${url}`)
      response.end(JSON.stringify(await arrived))
    }
  })
  return { server }
}

function createReaders(origin: string) {
  const { port, host } = new URL(origin)
  let delays: number[] = []
  let expected = Number.POSITIVE_INFINITY
  let finish: (delays: Delays) => void = () => undefined

  const read = (text: string, rest: string): string => {
    const all = rest + text
    let end = 0
    for (const match of all.matchAll(STAMP)) {
      end = match.index + match[0].length
      delays.push(performance.timeOrigin + performance.now() - Number(match[1]) / 1000)
    }
    if (delays.length >= expected) finish(delays)
    return all.slice(Math.max(end, all.length - 32))
  }

  return {
    /** Resolves once the head of the response is there. */
    open(): Promise<void> {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const body = JSON.stringify({
        model: 'sora-2',
        stream: true,
        messages: [{ role: 'user', content: `Take ${Math.random()}` }],
      })
      const head = [
        'POST /v1/chat/completions HTTP/1.1',
        `host: ${host}`,
        'authorization: Bearer bench-key',
        'content-type: application/json',
        `content-length: ${body.length}`,
      ]
      let rest = ''
      const buffer = Buffer.alloc(4096)
      const callback = (length: number) => {
        rest = read(buffer.toString('latin1', 0, length), rest)
        resolve()
        return true
      }
      connect({ port: Number(port), host: '127.0.0.1', onread: { buffer, callback } })
        .on('error', reject)
        .on('close', () => reject(new Error('Could not read a stream: it ended')))
        .write(`${head.join('\r\n')}\r\n\r\n${body}`)
      return promise
    },
    arrivals(count: number): Promise<Delays> {
      delays = []
      expected = count
      return new Promise((resolve) => {
        finish = resolve
      })
    },
  }
}

/** Has the readers do something, and returns their answer. */
export async function get(url: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  request(url, { agent: false }, (response) => {
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (chunk) => {
      text += chunk
    })
    response.on('end', () => resolve(text))
  })
    .on('error', reject)
    .end()
  return promise
}

export function feedPath({ kind, withinMs }: Feed): string {
  return `/feed?kind=${kind}&withinMs=${withinMs}`
}
