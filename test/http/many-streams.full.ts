import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'

const STREAMS = 1000
// Opened so many at a time: what is measured is a thousand open streams, not a thousand requests in one moment.
const AT_ONCE = 50
const WARM_UP = 1200
const BODY = JSON.stringify({ model: 'sora-1.0', stream: true, messages: [{ role: 'user', content: 'A cat' }] })
const REQUEST = [
  'POST /v1/chat/completions HTTP/1.1',
  'host: 127.0.0.1',
  'content-type: application/json',
  `content-length: ${BODY.length}`,
  'connection: close',
  '',
  BODY,
].join('\r\n')

test('of a thousand streams with one stalled reader each gets its end, in bounded memory', async () => {
  const { port, ask } = await serverProcess()
  const sockets: Socket[] = []
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
  })
  const open = async () => {
    const socket = connect(port, '127.0.0.1')
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(REQUEST)
    return socket
  }
  const read = async () => {
    const chunks: Buffer[] = []
    const socket = await open()
    const begun = once(socket, 'data')
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    await begun
    return { socket, chunks, end: once(socket, 'end') }
  }
  const readMany = async (count: number) => {
    const streams: Awaited<ReturnType<typeof read>>[] = []
    while (streams.length < count) {
      const length = Math.min(AT_ONCE, count - streams.length)
      streams.push(...(await Promise.all(Array.from({ length }, read))))
    }
    return streams
  }
  // With any traffic V8 lets the space for young objects grow to its limit: that is no cost of streams that are open.
  await Promise.all((await readMany(WARM_UP)).map(({ end }) => end))
  const before = await ask('hold')
  const stalled = await open()
  stalled.pause()
  const streams = await readMany(STREAMS - 1)
  // Every stream has begun; each reports a few polls before the end.
  const first = streams[0]
  while (first && Buffer.concat(first.chunks).toString().split('data: ').length < 4) await once(first.socket, 'data')
  const during = await ask('memory')
  const after = await ask('finish')
  await Promise.all(streams.map(({ end }) => end))
  const texts = streams.map(({ chunks }) => Buffer.concat(chunks).toString())
  expect(texts.filter((text) => text.includes('"finish_reason":"stop"') && text.includes('data: [DONE]'))).toHaveLength(
    STREAMS - 1,
  )
  let late = ''
  stalled.setEncoding('utf8').on('data', (text: string) => {
    late += text
  })
  await once(stalled.resume(), 'end')
  expect(late).toContain('"finish_reason":"stop"')
  expect(late).toContain('data: [DONE]')
  expect(Math.max(during, after, await ask('memory')) - before).toBeLessThan(100_000_000)
}, 150_000)

async function serverProcess() {
  const script = join(import.meta.dirname, 'streams-server.ts')
  const child: ChildProcess = spawn(process.execPath, ['--expose-gc', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(async () => {
    child.stdin?.end()
    if (child.exitCode === null) await once(child, 'exit')
  })
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  const next = async () => Number((await lines.next()).value)
  const port = await next()
  const ask = (word: 'hold' | 'finish' | 'memory') => {
    child.stdin?.write(`${word}\n`)
    return next()
  }
  return { port, ask }
}
