import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createHandler } from '../../src/http/index.js'
import { type PipelineEvent, SoraPipeline } from '../../src/index.js'
import { eventually } from '../support/eventually.js'
import { FRAMEWORKS, type Framework } from './node/frameworks.js'

const KEY = { authorization: 'Bearer key' }

/** A backend whose jobs are taken and done when the test says so. */
async function backend(framework: Framework) {
  const taken = Promise.withResolvers<void>()
  const submitted = Promise.withResolvers<void>()
  const events: PipelineEvent[] = []
  let isDone = false
  let listeners: (() => void)[] = []
  const pipeline = new SoraPipeline({
    generator: {
      name: 'held',
      async start() {
        submitted.resolve()
        await taken.promise
        return { operation: { id: 'job_1' } }
      },
      poll: async () =>
        isDone
          ? { state: 'completed', video: { id: 'v', url: 'https://cdn.example/a.mp4' } }
          : { state: 'running', ratio: 0.5 },
    },
    pollSchedule: () => 5,
    onEvent: (event) => {
      events.push(event)
      for (const tell of listeners) tell()
      listeners = []
    },
  })
  const server = await framework.start(createHandler(pipeline, { apiKeys: ['key'], basePath: framework.prefix }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => new Promise((resolve) => void server.close(() => resolve(undefined))))
  const { port } = server.address() as { port: number }
  const origin = `http://127.0.0.1:${port}${framework.prefix}`
  const ended = async () => {
    while (!events.some(({ type }) => type === 'run-completed' || type === 'run-failed')) {
      await new Promise<void>((resolve) => listeners.push(resolve))
    }
    return events.at(-1)?.type
  }
  const get = async (path: string) =>
    (await fetch(`${origin}${path}`, { headers: { ...KEY, connection: 'close' } })).json()
  const finish = () => {
    isDone = true
  }
  return {
    port,
    prefix: framework.prefix,
    take: taken.resolve,
    submitted: submitted.promise,
    finish,
    ended,
    get,
    pipeline,
    connections: promisify(server.getConnections.bind(server)),
  }
}

/** A client that requests a stream, and what it received. */
function client(port: number, prefix: string) {
  const body = JSON.stringify({ model: 'sora-1.0', stream: true, messages: [{ role: 'user', content: 'A cat' }] })
  const socket: Socket = connect({ port, host: '127.0.0.1' })
  let got = ''
  socket.on('error', () => undefined)
  socket.on('data', (chunk: Buffer) => {
    got += chunk.toString()
  })
  const head = `POST ${prefix}/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer key\r\ncontent-type: application/json`
  socket.write(`${head}\r\ncontent-length: ${body.length}\r\n\r\n${body}`)
  const until = async (pattern: RegExp) => {
    while (!pattern.test(got)) await once(socket, 'data')
    return got
  }
  return { socket, until }
}

describe.each(Object.entries(FRAMEWORKS) as [string, Framework][])('on %s a client that leaves', (_, framework) => {
  test('before the headers stops nothing: the video is in the list', async () => {
    const { port, prefix, take, submitted, finish, ended, get } = await backend(framework)
    const { socket } = client(port, prefix)
    await submitted
    socket.destroy()
    await once(socket, 'close')
    take()
    finish()
    expect(await ended()).toBe('run-completed')
    expect(await get('/videos')).toMatchObject({ data: [{ status: 'completed', url: 'https://cdn.example/a.mp4' }] })
  })

  test('in mid-stream stops nothing: the video is fetched by its id', async () => {
    const { port, prefix, take, finish, ended, get } = await backend(framework)
    const { socket, until } = client(port, prefix)
    take()
    const got = await until(/data: .*\n/)
    socket.destroy()
    await once(socket, 'close')
    finish()
    expect(await ended()).toBe('run-completed')
    const [, id] = /^x-run-id: (\w+)/im.exec(got) ?? []
    expect(await get(`/videos/${id}`)).toMatchObject({ id, status: 'completed', url: 'https://cdn.example/a.mp4' })
  })

  test('in mid-stream joins its run when it sends the request again', async () => {
    const { port, prefix, take, finish, ended, get, connections } = await backend(framework)
    const first = client(port, prefix)
    take()
    const got = await first.until(/data: .*\n/)
    first.socket.destroy()
    await once(first.socket, 'close')
    const idIn = (text: string) => /^x-run-id: (\w+)/im.exec(text)?.[1]
    await eventually(async () => expect(await connections()).toBe(0))
    const second = client(port, prefix)
    expect(idIn(await second.until(/data: .*\n/))).toBe(idIn(got))
    finish()
    expect(await second.until(/data: \[DONE\]\n\n/)).toContain('https://cdn.example/a.mp4')
    second.socket.destroy()
    expect(await ended()).toBe('run-completed')
    expect(await get('/videos')).toMatchObject({ data: [{ status: 'completed' }] })
  })

  test('after the end has received the whole stream, and the video stays', async () => {
    const { port, prefix, take, finish, get } = await backend(framework)
    const { socket, until } = client(port, prefix)
    take()
    finish()
    const got = await until(/data: \[DONE\]\n\n/)
    socket.destroy()
    await once(socket, 'close')
    const [, id] = /^x-run-id: (\w+)/im.exec(got) ?? []
    expect(await get(`/videos/${id}`)).toMatchObject({ id, status: 'completed' })
  })
})
