import { inspect } from 'node:util'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { url2driveUploader } from '../../src/strategies/index.js'
import { fakeContext, fakeSource } from '../../src/testing/index.js'
import { systemClock } from '../../src/timing/system-clock.js'
import { loopbackServer, videoBytes } from '../upstream/loopback-server.js'
import { rejection } from '../upstream/stage-context.js'
import { type GradioServer, isInstalled, startGradioServer } from './gradio-server.js'

const PASSWORD = 'canary-pässword "1"'
const TOKEN = 'hf_canaryToken12345'
const isRequired = process.env.GRADIO_REQUIRED === '1'
const VERSIONS = [
  { version: '4', prefix: '', inputs: 2, token: undefined },
  { version: '5', prefix: '/gradio_api', inputs: 3, token: undefined },
  { version: 'newest', prefix: '/gradio_api', inputs: 3, token: TOKEN },
] as const

const missing = VERSIONS.filter(({ version }) => !isInstalled(version))
if (missing.length > 0 && !isRequired) console.warn('skipped: real Gradio servers; run test/gradio/setup.sh')

// A real server takes its time on a busy machine.
const eventually = <T>(value: () => T | Promise<T>) => expect.poll(value, { timeout: 10_000 })

for (const { version, prefix, inputs, token } of VERSIONS) {
  const isSkipped = missing.some((one) => one.version === version) && !isRequired
  const title = `url2driveUploader and a real Gradio server, ${version}`
  describe.skipIf(isSkipped)(isSkipped ? `${title} (skipped: run test/gradio/setup.sh)` : title, () => {
    let server: GradioServer
    beforeAll(async () => {
      server = await startGradioServer({ version, inputs, password: PASSWORD, token })
    }, 120_000)
    afterAll(() => server?.kill())

    const uploader = (more: { readonly password?: string; readonly token?: string | undefined } = {}) =>
      url2driveUploader({ baseUrl: server.origin, password: PASSWORD, token, userName: 'bob', ...more })

    const queued = async () => {
      const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
      const response = await fetch(`${server.origin}${prefix}/queue/status`, { headers })
      return ((await response.json()) as { queue_size: number }).queue_size
    }

    test('uploads, with as many inputs as the function takes', async () => {
      const videos = await videoServer()
      videos.release()
      const context = fakeContext({ clock: systemClock })
      const { url, id } = await uploader().upload(videos.source('/a.mp4'), context)
      expect(url).toBe(`https://drive.google.com/file/d/${id}/view?usp=drivesdk`)
      expect(id).toMatch(/^[0-9a-f]{32}$/)
      expect(videos.seen()).toEqual([{ url: '/a.mp4', userName: inputs === 3 ? 'bob' : '' }])
      expect(context.warnings.map(({ code }) => code)).toEqual(inputs === 3 ? [] : ['unsupported-option'])
      expect(context.progress.at(-1)).toEqual({ phase: 'uploading' })
    })

    test('a wrong password is an AuthenticationError', async () => {
      const videos = await videoServer()
      const error = await rejection(uploader({ password: 'wrong' }).upload(videos.source('/a.mp4'), fakeContext()))
      expect(error).toMatchObject({ code: 'authentication', isRetryable: false })
      expect(videos.seen()).toEqual([])
    })

    test('a video that the Space cannot download is not blamed on the Space', async () => {
      const videos = await videoServer()
      const error = await rejection(uploader().upload(videos.source('/gone?sig=canary-sig-1'), fakeContext()))
      expect(error).toMatchObject({ code: 'upstream-response', isRetryable: false })
      expect(String(error)).toMatch(/the Space cannot download it: .* says HTTP Error 410/)
    })

    test('a function that throws is an UpstreamResponseError without the password', async () => {
      const videos = await videoServer()
      const error = await rejection(uploader().upload(videos.source('/a.mp4?mode=raise'), fakeContext()))
      expect(error).toMatchObject({ code: 'upstream-response', isRetryable: true })
      const text = `${inspect(error, { depth: 12 })}${JSON.stringify(error)}`
      expect(text).not.toContain('canary')
      expect(text).toContain(version === 'newest' ? 'was given [redacted] and fails' : 'nothing more')
    })

    const privacy = 'a private Space is as good as none without the token'
    const testOfPrivacy = async () => {
      const videos = await videoServer()
      const error = await rejection(uploader({ token: undefined }).upload(videos.source('/a.mp4'), fakeContext()))
      expect(error).toMatchObject({ code: 'upstream-http', status: 404, isRetryable: false })
      expect(String(error)).toContain('it is private and the token is missing or wrong')
    }
    if (token !== undefined) test(privacy, testOfPrivacy)

    test('waits through heartbeats, and a full queue is an OverloadedError', async () => {
      const videos = await videoServer()
      const contexts = [fakeContext({ clock: systemClock }), fakeContext({ clock: systemClock })] as const
      const running = uploader().upload(videos.source('/running.mp4'), contexts[0])
      await eventually(videos.seen).toHaveLength(1)
      const waiting = uploader().upload(videos.source('/waiting.mp4'), contexts[1])
      await eventually(queued).toBe(1)
      const refused = await rejection(uploader().upload(videos.source('/refused.mp4'), fakeContext()))
      expect(refused).toMatchObject({ code: 'overloaded', isRetryable: true, status: 503 })
      // Of the submission and of heartbeats.
      await eventually(() => contexts[0].progress.length).toBeGreaterThan(2)
      videos.release()
      expect(new Set((await Promise.all([running, waiting])).map(({ id }) => id)).size).toBe(2)
      expect(videos.seen().map(({ url }) => url)).toEqual(['/running.mp4', '/waiting.mp4'])
    })

    test('an abort drops what waits in the queue, and what runs is finished unseen', async () => {
      const videos = await videoServer()
      const controller = new AbortController()
      const { signal } = controller
      const contexts = [1, 2].map(() => fakeContext({ clock: systemClock, signal }))
      const uploads: Promise<unknown>[] = []
      for (const [index, context] of contexts.entries()) {
        uploads.push(rejection(uploader().upload(videos.source(`/${index}.mp4`), context)))
        // The first report is of the submission, the others are of the stream, without which the Space does not see a client leave.
        await eventually(() => context.progress.length).toBeGreaterThan(1)
      }
      expect(await queued()).toBe(1)
      const reason = new Error('enough')
      controller.abort(reason)
      expect(await Promise.all(uploads)).toEqual([reason, reason])
      await eventually(queued).toBe(0)
      videos.release()
      await uploader().upload(videos.source('/next.mp4'), fakeContext({ clock: systemClock }))
      expect(videos.seen().map(({ url }) => url)).toEqual(['/0.mp4', '/next.mp4'])
    })

    // The last one, for it takes the server with it.
    test('a Space that crashes on the way leaves the outcome unknown', async () => {
      const videos = await videoServer()
      const upload = rejection(uploader().upload(videos.source('/a.mp4'), fakeContext({ clock: systemClock })))
      await eventually(videos.seen).toHaveLength(1)
      await server.kill()
      const error = await upload
      expect(error).toMatchObject({ code: 'network', isRetryable: false })
      expect(String(error)).toContain('the file may be in Google Drive')
    })
  })
}

/** A server of videos that holds its answers back until they are released. */
async function videoServer() {
  let release = () => {}
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  onTestFinished(() => release())
  const server = await loopbackServer(async (sent, response) => {
    const isGone = sent.url.startsWith('/gone')
    if (!isGone) await released
    if (isGone) response.writeHead(410).end()
    else response.writeHead(200, { 'content-type': 'video/mp4' }).end(videoBytes(1_000))
  })
  return {
    release: () => release(),
    source: (path: string) => fakeSource({ isPublic: true, url: `${server.origin}${path}` }),
    seen: () => server.seen.map(({ url, headers }) => ({ url, userName: headers['x-username'] })),
  }
}
