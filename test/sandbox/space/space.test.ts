import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Sandbox, SandboxSpace } from '../../../src/sandbox/sandbox.js'
import type { SandboxOptions } from '../../../src/sandbox/sandbox-options.js'
import { startSandbox } from '../../../src/sandbox/start-sandbox.js'
import { callJson } from '../call-json.js'
import { readEvents } from '../read-events.js'

const BYTES = Buffer.from('the bytes of a video')

let sandbox: Sandbox
const start = async (options: SandboxOptions = {}) => {
  sandbox = await startSandbox(options)
  sandbox.files.put('v/a b.mp4', BYTES)
  return sandbox
}
beforeEach(() => start())
afterEach(() => sandbox.close())

const prefixOf = ({ dialect }: SandboxSpace) => (dialect === 4 ? '' : '/gradio_api')

const submit = (space: SandboxSpace, body: object, headers: Record<string, string> = {}) => {
  return callJson(`${space.baseUrl}${prefixOf(space)}/call/upload`, { method: 'POST', body, headers })
}

const streamOf = (space: SandboxSpace, id: string, headers: Record<string, string> = {}) => {
  return fetch(`${space.baseUrl}${prefixOf(space)}/call/upload/${id}`, { headers })
}

const idOf = async (space: SandboxSpace, body: object) =>
  ((await submit(space, body)).json as { event_id: string }).event_id

const run = async (space: SandboxSpace, data: readonly unknown[]) => {
  const response = await streamOf(space, await idOf(space, { data }))
  return readEvents(await response.text())
}

const resultOf = async (space: SandboxSpace, data: readonly unknown[]) => {
  return JSON.parse((await run(space, data)).at(-1)?.data ?? '')[0]
}

const each = () =>
  sandbox.spaces.map((space) => ({ space, inputs: [space.password, ...(space.dialect === 6 ? [''] : [])] }))

describe('a Space of Gradio 4 and one of Gradio 6', () => {
  it('declare their versions, their prefix and their inputs', async () => {
    const [four, six] = sandbox.spaces
    const config4 = (await callJson(`${four.baseUrl}/config`)).json
    expect(config4).toMatchObject({ version: '4.44.1', protocol: 'sse_v3', root: four.baseUrl })
    expect(config4).not.toHaveProperty('api_prefix')
    expect((await callJson(`${six.baseUrl}/config`)).json).toMatchObject({
      version: '6.25.0',
      api_prefix: '/gradio_api',
      dependencies: [{ api_name: 'upload', inputs: [0, 1, 2] }],
    })
    const parameters = async (url: string) => {
      const info = (await callJson(url)).json as { named_endpoints: { '/upload': { parameters: object[] } } }
      return info.named_endpoints['/upload'].parameters
    }
    expect(await parameters(`${four.baseUrl}/info`)).toMatchObject([
      { parameter_name: 'file_url', parameter_has_default: false },
      { parameter_name: 'password', parameter_has_default: false },
    ])
    expect(await parameters(`${six.baseUrl}/gradio_api/info`)).toMatchObject([
      { parameter_name: 'url' },
      { parameter_name: 'pwd' },
      { parameter_name: 'username', parameter_has_default: true, parameter_default: '' },
    ])
  })

  it('fetch the file, put it into the Drive, and give addresses that serve it', async () => {
    for (const { space, inputs } of each()) {
      const events = await run(space, [sandbox.files.url('v/a b.mp4'), ...inputs])
      expect(events.map(({ event }) => event)).toEqual(['heartbeat', 'generating', 'complete'])
      const [result] = JSON.parse(events[2]?.data ?? '')
      const today = new Date().toISOString().slice(0, 10)
      expect(result).toEqual({
        status: 'success',
        filename: 'a b.mp4',
        file_id: expect.any(String),
        download_link: `${sandbox.drive.baseUrl}/uc?id=${result.file_id}&export=download`,
        view_link: sandbox.drive.fileUrl(result.file_id),
        folder: today,
        folder_path: today,
      })
      for (const url of [result.download_link, result.view_link]) {
        const file = await fetch(url)
        expect([file.status, file.headers.get('content-type'), await file.text()]).toEqual([
          200,
          'video/mp4',
          BYTES.toString(),
        ])
      }
    }
    expect(sandbox.drive.files.size).toBe(2)
    const [, six] = sandbox.spaces
    expect(await resultOf(six, [`${sandbox.mirrors[0]}/`, six.password, ''])).toMatchObject({ status: 'error' })
    const named = await resultOf(six, [`${sandbox.files.url('v/a b.mp4')}?x=1`, six.password, 'me'])
    expect(named).toMatchObject({ username: 'me', folder_path: expect.stringMatching(/^me\/\d{4}-/) })
  })

  it('report failures as results', async () => {
    for (const { space, inputs } of each()) {
      const [, ...rest] = inputs
      const message = async (url: unknown, password = space.password) => {
        const result = await resultOf(space, [url, password, ...rest])
        expect(result.status).toBe('error')
        return result.message
      }
      expect(await message(sandbox.files.url('a'), 'wrong')).toBe('Wrong password')
      expect(await message('')).toBe('The URL is empty')
      expect(await message(5)).toBe('The URL is empty')
      expect(await message('no url')).toMatch(/only fetches from this machine/)
      expect(await message('https://example.com/a.mp4')).toMatch(/only fetches from this machine/)
      expect(await message(sandbox.files.url('nothing'))).toBe('Could not fetch the file: 404 Not Found')
      expect(await message(`${sandbox.files.baseUrl}/%zz`)).toBe('Could not fetch the file: URI malformed')
      sandbox.setFaults({ files: [{ kind: 'reset' }] })
      expect(await message(sandbox.files.url('v/a b.mp4'))).toBe('Could not fetch the file: fetch failed')
      sandbox.drive.setQuota(3)
      expect(await message(sandbox.files.url('v/a b.mp4'))).toMatch(/quota has been exceeded/)
    }
    expect(sandbox.drive.files.size).toBe(0)
  })

  it('do not reveal the reason of too few inputs', async () => {
    const [four, six] = sandbox.spaces
    expect((await run(four, ['x'])).at(-1)).toEqual({ event: 'error', data: 'null' })
    const [heartbeat, error] = await run(six, [sandbox.files.url('v/a b.mp4'), six.password])
    expect(heartbeat).toEqual({ event: 'heartbeat', data: 'null' })
    expect([error?.event, JSON.parse(error?.data ?? '')]).toEqual(['error', expect.objectContaining({ error: null })])
  })

  it('know only their own prefix, one function, and a body with data', async () => {
    const [four, six] = sandbox.spaces
    const notFound = [404, { detail: 'Not Found' }]
    const ask = async (url: string, init: Parameters<typeof callJson>[1] = {}) => {
      const { status, json } = await callJson(url, init)
      return [status, json]
    }
    expect(await ask(`${six.baseUrl}/call/upload`, { method: 'POST', body: { data: [] } })).toEqual(notFound)
    expect(await ask(`${six.baseUrl}/call/upload/x`)).toEqual(notFound)
    expect(await ask(`${six.baseUrl}/info`)).toEqual(notFound)
    expect(await ask(`${four.baseUrl}/gradio_api/info`)).toEqual(notFound)
    expect(await ask(`${six.baseUrl}/gradio_api/config`)).toEqual(notFound)
    expect(sandbox.requests.map(({ endpoint }) => endpoint)).toEqual([
      'space-2.call',
      'space-2.stream',
      'space-2.info',
      'space-1.info',
      'space-2.config',
    ])
    const unknown = await callJson(`${four.baseUrl}/call/save`, { method: 'POST', body: { data: [] } })
    expect([unknown.status, unknown.text]).toEqual([500, 'Internal Server Error'])
    for (const body of [{}, { data: 'x' }, []]) expect((await submit(four, body)).status).toBe(422)
  })

  it('give a result once, and cut the stream of an unknown one', async () => {
    for (const { space, inputs } of each()) {
      const id = await idOf(space, { data: ['', ...inputs] })
      expect(await (await streamOf(space, id)).text()).toMatch(/event: complete/)
      const again = await streamOf(space, id)
      expect(again.status).toBe(200)
      const reader = again.body?.pipeThrough(new TextDecoderStream()).getReader()
      expect((await reader?.read())?.value).toBe('event: error\ndata: "404: Session not found."\n\n')
      await expect(reader?.read()).rejects.toThrow('terminated')
    }
  })

  it('lose the result of a call with its own session, but only before Gradio 6', async () => {
    const [four, six] = sandbox.spaces
    const read = async (space: SandboxSpace) => {
      const id = await idOf(space, { data: ['', space.password, ''], session_hash: 'mine' })
      return (await streamOf(space, id)).text().catch(() => 'cut')
    }
    expect(await read(four)).toBe('cut')
    expect(await read(six)).toMatch(/event: complete/)
  })
})

describe('a line', () => {
  const hold = async () => {
    const [space] = sandbox.spaces
    sandbox.setFaults({ files: [{ kind: 'hang' }] })
    const data = [sandbox.files.url('v/a b.mp4'), space.password]
    const running = await idOf(space, { data })
    while (sandbox.requestsTo('files').length === 0) await new Promise((resolve) => setImmediate(resolve))
    return { space, data, running }
  }

  it('that is full is answered with 503', async () => {
    await sandbox.close()
    await start({ spaceQueueSize: 0 })
    const { space, data } = await hold()
    const { status, json } = await submit(space, { data })
    expect([status, json]).toEqual([503, { detail: 'Queue is full. Max size is 0 and size is 0.' }])
  })

  it('is left by a client that leaves the stream, and what runs continues unseen', async () => {
    const [space] = sandbox.spaces
    const released = Promise.withResolvers<void>()
    const source = createServer((_, response) => void released.promise.then(() => response.end(BYTES)))
    await new Promise<void>((resolve) => source.listen(0, '127.0.0.1', resolve))
    const { port } = source.address() as AddressInfo
    const data = [`http://localhost:${port}/a.mp4`, space.password]
    const leave = async () => {
      const controller = new AbortController()
      const id = await idOf(space, { data })
      const response = await fetch(`${space.baseUrl}/call/upload/${id}`, { signal: controller.signal })
      await response.body?.getReader().read()
      controller.abort()
    }
    await leave()
    await leave()
    while (sandbox.requestsTo('space-1.stream').filter(({ wasAborted }) => wasAborted).length < 2) {
      await new Promise((resolve) => setImmediate(resolve))
    }
    const last = resultOf(space, data)
    released.resolve()
    expect(await last).toMatchObject({ status: 'success', filename: 'a.mp4' })
    expect(sandbox.drive.files.size).toBe(2)
    source.close()
  })

  it('ends when the sandbox closes', async () => {
    const { space, running } = await hold()
    const reading = streamOf(space, running).then((response) => response.text())
    const outcome = reading.catch(() => 'cut')
    while (sandbox.requestsTo('space-1.stream').length === 0) await new Promise((resolve) => setImmediate(resolve))
    await sandbox.close()
    expect(await outcome).toBe('cut')
  })
})

it('a private Space answers with a page without its token, at every request', async () => {
  await sandbox.close()
  await start({ spaceToken: 'hf_test' })
  const [space] = sandbox.spaces
  const right = { authorization: 'Bearer hf_test' }
  for (const headers of [{}, { authorization: 'Bearer hf_other' }]) {
    const page = await callJson(`${space.baseUrl}/config`, { headers })
    expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
    expect((await submit(space, { data: [] }, headers)).status).toBe(404)
  }
  expect(
    (await callJson(`${space.baseUrl}/config`, { headers: { 'x-hf-authorization': 'Bearer hf_test' } })).status,
  ).toBe(200)
  const { event_id: id } = (await submit(space, { data: ['', 'x'] }, right)).json as { event_id: string }
  expect((await streamOf(space, id)).status).toBe(404)
  expect(await (await streamOf(space, id, right)).text()).toMatch(/Wrong password/)
})

it('a Space that sleeps answers with a page, and its own errors are its own', async () => {
  const [four, six] = sandbox.spaces
  sandbox.setFaults({
    'space-1.config': { kind: 'sleeping', forMs: 60_000 },
    'space-2.call': { kind: 'status', status: 503 },
  })
  const page = await callJson(`${four.baseUrl}/config`)
  expect([page.status, page.headers.get('content-type')]).toEqual([503, 'text/html; charset=utf-8'])
  expect((await submit(six, { data: [] })).json).toEqual({ detail: 'The sandbox answers with status 503' })
})
