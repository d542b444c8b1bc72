import { createHash } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import type { Clock } from '../../../src/index.js'
import { type S3UploaderOptions, s3Uploader } from '../../../src/strategies/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { type FakeSource, fakeContext, fakeSource, manualClock } from '../../../src/testing/index.js'
import { leaksIn } from '../../secrets/leaks.js'
import { eventually } from '../../support/eventually.js'
import { instantClock, rejection } from '../../upstream/stage-context.js'
import { KEYS, type S3Fault, type S3Operation, type S3ServerOptions, s3Server } from './s3-server.js'

const PART = 5_242_880
const setup = async (options: Partial<S3UploaderOptions> = {}, how: S3ServerOptions = {}) => {
  const server = await s3Server(how)
  const stream = { partBytes: PART, multipartFromBytes: 2 * PART }
  const uploader = s3Uploader({ ...server.connection, ...stream, timeoutMs: 5_000, url: 'public', ...options })
  return { server, uploader }
}
const context = (signal?: AbortSignal, clock: Clock = hurriedClock()) => fakeContext({ clock, signal })
const small = () => fakeSource({ byteLength: 1_000 })
const large = () => fakeSource({ byteLength: PART + 700_000 })
const unknown = () => fakeSource({ byteLength: PART + 700_000, declaredByteLength: 'unknown' })

const storedIs = (server: Awaited<ReturnType<typeof s3Server>>, source: FakeSource, key = 'run_1.mp4') =>
  server.objects.get(key)?.bytes.equals(source.slice()) === true

const WAYS: readonly (readonly [string, () => FakeSource, S3Operation])[] = [
  ['one request', small, 'put'],
  ['one stream', large, 'put'],
  ['parts', unknown, 'complete'],
]

describe.each(WAYS)('in %s', (_, sourceOf, last) => {
  test('a lost answer to the last request is looked up, and nothing is sent again', async () => {
    const { server, uploader } = await setup()
    server.fail(last, { kind: 'lost' })
    const source = sourceOf()
    expect(await uploader.upload(source, context())).toMatchObject({ id: 'run_1.mp4' })
    expect(server.countOf(last)).toBe(1)
    expect(storedIs(server, source)).toBe(true)
    expect(server.uploads.size).toBe(0)
  })

  test('so it is with encrypted objects, by their length', async () => {
    const { server, uploader } = await setup({}, { encryption: 'aws:kms' })
    server.fail(last, { kind: 'lost' })
    await uploader.upload(sourceOf(), context())
    expect(server.countOf(last)).toBe(1)
  })

  test('a request that did not arrive is sent again', async () => {
    const { server, uploader } = await setup()
    server.fail(last, { kind: 'cut', afterBytes: 1 }, { kind: 'error', status: 500, code: 'InternalError' })
    const source = sourceOf()
    await uploader.upload(source, context())
    expect(server.countOf(last)).toBe(3)
    expect(storedIs(server, source)).toBe(true)
  })

  test('an object of other bytes is left, and the upload leaves nothing', async () => {
    const { server, uploader } = await setup()
    const first = fakeSource({ byteLength: sourceOf().slice().length, seed: 7 })
    await uploader.upload(first, context())
    const error = await rejection(uploader.upload(sourceOf(), context()))
    expect(error).toMatchObject({
      code: 'request-invalid',
      message: expect.stringContaining('"run_1.mp4", which is taken'),
    })
    expect(storedIs(server, first)).toBe(true)
    expect([server.objects.size, server.uploads.size, server.removed]).toEqual([1, 0, 0])
  })

  test('an object that was made in the meantime is left as well, by the condition', async () => {
    const { server, uploader } = await setup()
    const first = fakeSource({ byteLength: 3_000, seed: 7 })
    await uploader.upload(first, context())
    // The lookup is told that there is nothing.
    server.fail('head', { kind: 'error', status: 404, code: 'NoSuchKey' })
    const error = await rejection(uploader.upload(sourceOf(), context()))
    expect(error).toMatchObject({ code: 'request-invalid' })
    expect(storedIs(server, first)).toBe(true)
    expect([server.objects.size, server.uploads.size, server.removed]).toEqual([1, 0, 0])
  })

  test('the same bytes count as stored, and are not sent again', async () => {
    const { server, uploader } = await setup()
    await uploader.upload(sourceOf(), context())
    const sent = server.countOf('put') + server.countOf('part')
    const again = await uploader.upload(sourceOf(), context())
    expect(again).toMatchObject({ id: 'run_1.mp4' })
    expect(server.countOf('put') + server.countOf('part')).toBe(sent)
  })

  test('overwrites where that is configured', async () => {
    const { server, uploader } = await setup({ onExisting: 'overwrite' })
    await uploader.upload(fakeSource({ byteLength: 3_000, seed: 7 }), context())
    const source = sourceOf()
    server.fail(last, { kind: 'lost' })
    await uploader.upload(source, context())
    expect(storedIs(server, source)).toBe(true)
  })

  test('keys that may only write are enough, and a lost answer with them is an error that says so', async () => {
    const { server, uploader } = await setup({}, { isWriteOnly: true })
    const source = sourceOf()
    await uploader.upload(source, context())
    expect(storedIs(server, source)).toBe(true)
    server.objects.clear()
    server.fail(last, { kind: 'lost' })
    const error = await rejection(uploader.upload(sourceOf(), context()))
    expect(error).toMatchObject({ isRetryable: false })
    if (last === 'put') expect(String(error)).toMatch(/perhaps by this very upload: run_1\.mp4; let the keys read/)
    expect(storedIs(server, source)).toBe(true)
  })

  test('a store without conditions is written to after a warning, once', async () => {
    const { server, uploader } = await setup({}, { conditions: 'refused' })
    const source = sourceOf()
    const [first, second] = [context(), fakeContext({ clock: hurriedClock(), runId: 'run_2' })]
    await uploader.upload(source, first)
    await uploader.upload(sourceOf(), second)
    expect([first, second].map(({ warnings }) => warnings.map(({ code }) => code))).toEqual([
      ['unsupported-option'],
      [],
    ])
    expect(storedIs(server, source)).toBe(true)
    expect(await rejection(uploader.upload(fakeSource({ seed: 7 }), first))).toMatchObject({ code: 'request-invalid' })
    expect(storedIs(server, source)).toBe(true)
  })

  test('a store that ignores conditions is protected by the lookup', async () => {
    const { server, uploader } = await setup({}, { conditions: 'ignored' })
    const source = sourceOf()
    await uploader.upload(source, context())
    expect(await rejection(uploader.upload(fakeSource({ seed: 7 }), context()))).toMatchObject({
      code: 'request-invalid',
    })
    expect(storedIs(server, source)).toBe(true)
  })

  test('an abort while the last request hangs rejects at once, and leaves nothing', async () => {
    const { server, uploader } = await setup({ timeoutMs: 3_600_000 })
    server.fail(last, { kind: 'hang' })
    const controller = new AbortController()
    const upload = uploader.upload(sourceOf(), context(controller.signal))
    upload.catch(() => undefined)
    await eventually(() => expect(server.countOf(last)).toBe(1))
    controller.abort(new Error('enough'))
    expect(await rejection(upload)).toBe(controller.signal.reason)
    await eventually(() => expect([server.objects.size, server.uploads.size]).toEqual([0, 0]))
  })
})

/** Uploads, aborts when the operation has come, with its whole body unless the server reads none, and gives the context. */
const abortedAt = async (
  { server, uploader }: Awaited<ReturnType<typeof setup>>,
  operation: S3Operation,
  source: FakeSource,
  { come = 'wholeOf', clock }: { readonly come?: 'countOf' | 'wholeOf'; readonly clock?: Clock } = {},
) => {
  const controller = new AbortController()
  const own = context(controller.signal, clock)
  const upload = uploader.upload(source, own)
  upload.catch(() => undefined)
  await eventually(() => expect(server[come](operation)).toBe(1))
  controller.abort(new Error('enough'))
  expect(await rejection(upload)).toBe(controller.signal.reason)
  return own
}

test.each(WAYS)('in %s, an object that appears after an abort is removed', async (_, sourceOf, last) => {
  const made = await setup()
  made.server.fail(last, { kind: 'late', of: 'head', after: 3 })
  const own = await abortedAt(made, last, sourceOf())
  await eventually(() => expect(made.server.removed).toBe(1))
  expect([made.server.objects.size, made.server.uploads.size, own.warnings.length]).toEqual([0, 0, 0])
})

test('the object of a later upload of the same bytes is left', async () => {
  const made = await setup()
  made.server.fail('put', { kind: 'hang' })
  const source = small()
  const [paused, uploaded] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  // The server checks the times of signatures.
  const clock = manualClock({ now: Date.now() })
  const sleep: Clock['sleep'] = async (ms, options) => {
    // The time limit of a request, which does not pass.
    if (ms > 1_000) return clock.sleep(ms, options)
    paused.resolve()
    await uploaded.promise
    await clock.advance(ms)
  }
  await abortedAt(made, 'put', small(), { come: 'countOf', clock: { ...clock, sleep } })
  await paused.promise
  await made.uploader.upload(source, context())
  const before = made.server.countOf('head')
  uploaded.resolve()
  // The removal looks for its own object again.
  await eventually(() => expect(made.server.countOf('head')).toBeGreaterThan(before + 2))
  expect(storedIs(made.server, source)).toBe(true)
  expect(made.server.removed).toBe(0)
})

test('a multipart upload that begins after an abort is ended', async () => {
  const made = await setup()
  made.server.fail('create', { kind: 'late', of: 'list', after: 3 })
  const own = await abortedAt(made, 'create', unknown())
  await eventually(() => expect(made.server.countOf('abort')).toBe(1))
  expect([made.server.uploads.size, own.warnings.length]).toEqual([0, 0])
})

test.each<[S3Operation, S3Operation, () => FakeSource]>([
  ['list', 'create', unknown],
  ['head', 'put', small],
])('where %s is refused after an abort, there is a warning', async (refused, operation, sourceOf) => {
  const made = await setup()
  const denied = Array<S3Fault>(100).fill({ kind: 'error', status: 403, code: 'AccessDenied' })
  made.server.fail(operation, { kind: 'hang' })
  made.server.fail(refused, ...(refused === 'head' ? [null, ...denied] : denied))
  const own = await abortedAt(made, operation, sourceOf(), { come: 'countOf' })
  await eventually(() => expect(own.warnings).toMatchObject([{ code: 'upload-left-behind' }]))
})

test('a page in answer to the lookup says so, and not that the key is taken', async () => {
  const { server, uploader } = await setup({ maxAttempts: 2 })
  server.fail('head', { kind: 'page' }, { kind: 'page' })
  expect(await rejection(uploader.upload(small(), context()))).toMatchObject({
    code: 'upstream-response',
    message: expect.stringContaining('it is a page; check endpoint and bucket'),
  })
  expect(server.countOf('put')).toBe(0)
})

test('an abort after the object is there takes it away again', async () => {
  const { server, uploader } = await setup()
  server.fail('put', { kind: 'lost' })
  server.fail('head', null, { kind: 'hang' })
  const controller = new AbortController()
  const upload = uploader.upload(small(), context(controller.signal))
  upload.catch(() => undefined)
  await vi.waitFor(() => expect(server.countOf('head')).toBe(2), { timeout: 10_000 })
  expect(server.objects.size).toBe(1)
  controller.abort(new Error('enough'))
  expect(await rejection(upload)).toBe(controller.signal.reason)
  await vi.waitFor(() => expect(server.objects.size).toBe(0))
})

test('parts that are cut, refused or damaged are sent again, each alone', async () => {
  const { server, uploader } = await setup({ multipartFromBytes: 0 })
  const source = fakeSource({ byteLength: PART * 3 + 1 })
  server.fail(
    'part',
    null,
    { kind: 'cut', afterBytes: 1_000_000 },
    { kind: 'lost' },
    { kind: 'error', status: 400, code: 'BadDigest' },
    { kind: 'says', body: '' },
  )
  await uploader.upload(source, context())
  expect(server.countOf('part')).toBe(8)
  expect(storedIs(server, source)).toBe(true)
  expect(source.opens).toHaveLength(1)
})

test('an error under status 200 is repeated', async () => {
  const { server, uploader } = await setup()
  server.fail('complete', { kind: 'says', body: '<?xml version="1.0"?>\n\n<Error><Code>InternalError</Code></Error>' })
  const source = unknown()
  await uploader.upload(source, context())
  expect(server.countOf('complete')).toBe(2)
  expect(storedIs(server, source)).toBe(true)
})

test('an upload whose beginning was not answered is found and ended', async () => {
  const { server, uploader } = await setup()
  server.fail('create', { kind: 'lost' }, { kind: 'lost' })
  const source = unknown()
  await uploader.upload(source, context())
  expect(server.countOf('create')).toBe(3)
  expect(storedIs(server, source)).toBe(true)
  expect(server.uploads.size).toBe(0)
})

test('what cannot be taken away is a warning, and the error is that of the upload', async () => {
  const { server, uploader } = await setup({ maxAttempts: 1 })
  server.fail('part', { kind: 'error', status: 400, code: 'InvalidRequest' })
  server.fail('abort', { kind: 'error', status: 403, code: 'AccessDenied' })
  const own = context()
  expect(await rejection(uploader.upload(unknown(), own))).toMatchObject({
    message: expect.stringContaining('InvalidRequest'),
  })
  expect(own.warnings).toEqual([
    { code: 'upload-left-behind', message: 'Could not remove the unfinished upload from s3: run_1.mp4' },
  ])
})

test('a removal that is refused for a moment is repeated', async () => {
  const { server, uploader } = await setup({ maxAttempts: 1 })
  server.fail('part', { kind: 'error', status: 400, code: 'InvalidRequest' })
  server.fail('abort', { kind: 'error', status: 503, code: 'SlowDown' })
  const own = fakeContext({ clock: instantClock() })
  await rejection(uploader.upload(unknown(), own))
  expect([server.countOf('abort'), server.uploads.size, own.warnings]).toEqual([2, 0, []])
})

test('a store that says one thing and has another is not believed', async () => {
  const { server, uploader } = await setup({ maxAttempts: 1 })
  const etag = '&quot;00000000000000000000000000000000-2&quot;'
  server.fail('complete', {
    kind: 'says',
    body: `<CompleteMultipartUploadResult><ETag>${etag}</ETag></CompleteMultipartUploadResult>`,
  })
  const error = await rejection(uploader.upload(unknown(), context()))
  expect(error).toMatchObject({
    code: 'upstream-response',
    message: expect.stringMatching(/the store has other bytes/),
  })
  expect([server.objects.size, server.uploads.size]).toEqual([0, 0])
})

test.each<[string, () => FakeSource, S3Operation, string]>([
  ['one request', small, 'put', '<html>Welcome</html>'],
  ['one stream', large, 'put', '<html>Welcome</html>'],
  ['parts', unknown, 'create', '<html>Welcome</html>'],
  ['parts', unknown, 'part', '<html>Welcome</html>'],
  ['parts', unknown, 'complete', '<html>Welcome</html>'],
])('in %s, a page under status 200 is no proof, and the request is repeated', async (_, sourceOf, operation, body) => {
  const { server, uploader } = await setup()
  const calls = operation === 'part' ? 3 : 2
  server.fail(operation, { kind: 'says', body })
  const source = sourceOf()
  await uploader.upload(source, context())
  expect(server.countOf(operation)).toBe(calls)
  expect(storedIs(server, source)).toBe(true)
  expect(server.uploads.size).toBe(0)
})

test('a stream that the store does not take within timeoutMs is sent again', async () => {
  const { server, uploader } = await setup({ timeoutMs: 300 })
  server.fail('put', { kind: 'hang' })
  const source = large()
  await uploader.upload(source, context())
  expect(server.countOf('put')).toBe(2)
  expect(storedIs(server, source)).toBe(true)
})

test.each<[S3Operation, () => FakeSource]>([
  ['put', small],
  ['put', large],
  ['create', unknown],
  ['part', unknown],
  ['complete', unknown],
])('what %s echoes of the keys is in no error', async (operation, sourceOf) => {
  const sessionToken = 'canary-session-token-Xk29fjw8Qm3nZp7RtY5vLb4c'
  const { server, uploader } = await setup({ sessionToken, maxAttempts: 1 }, { keys: { sessionToken } })
  server.fail(operation, { kind: 'echo', status: 400 })
  const error = await rejection(uploader.upload(sourceOf(), context()))
  expect(error).toMatchObject({
    code: 'upstream-http',
    message: expect.stringContaining('400 InvalidRequest, you sent'),
  })
  expect(leaksIn(error, [KEYS.secretAccessKey, sessionToken])).toEqual([])
  expect(inspect(error, { depth: 9 })).not.toMatch(/Signature=[\da-f]/)
})

test('a video that is too long for its parts is refused before anything is sent', async () => {
  const { server, uploader } = await setup()
  const source = fakeSource({ byteLength: PART * 10_000 + 1 })
  expect(await rejection(uploader.upload(source, context()))).toMatchObject({ code: 'request-invalid' })
  expect(server.countOf('part')).toBe(0)
  expect(server.uploads.size).toBe(0)
})

describe('a store that keeps what it has of a stream that is cut', () => {
  const keeping = { keepsCutStreams: true } as const

  test('gets the whole video after a cut', async () => {
    const { server, uploader } = await setup({}, keeping)
    server.fail('put', { kind: 'cut', afterBytes: 1_000_000 })
    const source = large()
    await uploader.upload(source, context())
    expect([server.countOf('put'), server.removed, storedIs(server, source)]).toEqual([2, 1, true])
  })

  test('keeps nothing of a source that breaks for good', async () => {
    const { server, uploader } = await setup({}, keeping)
    const upload = context()
    const source = fakeSource({ byteLength: PART + 700_000, failAfterBytes: 200_000 })
    await rejection(uploader.upload(source, upload))
    await vi.waitFor(() => expect(server.objects.size).toBe(0), { timeout: 10_000 })
    expect(upload.warnings).toEqual([])
  })

  const MARK = { 'x-amz-meta-sora-pipeline-upload': 'of a process that was killed' }
  const kept = (bytes: Buffer, headers: Record<string, string>) => {
    const etag = `"${createHash('md5').update(bytes).digest('hex')}"`
    return { bytes, byteLength: bytes.length, etag, headers: { 'content-type': 'video/mp4', ...headers } }
  }

  test.each([
    ['one stream', PART + 700_000, {}],
    ['parts', PART + 700_000, { multipartFromBytes: 0 }],
    ['one request', 900_000, {}],
  ])(
    'gives way in %s where it is a part of the video that a killed process has left',
    async (_, byteLength, options) => {
      const { server, uploader } = await setup(options, keeping)
      const source = fakeSource({ byteLength })
      server.objects.set('run_1.mp4', kept(Buffer.from(source.slice()).subarray(0, 700_000), MARK))
      expect(await uploader.upload(source, context())).toMatchObject({ id: 'run_1.mp4', byteLength })
      expect([server.removed, storedIs(server, source)]).toEqual([1, true])
    },
  )

  test.each<[string, Record<string, string>, (bytes: Buffer) => Buffer]>([
    ['no mark', {}, (bytes) => bytes.subarray(0, 700_000)],
    ['other bytes', MARK, (bytes) => Buffer.concat([bytes.subarray(0, 699_999), Buffer.from('x')])],
    ['more bytes', MARK, (bytes) => Buffer.concat([bytes, Buffer.from('x')])],
  ])('an object with %s is left', async (_, headers, of) => {
    const { server, uploader } = await setup({}, keeping)
    const source = large()
    const object = kept(of(Buffer.from(source.slice())), headers)
    server.objects.set('run_1.mp4', object)
    expect(await rejection(uploader.upload(source, context()))).toMatchObject({ code: 'request-invalid' })
    expect([server.removed, server.objects.get('run_1.mp4')]).toEqual([0, object])
  })

  test('keeps nothing by default, because everything longer than a part goes in parts', async () => {
    const { server, uploader } = await setup({ multipartFromBytes: undefined }, keeping)
    const source = large()
    await uploader.upload(source, context())
    expect([server.countOf('put'), server.countOf('part'), storedIs(server, source)]).toEqual([0, 2, true])
  })
})

test.each<[string, S3Operation, Partial<S3UploaderOptions>]>([
  ['a write', 'put', { partBytes: 2 * PART }],
  ['the beginning of parts', 'create', { multipartFromBytes: 0 }],
])('%s that is refused leaves nothing, and no warning says so', async (_, operation, options) => {
  const { server, uploader } = await setup(options, { isWriteOnly: true })
  server.fail(operation, { kind: 'error', status: 403, code: 'InvalidAccessKeyId' })
  const refused = context()
  expect(await rejection(uploader.upload(large(), refused))).toMatchObject({ code: 'authentication' })
  expect(refused.warnings).toEqual([])
  expect([server.countOf('list'), server.countOf('delete')]).toEqual([0, 0])
})
