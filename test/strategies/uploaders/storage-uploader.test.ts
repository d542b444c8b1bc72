import { setTimeout } from 'node:timers/promises'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { UpstreamHttpError } from '../../../src/index.js'
import { type StoragePut, type StorageUploaderOptions, storageUploader } from '../../../src/strategies/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource, uploaderConformance } from '../../../src/testing/index.js'
import { rejection } from '../../upstream/stage-context.js'

const SECRET = 'canary-client-key-1'

/** A client that keeps what it gets, and appears to store nothing before it has everything. */
function memoryClient() {
  const files = new Map<string, Uint8Array>()
  const puts: Omit<StoragePut, 'body'>[] = []
  const put = async ({ body, ...video }: StoragePut) => {
    puts.push(video)
    const bytes = await new Response(body).bytes()
    if (files.has(video.key)) throw Object.assign(new Error('the key exists'), { status: 412 })
    files.set(video.key, bytes)
    return `https://store.example/${video.key}`
  }
  return { files, puts, put }
}
const context = (signal?: AbortSignal) => fakeContext({ clock: hurriedClock(), signal })
const uploaderWith = (put: StorageUploaderOptions['put'], more: Partial<StorageUploaderOptions> = {}) =>
  storageUploader({ name: 'mine', put, ...more })

describe('storageUploader', () => {
  const subject = (put?: StorageUploaderOptions['put']) => {
    const client = memoryClient()
    return {
      uploader: uploaderWith(put ?? client.put),
      secrets: [SECRET],
      requests: () => client.puts.length,
      list: async () => [...client.files.keys()],
      read: async (url: string) => client.files.get(new URL(url).pathname.slice(1)) ?? new Uint8Array(),
    }
  }
  uploaderConformance({
    test,
    create: () => subject(),
    createHanging: () => {
      let requests = 0
      const hanging = subject(() => {
        requests += 1
        return new Promise(() => undefined)
      })
      return { ...hanging, requests: () => requests }
    },
    createFailing: () =>
      subject(() => {
        const error = new Error(`the client says Authorization: Bearer ${SECRET.repeat(3)}`)
        throw Object.assign(error, { status: 403, config: { headers: { authorization: SECRET } } })
      }),
  })
})

test('put gets the key, the type, the length and the bytes, and its URL is the result', async () => {
  const { put, puts, files } = memoryClient()
  const source = fakeSource({ byteLength: 700_000 })
  const own = context()
  const result = await uploaderWith(put, { key: 'a/{runId}.{extension}', label: 'Mine' }).upload(source, own)
  expect(result).toEqual({ url: 'https://store.example/a/run_1.mp4', id: 'a/run_1.mp4', byteLength: 700_000 })
  expect(puts).toMatchObject([{ key: 'a/run_1.mp4', mediaType: 'video/mp4', byteLength: 700_000 }])
  expect(puts[0]?.signal.aborted).toBe(false)
  expect(Buffer.from(files.get('a/run_1.mp4') ?? []).equals(source.slice())).toBe(true)
  expect(own.progress.at(-1)).toEqual({ bytesDone: 700_000, bytesTotal: 700_000, ratio: 1 })
})

test('the length of a small video is known when it was read', async () => {
  const { put, puts } = memoryClient()
  await uploaderWith(put).upload(fakeSource({ byteLength: 700, declaredByteLength: 'unknown' }), context())
  await uploaderWith(put, { key: '{id}' }).upload(
    fakeSource({ byteLength: 700_000, declaredByteLength: 'unknown' }),
    context(),
  )
  expect(puts.map(({ byteLength }) => byteLength)).toEqual([700, undefined])
})

test('put may give more than a URL', async () => {
  const put = async ({ body }: StoragePut) => {
    await body.pipeTo(new WritableStream())
    return { url: new URL('https://store.example/7').href, id: '7', expiresAt: 1_900_000_000_000, byteLength: 1_000 }
  }
  const expected = { url: 'https://store.example/7', id: '7', expiresAt: 1_900_000_000_000, byteLength: 1_000 }
  expect(await uploaderWith(put).upload(fakeSource(), context())).toEqual(expected)
})

test.each<[Error, string]>([
  [Object.assign(new Error('busy'), { statusCode: 503 }), 'overloaded'],
  [Object.assign(new Error('slow'), { $metadata: { httpStatusCode: 429 } }), 'rate-limited'],
  [Object.assign(new Error('cut'), { code: 'ECONNRESET' }), 'network'],
  [Object.assign(new Error('late'), { name: 'TimeoutError' }), 'network'],
  [new UpstreamHttpError('Could not put: 500', { status: 500 }), 'upstream-http'],
  [
    Object.assign(new Error('no'), { name: 'ConditionalRequestConflict', $metadata: { httpStatusCode: 409 } }),
    'upstream-http',
  ],
])('after %s put is called again, with the same key and a fresh body', async (failure, _code) => {
  const { put, puts, files } = memoryClient()
  let calls = 0
  const uploader = uploaderWith(
    async (video) => {
      calls += 1
      if (calls > 2) return put(video)
      await video.body.getReader().read()
      throw failure
    },
    { key: '{id}' },
  )
  const keys = new Set<string>()
  const source = fakeSource({ byteLength: 900_000 })
  const { id = '' } = await uploader.upload(source, context())
  for (const { key } of puts) keys.add(key)
  expect([calls, source.opens.length, keys.size]).toEqual([3, 3, 1])
  expect(Buffer.from(files.get(id) ?? []).equals(source.slice())).toBe(true)
})

test.each([
  [Object.assign(new Error('no'), { status: 401 }), 'authentication'],
  [Object.assign(new Error('no'), { status: 403 }), 'authentication'],
  [Object.assign(new Error('full'), { status: 507 }), 'quota-exceeded'],
  [Object.assign(new Error('another state'), { status: 409 }), 'upstream-http'],
  [Object.assign(new Error('the lease is missing'), { status: 412, code: 'LeaseIdMissing' }), 'upstream-http'],
  [new TypeError('x is not a function'), 'upstream-response'],
  ['a text', 'upstream-response'],
  [undefined, 'upstream-response'],
])('%s is final, and keeps no more than may be shown', async (failure, code) => {
  let calls = 0
  const uploader = uploaderWith(() => {
    calls += 1
    throw failure
  })
  const error = await rejection(uploader.upload(fakeSource(), context()))
  expect(error).toMatchObject({
    code,
    isRetryable: false,
    message: expect.stringMatching(/^Could not upload the video: put of mine threw /),
  })
  expect(calls).toBe(1)
})

// As the clients of AWS, Google Cloud, Azure, Supabase and Vercel, files-sdk and a file system report it.
const TAKEN: readonly Error[] = [
  Object.assign(new Error('PreconditionFailed'), { $metadata: { httpStatusCode: 412 } }),
  Object.assign(new Error('At least one of the pre-conditions did not hold'), { code: 412 }),
  Object.assign(new Error('refused'), { statusCode: 409, code: 'BlobAlreadyExists' }),
  Object.assign(new Error('The resource already exists'), { status: 400, statusCode: '409' }),
  new Error('Vercel Blob: This blob already exists, use `allowOverwrite: true`'),
  new Error('Conflict', { cause: Object.assign(new Error('file'), { code: 'EEXIST' }) }),
]

test.each(TAKEN)('%s is a key that is taken, as it is of the other uploaders', async (failure) => {
  const { put, puts } = memoryClient()
  const uploader = uploaderWith(async (video) => {
    await put(video)
    throw failure
  })
  const error = await rejection(uploader.upload(fakeSource(), context()))
  expect(error).toMatchObject({
    code: 'request-invalid',
    message: expect.stringContaining('key is "run_1.mp4", which is taken (put {id} into it, or let put overwrite)'),
    cause: { message: expect.stringContaining('put of mine threw') },
  })
  expect(puts.length).toBe(1)
})

test('a key that is taken after an attempt without an answer may be taken by that attempt', async () => {
  const { put, files } = memoryClient()
  const answer = async (first: Error, isStored: boolean) => {
    let calls = 0
    files.clear()
    if (!isStored) files.set('run_1.mp4', new Uint8Array())
    const uploader = uploaderWith(async (video) => {
      calls += 1
      if (calls === 1 && isStored) await put(video)
      if (calls === 1) throw first
      return put(video)
    })
    return rejection(uploader.upload(fakeSource(), context()))
  }
  const lost = Object.assign(new Error('cut'), { code: 'ECONNRESET' })
  expect(await answer(lost, true)).toMatchObject({
    code: 'upstream-response',
    isRetryable: false,
    message: expect.stringContaining('its key is taken, perhaps by this very upload: run_1.mp4; let put give the URL'),
  })
  const refused = Object.assign(new Error('busy'), { status: 503 })
  expect(await answer(refused, false)).toMatchObject({ code: 'request-invalid' })
})

test('after three failures the last one is the error', async () => {
  let calls = 0
  const uploader = uploaderWith(() => {
    calls += 1
    throw Object.assign(new Error(`failure ${calls}`), { status: 500 })
  })
  const error = await rejection(uploader.upload(fakeSource(), context()))
  expect(error).toMatchObject({ code: 'upstream-http', message: expect.stringContaining('failure 3') })
})

test.each<[string, unknown, RegExp]>([
  ['a path', '/run_1.mp4', /gave "\/run_1\.mp4" as its url; give an absolute http or https address/],
  ['an address with a blank', 'https://cdn.example/a b.mp4', /gave "https:\/\/cdn\.example\/a b\.mp4" as its url/],
  ['nothing', undefined, /gave nothing as its url/],
  ['another scheme', { url: 's3://bucket/run_1.mp4' }, /gave "s3:\/\/bucket\/run_1\.mp4" as its url/],
])('%s is no URL', async (_, given, message) => {
  const uploader = uploaderWith(async ({ body }) => {
    await body.pipeTo(new WritableStream())
    return given as string
  })
  const error = await rejection(uploader.upload(fakeSource(), context()))
  expect(error).toMatchObject({
    code: 'upstream-response',
    isRetryable: false,
    message: expect.stringMatching(message),
  })
})

test('put that did not read the whole body, or stored another length, has not stored it', async () => {
  const uploader = uploaderWith(() => 'https://store.example/a.mp4', { maxAttempts: 1 })
  const short = uploaderWith(
    async ({ body }) => {
      await body.pipeTo(new WritableStream())
      return { url: 'https://store.example/a.mp4', byteLength: 7 }
    },
    { maxAttempts: 1 },
  )
  const errors = await Promise.all([uploader, short].map((each) => rejection(each.upload(fakeSource(), context()))))
  expect(errors).toMatchObject([
    { code: 'upstream-response', message: expect.stringContaining('before it had read the body to its end') },
    { code: 'upstream-response', message: expect.stringContaining('stored 7 bytes and not 1000') },
  ])
})

test('a source that breaks for good is the error, whatever the client makes of it, and put is not called again', async () => {
  let calls = 0
  const uploader = uploaderWith(async ({ body }) => {
    calls += 1
    await body.pipeTo(new WritableStream()).catch(() => {
      throw Object.assign(new Error('socket hang up'), { status: 500 })
    })
    return 'https://store.example/a.mp4'
  })
  const source = fakeSource({ byteLength: 900_000, failAfterBytes: [400_000, ...Array<number>(50).fill(0)] })
  const error = await rejection(uploader.upload(source, context()))
  expect(error).toMatchObject({ code: 'network', message: expect.stringContaining('the connection was cut') })
  expect(calls).toBe(1)
})

test('a source that is cut is resumed, unseen by the client', async () => {
  const { put, files } = memoryClient()
  const source = fakeSource({ byteLength: 900_000, failAfterBytes: [400_000, 100_000] })
  await uploaderWith(put).upload(source, context())
  expect(source.opens.length).toBe(3)
  expect(Buffer.from(files.get('run_1.mp4') ?? []).equals(source.slice())).toBe(true)
})

test('a client that takes no bytes, or never settles, is given up after timeoutMs', async () => {
  const signals: AbortSignal[] = []
  const options = { timeoutMs: 100, maxAttempts: 2 }
  const deaf = uploaderWith(({ signal }) => {
    signals.push(signal)
    return new Promise(() => undefined)
  }, options)
  const endless = uploaderWith(async ({ body, signal }) => {
    signals.push(signal)
    await body.pipeTo(new WritableStream())
    return new Promise(() => undefined)
  }, options)
  for (const uploader of [deaf, endless]) {
    const error = await rejection(uploader.upload(fakeSource(), context()))
    expect(error).toMatchObject({ code: 'network', message: expect.stringContaining('did not answer within 100 ms') })
  }
  expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true, true])
})

test('a source that is slow is no fault of the client', async () => {
  const { put } = memoryClient()
  const source = fakeSource({ byteLength: 600_000 })
  const slow = {
    ...source,
    async open(options = {}) {
      const stream = await source.open(options)
      const delayed = new TransformStream<Uint8Array, Uint8Array>({
        async transform(chunk, controller) {
          await setTimeout(40)
          controller.enqueue(chunk)
        },
      })
      return stream.pipeThrough(delayed)
    },
  }
  expect(await uploaderWith(put, { timeoutMs: 150, maxAttempts: 1 }).upload(slow, context())).toMatchObject({
    byteLength: 600_000,
  })
})

test('an error keeps no field of the client, which may hold its keys', async () => {
  const failure = Object.assign(new Error('refused'), { status: 400, request: { headers: { authorization: SECRET } } })
  const error = await rejection(
    uploaderWith(() => {
      throw failure
    }).upload(fakeSource(), context()),
  )
  expect(inspect(error, { depth: 12, showHidden: true })).not.toContain(SECRET)
})
