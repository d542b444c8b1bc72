import { describe, expect, it } from 'vitest'
import { fallback, race, SoraPipeline, type Uploader, withRetry } from '../../src/index.js'
import {
  type FaultHandler,
  fakeGenerator,
  fakeUploader,
  faultServer,
  reply,
  replyFile,
} from '../../src/testing/index.js'
import { fastClock } from '../faults/fast-clock.js'
import { collect } from '../support/collect.js'

const VIDEO = replyFile(Buffer.concat([Buffer.from('\0\0\0\x18ftypisom', 'latin1'), Buffer.alloc(5_000, 'v')]))
const PAGE = reply({ headers: { 'content-type': 'text/html' }, body: '<!doctype html><title>Sign in</title>' })
const request = { prompt: 'A cat playing piano' }

function uploaderTo(url: string, name = 'first', options: Partial<Uploader> = {}) {
  const uploader = {
    ...options,
    name,
    uploads: 0,
    upload: async () => {
      uploader.uploads += 1
      return { url }
    },
  }
  return uploader
}

/** Runs a pipeline whose copies are at a server, and returns its outcome and the requests of the server. */
async function play(routes: Readonly<Record<string, FaultHandler>>, uploaderAt: (origin: string) => Uploader) {
  const server = await faultServer(routes)
  const run = new SoraPipeline({
    generator: fakeGenerator(),
    uploader: uploaderAt(server.origin),
    verifyUploads: true,
    allowPrivateAddresses: ['127.0.0.1'],
    clock: fastClock(200),
  }).run(request)
  const [events, result] = [await collect(run), await run.result]
  await server.close()
  const failures = events.flatMap((event) =>
    event.type === 'attempt-failed' ? [`${event.strategy}: ${event.error.message}`] : [],
  )
  return { result, events, asked: server.requests, failures }
}

/** Answers one after the other; the last one stays. */
function inTurn(...answers: readonly FaultHandler[]): FaultHandler {
  let turn = 0
  return (call) => (answers[Math.min(turn++, answers.length - 1)] as FaultHandler)(call)
}

describe('verifyUploads', () => {
  it('requests the first byte of a copy once, without a credential', async () => {
    const { result, asked, failures } = await play({ '/a.mp4': VIDEO }, (origin) => uploaderTo(`${origin}/a.mp4?key=k`))
    expect(result).toMatchObject({ servedBy: 'uploader', isDegraded: false })
    expect(failures).toEqual([])
    expect(asked).toMatchObject([{ path: '/a.mp4?key=k', method: 'GET', headers: { range: 'bytes=0-0' } }])
    expect(Object.keys(asked[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['authorization']))
    expect(Object.keys(asked[0]?.headers ?? {})).not.toEqual(expect.arrayContaining(['cookie']))
  })

  it.each([
    ['is gone', reply({ status: 404 }), /answered 404$/],
    ['needs a key', reply({ status: 401 }), /answered 401$/],
    ['is down', reply({ status: 503 }), /answered 503$/],
    ['is a page', PAGE, /serves a page$/],
    ['is a page without a label', reply({ body: '<html><body>Not here</body></html>' }), /serves a page$/],
    [
      'is a page with the label of a video',
      reply({ headers: { 'content-type': 'video/mp4' }, body: '\n<html>' }),
      /serves a page$/,
    ],
    ['is JSON', reply({ headers: { 'content-type': 'application/json' }, body: '{"error":"x"}' }), /serves JSON$/],
    [
      'is JSON with the label of a video',
      reply({ headers: { 'content-type': 'video/mp4' }, body: '{"error":"expired"}' }),
      /serves JSON$/,
    ],
    ['is empty', reply({ headers: { 'content-type': 'video/mp4' }, body: '' }), /serves nothing$/],
    ['is nothing', reply({ status: 204 }), /answered 204$/],
    ['leads in a circle', reply({ status: 302, headers: { location: '/bad.mp4' } }), /more than 5 redirects/],
  ])('takes the next uploader where the copy %s', async (_, says, reason) => {
    const { result, events, failures } = await play({ '/bad.mp4': says, '/good.mp4': VIDEO }, (origin) =>
      fallback(uploaderTo(`${origin}/bad.mp4`), uploaderTo(`${origin}/good.mp4`, 'second')),
    )
    expect(result.url).toMatch(/\/good\.mp4$/)
    expect(result.attempts.slice(1)).toMatchObject([
      { strategy: 'first', outcome: 'failed', errorCode: 'upstream-response' },
      { strategy: 'second', outcome: 'succeeded' },
    ])
    expect(failures).toEqual([
      expect.stringMatching(/^first: Could not verify the upload of first: Could not open the copy: /),
    ])
    expect(failures[0]).toMatch(reason)
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'fallback-taken', strategy: 'first', next: 'second' }),
    )
  })

  it('waits for a store that takes a moment, for two more requests', async () => {
    const late = await play({ '/a.mp4': inTurn(reply({ status: 404 }), PAGE, VIDEO) }, (origin) =>
      uploaderTo(`${origin}/a.mp4`),
    )
    expect([late.result.servedBy, late.asked.length, late.failures]).toEqual(['uploader', 3, []])
    const never = await play({ '/a.mp4': reply({ status: 404 }) }, (origin) => uploaderTo(`${origin}/a.mp4`))
    expect([never.result.servedBy, never.result.isDegraded, never.asked.length]).toEqual(['generator', true, 3])
  })

  it('does not upload the same again where an uploader is retried', async () => {
    let uploader = uploaderTo('')
    const { result } = await play({ '/a.mp4': reply({ status: 404 }) }, (origin) => {
      uploader = uploaderTo(`${origin}/a.mp4`)
      return withRetry(uploader)
    })
    expect([uploader.uploads, result.servedBy]).toEqual([1, 'generator'])
  })

  it('does not let a copy that cannot be opened win a race', async () => {
    const { result, failures } = await play({ '/bad.mp4': reply({ status: 403 }), '/good.mp4': VIDEO }, (origin) =>
      race([uploaderTo(`${origin}/bad.mp4`), uploaderTo(`${origin}/good.mp4`, 'second')]),
    )
    expect(result.url).toMatch(/\/good\.mp4$/)
    const alone = await play({ '/bad.mp4': reply({ status: 403 }) }, (origin) =>
      race([uploaderTo(`${origin}/bad.mp4`), uploaderTo(`${origin}/bad.mp4`, 'second')]),
    )
    expect([failures.length <= 1, alone.failures.length, alone.result.servedBy]).toEqual([true, 2, 'generator'])
  })

  it('takes a page where the uploader gives one, and neither an error nor JSON in its place', async () => {
    const at = (says: FaultHandler) =>
      play({ '/view': says }, (origin) => uploaderTo(`${origin}/view`, 'drive', { givesPageUrl: true }))
    expect((await at(PAGE)).result.servedBy).toBe('uploader')
    expect((await at(VIDEO)).result.servedBy).toBe('uploader')
    expect((await at(reply({ status: 404, body: '<html>' }))).result.servedBy).toBe('generator')
    expect((await at(reply({ headers: { 'content-type': 'application/json' }, body: '{}' }))).result.servedBy).toBe(
      'generator',
    )
  })

  it('takes no page of another host, to which a store sends a visitor who must sign in', async () => {
    const signIn = await faultServer({ '/login': PAGE })
    const away = reply({ status: 302, headers: { location: `${signIn.origin}/login` } })
    const moved = reply({ status: 302, headers: { location: '/view' } })
    const at = (path: string) =>
      play({ '/private': away, '/moved': moved, '/view': PAGE }, (origin) =>
        uploaderTo(`${origin}${path}`, 'drive', { givesPageUrl: true }),
      )
    const [hidden, shown] = [await at('/private'), await at('/moved')]
    await signIn.close()
    expect([hidden.result.servedBy, shown.result.servedBy]).toEqual(['generator', 'uploader'])
    expect(hidden.failures).toEqual([expect.stringMatching(/leads to a page of 127\.0\.0\.1/)])
  })

  it('reaches no private address that is not listed, and requests it once', async () => {
    const server = await faultServer({ '/a.mp4': VIDEO })
    const pipeline = new SoraPipeline({
      generator: fakeGenerator(),
      uploader: uploaderTo(`${server.origin}/a.mp4`),
      verifyUploads: true,
      clock: fastClock(200),
    })
    const { servedBy, attempts } = await pipeline.generate(request)
    await server.close()
    expect(servedBy).toBe('generator')
    expect(attempts.at(-1)?.errorMessage).toMatch(/allowPrivateAddresses/)
    expect(server.requests).toEqual([])
  })

  it('is off by default, and has to be true or false', async () => {
    const uploader = fakeUploader({ outcome: { url: 'http://127.0.0.1:9/never-opened.mp4' } })
    expect(await new SoraPipeline({ generator: fakeGenerator(), uploader }).generate(request)).toMatchObject({
      servedBy: 'uploader',
    })
    expect(() => new SoraPipeline({ generator: fakeGenerator(), verifyUploads: 'yes' as never })).toThrow(
      'verifyUploads is "yes" (give true or false)',
    )
  })
})
