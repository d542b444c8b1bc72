import { describe, expect, test, vi } from 'vitest'
import { type WebdavUploaderOptions, webdavUploader } from '../../../src/strategies/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../../src/testing/index.js'
import { instantClock, rejection } from '../../upstream/stage-context.js'
import { LOGIN, type WebdavFault, webdavServer } from './webdav-server.js'

const FILE = '/dav/videos/run_1.mp4'
const setup = async (options: Partial<WebdavUploaderOptions> = {}, how: Parameters<typeof webdavServer>[0] = {}) => {
  const server = await webdavServer(how)
  return { server, uploader: webdavUploader({ ...server.connection, timeoutMs: 5_000, ...options }) }
}
const context = (signal?: AbortSignal) => fakeContext({ clock: hurriedClock(), signal })
const video = () => fakeSource({ byteLength: 2_500_000 })

describe('webdavUploader', () => {
  const subject = async (fault?: WebdavFault) => {
    const { server, uploader } = await setup()
    if (fault !== undefined) server.fail('HEAD', ...Array<WebdavFault>(200).fill(fault))
    return {
      uploader,
      secrets: [LOGIN.password],
      requests: () => server.requests.length,
      list: async () => [...server.files.keys()],
      read: async (url: string) => (await fetch(url)).bytes(),
    }
  }
  uploaderConformance({
    test,
    sizes: [1, 65_536, 3_000_003],
    create: () => subject(),
    createHanging: () => subject({ kind: 'hang' }),
    createFailing: () => subject({ kind: 'status', status: 503 }),
  })
})

test('the result has the path as its id, and the public address', async () => {
  const { server, uploader } = await setup({
    key: 'a b/{runId}+ü.{extension}',
    publicBaseUrl: 'https://media.example/v/',
  })
  const source = video()
  expect(await uploader.upload(source, context())).toEqual({
    id: 'a b/run_1+ü.mp4',
    url: 'https://media.example/v/a%20b/run_1%2B%C3%BC.mp4',
    byteLength: 2_500_000,
  })
  expect(server.files.get('/dav/videos/a b/run_1+ü.mp4')?.equals(source.slice())).toBe(true)
})

test('folders of the path are made once', async () => {
  const { server, uploader } = await setup({ key: 'a/b/{id}.{extension}' })
  await uploader.upload(video(), context())
  await uploader.upload(video(), context())
  expect([...server.folders]).toEqual(['/dav/videos', '/dav/videos/a', '/dav/videos/a/b'])
  expect(server.countOf('MKCOL')).toBe(2)
})

test.each<[WebdavFault, WebdavFault | null]>([
  [
    { kind: 'cut', afterBytes: 1_000_000 },
    { kind: 'status', status: 502 },
  ],
  [{ kind: 'lost' }, { kind: 'status', status: 423 }],
  [{ kind: 'short' }, null],
])(
  'a video that was not stored whole (%j) is sent again, from a source that is opened again',
  async (first, second) => {
    const { server, uploader } = await setup()
    server.fail('PUT', first, second)
    const source = video()
    await uploader.upload(source, context())
    expect(server.files.get(FILE)?.equals(source.slice())).toBe(true)
    expect(source.opens).toHaveLength(second === null ? 2 : 3)
    // The files of the attempts that failed are gone as well.
    await vi.waitFor(() => expect([...server.files.keys()]).toEqual([FILE]))
  },
)

test.each([423, 503])(
  'a file that cannot be removed at once (%i) is removed a moment later, without a warning',
  async (status) => {
    const { server, uploader } = await setup({ maxAttempts: 1 })
    server.fail('PUT', { kind: 'short' })
    server.fail('DELETE', { kind: 'status', status })
    const own = context()
    await rejection(uploader.upload(video(), own))
    expect([server.countOf('DELETE'), [...server.files], own.warnings]).toEqual([2, [], []])
  },
)

test('a move whose answer is lost is looked up, and not made again', async () => {
  const { server, uploader } = await setup()
  server.fail('MOVE', { kind: 'lost' })
  const source = video()
  expect(await uploader.upload(source, context())).toMatchObject({ id: 'run_1.mp4' })
  expect(server.countOf('MOVE')).toBe(1)
  expect([...server.files.keys()]).toEqual([FILE])
})

const PAGES = Array<WebdavFault>(100).fill({ kind: 'page' })

test.each(['fail', 'overwrite'] as const)(
  'a page in answer to a move (%s) is not a stored file',
  async (onExisting) => {
    const { server, uploader } = await setup({ onExisting, maxAttempts: 2 })
    const before = new Map(onExisting === 'overwrite' ? [[FILE, Buffer.alloc(2_500_000)]] : [])
    for (const [path, body] of before) server.files.set(path, body)
    server.fail('MOVE', ...PAGES)
    const error = await rejection(uploader.upload(video(), context()))
    expect(error).toMatchObject({
      code: 'upstream-response',
      message: expect.stringMatching(/the file was not moved\), .*Please sign in/),
    })
    expect(server.countOf('MOVE')).toBe(2)
    expect([...server.files]).toEqual([...before])
  },
)

test('a page in answer to one move costs that move', async () => {
  const { server, uploader } = await setup()
  server.fail('MOVE', { kind: 'page' })
  const source = video()
  await uploader.upload(source, context())
  expect(server.countOf('MOVE')).toBe(2)
  expect(server.files.get(FILE)?.equals(source.slice())).toBe(true)
})

test('a page in answer to the video says so, and not that the folder is missing', async () => {
  const { server, uploader } = await setup({ maxAttempts: 2 })
  server.fail('PUT', ...PAGES)
  const error = await rejection(uploader.upload(video(), context()))
  expect(error).toMatchObject({
    code: 'upstream-response',
    message: expect.stringMatching(/there is no file after it\), .*Please sign in/),
  })
  expect([server.countOf('PUT'), server.countOf('MOVE')]).toEqual([2, 0])
})

test('a page in answer to the lookup says so, and not that the path is taken', async () => {
  const { server, uploader } = await setup({ maxAttempts: 2 })
  server.fail('HEAD', ...PAGES)
  const error = await rejection(uploader.upload(video(), context()))
  expect(error).toMatchObject({
    code: 'upstream-response',
    message: expect.stringContaining('it is a page; check baseUrl and the credentials'),
  })
  expect(server.countOf('PUT')).toBe(0)
})

test('a page in answer to a removal is a warning', async () => {
  const { server, uploader } = await setup({ maxAttempts: 1 })
  server.fail('PUT', { kind: 'cut', afterBytes: 100 })
  server.fail('DELETE', ...PAGES)
  const own = context()
  await rejection(uploader.upload(video(), own))
  expect(own.warnings).toMatchObject([{ code: 'upload-left-behind' }])
})

test('a server that moves the file to another path is found out', async () => {
  const { server, uploader } = await setup({ key: 'a;b.{extension}' }, { cutsDestination: true })
  const own = context()
  const error = await rejection(uploader.upload(video(), own))
  expect(error).toMatchObject({
    code: 'upstream-response',
    isRetryable: false,
    message: expect.stringContaining('not at its path after its move: a;b.mp4; leave ; ? and # out of key'),
  })
  expect(own.warnings).toMatchObject([{ code: 'upload-left-behind' }])
  expect(server.countOf('MOVE')).toBe(1)
})

test('a path with delimiters is moved to where it says', async () => {
  const { server, uploader } = await setup({ key: "a;b?c#d&e=f+g,h'i(j)*!$@:.{extension}" })
  await uploader.upload(video(), context())
  expect([...server.files.keys()]).toEqual(["/dav/videos/a;b?c#d&e=f+g,h'i(j)*!$@:.mp4"])
})

test('a temporary file that appears after its removal is removed again after an abort', async () => {
  const { server, uploader } = await setup()
  server.fail('PUT', { kind: 'late', afterDeletes: 2 })
  const controller = new AbortController()
  const own = context(controller.signal)
  const upload = uploader.upload(video(), own)
  upload.catch(() => undefined)
  await vi.waitFor(() => expect(server.countOf('PUT')).toBe(1), { timeout: 10_000 })
  controller.abort(new Error('enough'))
  await rejection(upload)
  await vi.waitFor(() => expect(server.countOf('DELETE')).toBeGreaterThan(2), { timeout: 5_000 })
  await vi.waitFor(() => expect(server.files.size).toBe(0))
  expect(own.warnings).toEqual([])
})

test('what cannot be removed after an abort is a warning, 15 s later at most', async () => {
  const { server, uploader } = await setup()
  server.fail('PUT', { kind: 'late', afterDeletes: 1 })
  server.fail('DELETE', null, ...Array<WebdavFault>(100).fill({ kind: 'status', status: 500 }))
  const controller = new AbortController()
  const own = context(controller.signal)
  const upload = uploader.upload(video(), own)
  upload.catch(() => undefined)
  await vi.waitFor(() => expect(server.countOf('PUT')).toBe(1), { timeout: 10_000 })
  controller.abort(new Error('enough'))
  await rejection(upload)
  await vi.waitFor(() => expect(own.warnings).toMatchObject([{ code: 'upload-left-behind' }]), { timeout: 5_000 })
})

test('a move that did not happen is made again', async () => {
  const { server, uploader } = await setup()
  server.fail('MOVE', { kind: 'status', status: 503 }, { kind: 'status', status: 500 })
  await uploader.upload(video(), context())
  expect(server.countOf('MOVE')).toBe(3)
  expect([...server.files.keys()]).toEqual([FILE])
})

test.each(['the lookup', 'the move'])('a file that exists is left, by %s, and nothing else', async (by) => {
  const { server, uploader } = await setup()
  server.files.set(FILE, Buffer.from('before'))
  if (by === 'the move') server.fail('HEAD', { kind: 'status', status: 404 })
  const error = await rejection(uploader.upload(video(), context()))
  expect(error).toMatchObject({
    code: 'request-invalid',
    message: expect.stringContaining('"run_1.mp4", which is taken'),
  })
  expect([...server.files]).toEqual([[FILE, Buffer.from('before')]])
})

test('a file that exists is replaced where that is configured', async () => {
  const { server, uploader } = await setup({ onExisting: 'overwrite' })
  server.files.set(FILE, Buffer.from('before'))
  const source = video()
  await uploader.upload(source, context())
  expect(server.files.get(FILE)?.equals(source.slice())).toBe(true)
})

test.each<[number, object]>([
  [401, { code: 'authentication' }],
  [403, { code: 'authentication' }],
  [409, { code: 'configuration-invalid', message: expect.stringContaining('make the folder first') }],
  [411, { code: 'upstream-http', message: expect.stringContaining('it takes no video of unknown length') }],
  [413, { code: 'quota-exceeded' }],
  [507, { code: 'quota-exceeded' }],
])('status %i is not repeated', async (status, expected) => {
  const { server, uploader } = await setup()
  server.fail('PUT', { kind: 'status', status })
  expect(await rejection(uploader.upload(video(), context()))).toMatchObject(expected)
  expect(server.countOf('PUT')).toBe(1)
  expect(server.files.size).toBe(0)
})

test.each(['PUT', 'MOVE'])('an abort while %s hangs rejects at once, and leaves nothing', async (method) => {
  const { server, uploader } = await setup({ timeoutMs: 3_600_000 })
  server.fail(method, { kind: 'hang' })
  const controller = new AbortController()
  const upload = uploader.upload(video(), context(controller.signal))
  upload.catch(() => undefined)
  await vi.waitFor(() => expect(server.countOf(method)).toBe(1), { timeout: 10_000 })
  controller.abort(new Error('enough'))
  expect(await rejection(upload)).toBe(controller.signal.reason)
  await vi.waitFor(() => expect(server.countOf('DELETE')).toBeGreaterThan(0))
  await vi.waitFor(() => expect(server.files.size).toBe(0))
})

test('a video that was moved before the abort is taken away again', async () => {
  const { server, uploader } = await setup()
  server.fail('MOVE', { kind: 'lost' })
  server.fail('HEAD', null, null, { kind: 'hang' })
  const controller = new AbortController()
  const upload = uploader.upload(video(), context(controller.signal))
  upload.catch(() => undefined)
  await vi.waitFor(() => expect(server.countOf('HEAD')).toBe(3), { timeout: 10_000 })
  expect([...server.files.keys()]).toEqual([FILE])
  controller.abort(new Error('enough'))
  await rejection(upload)
  await vi.waitFor(() => expect(server.files.size).toBe(0))
})

test('a server that takes no bytes is given up after timeoutMs, and tried again', async () => {
  const { server, uploader } = await setup({ timeoutMs: 300 })
  server.fail('PUT', { kind: 'hang' })
  const source = fakeSource({ byteLength: 20_000_000 })
  await uploader.upload(source, context())
  expect(server.countOf('PUT')).toBe(2)
  expect(server.files.get(FILE)?.equals(source.slice())).toBe(true)
})

test('what cannot be taken away is a warning', async () => {
  const { server, uploader } = await setup({ maxAttempts: 1 })
  server.fail('PUT', { kind: 'cut', afterBytes: 100 })
  server.fail('DELETE', { kind: 'status', status: 403 })
  const own = context()
  expect(await rejection(uploader.upload(video(), own))).toMatchObject({ code: 'network' })
  expect(own.warnings).toEqual([
    { code: 'upload-left-behind', message: 'Could not remove the unfinished upload from webdav: run_1.mp4' },
  ])
})

test.each<WebdavFault>([{ kind: 'status', status: 423 }, { kind: 'status', status: 500 }, { kind: 'lost' }])(
  'a removal after a failure that ends with %j is repeated',
  async (fault) => {
    const { server, uploader } = await setup({ maxAttempts: 1 })
    server.fail('PUT', { kind: 'cut', afterBytes: 100 })
    server.fail('DELETE', fault, fault)
    const own = fakeContext({ clock: instantClock() })
    expect(await rejection(uploader.upload(video(), own))).toMatchObject({ code: 'network' })
    expect([...server.files.keys()]).toEqual([])
    expect(own.warnings).toEqual([])
  },
)

test('a file at the path is left when only the removal of the temporary one may have made that vanish', async () => {
  const { server, uploader } = await setup({ maxAttempts: 1 })
  server.fail('HEAD', { kind: 'status', status: 404 })
  server.files.set(FILE, Buffer.from('before'))
  server.fail('MOVE', { kind: 'status', status: 500 })
  server.fail('DELETE', { kind: 'lost' })
  const own = fakeContext({ clock: instantClock() })
  expect(await rejection(uploader.upload(video(), own))).toMatchObject({ code: 'upstream-http' })
  expect([...server.files.keys()]).toEqual([FILE])
  expect(own.warnings).toMatchObject([{ code: 'upload-left-behind' }])
})

test.each<[Partial<WebdavUploaderOptions>, string]>([
  [{ user: 'anna' }, 'password is nothing (give user and password, or neither)'],
  [{ user: 'anna', password: 'p', apiKey: 't' }, 'apiKey is given beside user (give one of both)'],
  [{ apiKey: 't' }, 'publicBaseUrl is nothing (give the address under which anyone can open the folder'],
  [{ baseUrl: 'https://a.example/?x' }, 'baseUrl is "an address with a query" (leave it out)'],
])('options that cannot work are named: %j', (options, problem) => {
  expect(() => webdavUploader({ baseUrl: 'https://a.example/dav', ...options })).toThrow(problem)
})

test('a folder that is open to anyone needs no credentials', async () => {
  expect(webdavUploader({ baseUrl: 'https://a.example/dav' })).toMatchObject({ name: 'webdav' })
})
