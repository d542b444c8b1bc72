import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { googleDriveUploader } from '../../../src/strategies/index.js'
import { hurriedClock } from '../../../src/testing/conformance/hurried-clock.js'
import { fakeContext, fakeSource } from '../../../src/testing/index.js'
import { eventually } from '../../support/eventually.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { countOf, driveSandbox, STEP, trafficOf } from './google-drive-sandbox.js'

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')

describe('googleDriveUploader', () => {
  test('stores the video in the folder, in exact parts, and shares it', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const source = fakeSource({ byteLength: 2 * STEP + 5 })
    const context = stageContext()
    const { url, id, byteLength } = await uploader.upload(source, context)
    expect([...drive.files.keys()]).toEqual([id])
    expect({ url, byteLength }).toEqual({ url: `https://drive.google.com/file/d/${id}/view`, byteLength: 2 * STEP + 5 })
    expect(drive.files.get(String(id))).toMatchObject({
      name: 'run_1.mp4',
      mediaType: 'video/mp4',
      md5: md5(source.slice()),
      parents: [drive.folderId],
      permissions: [{ id: 'anyoneWithLink', type: 'anyone', role: 'reader' }],
    })
    expect(trafficOf(sandbox)).toEqual([
      'drive.generate-ids 200',
      'drive.create 200',
      'drive.upload bytes 0-262143/524293 308',
      'drive.upload bytes 262144-524287/524293 308',
      'drive.upload bytes 524288-524292/524293 200',
      'drive.permissions 200',
    ])
    const [create] = sandbox.requestsTo('drive.create')
    expect(create?.headers).toMatchObject({
      'x-upload-content-type': 'video/mp4',
      'x-upload-content-length': '524293',
    })
    expect(create?.path).toContain('supportsAllDrives=true')
    expect(context.reports.at(-1)).toEqual({ bytesDone: 524_293, bytesTotal: 524_293, ratio: 1 })
    expect(context.warnings).toEqual([])
    expect(source.opens).toEqual([{ offset: 0 }])
    expect(source.openStreams).toBe(0)
  })

  test('has a label and a name', () => {
    expect(googleDriveUploader({ accessToken: 'token' })).toMatchObject({ name: 'google-drive', label: 'Google Drive' })
  })

  test('sends a video of unknown length part by part, and declares the length with the last', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const source = fakeSource({ byteLength: 2 * STEP, declaredByteLength: 'unknown' })
    const { id } = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(trafficOf(sandbox).slice(2, 4)).toEqual([
      'drive.upload bytes 0-262143/* 308',
      'drive.upload bytes 262144-524287/524288 200',
    ])
    expect(sandbox.requestsTo('drive.create')[0]?.headers).not.toHaveProperty('x-upload-content-length')
  })

  test('declares the length of a short video that did not declare it', async () => {
    const { sandbox, uploader } = await driveSandbox()
    await uploader.upload(fakeSource({ byteLength: 9, declaredByteLength: 'unknown' }), stageContext())
    expect(sandbox.requestsTo('drive.create')[0]?.headers).toHaveProperty('x-upload-content-length', '9')
  })

  test('does not share when configured so', async () => {
    const { sandbox, drive, uploader } = await driveSandbox({ share: 'none' })
    const { id } = await uploader.upload(fakeSource(), stageContext())
    expect(drive.files.get(String(id))?.permissions).toEqual([])
    expect(countOf(sandbox, 'drive.permissions')).toBe(0)
  })

  test('goes to the root without a folder', async () => {
    const { drive, uploader } = await driveSandbox({ folderId: undefined })
    await uploader.upload(fakeSource(), stageContext())
    expect([...drive.files.values()]).toMatchObject([{ parents: ['root'] }])
  })

  test.each([
    [undefined, 'video/webm', 'run_1.webm', 'video/webm'],
    [() => 'cat', 'video/mp4; codecs="avc1"', 'cat.mp4', 'video/mp4'],
    [() => '猫/1.mov', 'nonsense\r\n', '猫/1.mov', 'video/mp4'],
  ])('names the file by %s and the type %j', async (fileName, given, name, mediaType) => {
    const { drive, uploader } = await driveSandbox({ fileName })
    await uploader.upload(fakeSource({ mediaType: given }), stageContext())
    expect([...drive.files.values()]).toMatchObject([{ name, mediaType }])
  })

  test.each([
    ['job.42', 'job.42.mp4'],
    ['job.mp4', 'job.mp4'],
  ])('names the file of the run %s with the extension of its type', async (runId, name) => {
    const { drive, uploader } = await driveSandbox()
    await uploader.upload(fakeSource(), { ...stageContext(), runId })
    expect([...drive.files.values()]).toMatchObject([{ name }])
  })

  test('requests a new token from the function when the old one expires on the way', async () => {
    const { sandbox, drive } = await driveSandbox()
    let asked = 0
    let isStale = false
    const stale = drive.accessToken
    const renewing = googleDriveUploader({
      baseUrl: drive.baseUrl,
      chunkBytes: STEP,
      accessToken: async () => {
        asked += 1
        const token = isStale ? stale : drive.accessToken
        isStale = false
        return token
      },
    })
    const context = stageContext()
    const report: typeof context.report = (progress) => {
      if (drive.accessToken === stale) {
        drive.expireToken()
        isStale = true
      }
      context.report(progress)
    }
    const source = fakeSource({ byteLength: 3 * STEP })
    const { id } = await renewing.upload(source, { ...context, report })
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(trafficOf(sandbox).slice(2, 6)).toEqual([
      'drive.upload bytes 0-262143/786432 308',
      'drive.upload bytes 262144-524287/786432 401',
      'drive.upload bytes 262144-524287/786432 308',
      'drive.upload bytes 524288-786431/786432 200',
    ])
    expect(asked).toBe(7)
    expect(context.clock.waits).toEqual([])
  })

  test('a new token that is refused as well is an authentication error', async () => {
    const { sandbox, uploader } = await driveSandbox({ accessToken: () => 'wrong-token-1' })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'authentication', isRetryable: false, status: 401 })
    expect(countOf(sandbox, 'drive.generate-ids')).toBe(2)
  })

  test('a token that is a text is not tried twice', async () => {
    const { sandbox, uploader } = await driveSandbox({ accessToken: 'wrong-token-1' })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'authentication' })
    expect(countOf(sandbox, 'drive.generate-ids')).toBe(1)
  })

  test('reports at most four times a second', async () => {
    const { uploader } = await driveSandbox()
    const context = stageContext()
    await uploader.upload(fakeSource({ byteLength: 6 * STEP }), context)
    // The clock stands still, so there is the first report and the last one.
    expect(context.reports.map(({ bytesDone }) => bytesDone)).toEqual([STEP, 6 * STEP])
  })

  test('an empty video is refused before any request to Drive', async () => {
    const { sandbox, uploader } = await driveSandbox()
    for (const declaredByteLength of [0, 'unknown'] as const) {
      const source = fakeSource({ byteLength: 0, declaredByteLength })
      expect(await rejection(uploader.upload(source, stageContext()))).toMatchObject({ code: 'upstream-response' })
    }
    expect(sandbox.requests).toEqual([])
  })

  test.each([
    ['before the call', 0],
    ['while the id is requested', 1],
    ['while the session is opened', 2],
    ['while a part is sent', 3],
    ['while the last part is sent', 4],
    ['while it is shared', 5],
  ])('an abort %s leaves no file and no session', async (_, requests) => {
    const endpoints = [
      'drive.generate-ids',
      'drive.create',
      'drive.upload',
      'drive.upload',
      'drive.permissions',
    ] as const
    const { sandbox, drive, uploader } = await driveSandbox()
    const hang = { kind: 'hang', when: 'after-handling' } as const
    const endpoint = endpoints[requests - 1]
    if (endpoint !== undefined) sandbox.setFaults({ [endpoint]: requests === 4 ? [null, hang] : hang })
    const controller = new AbortController()
    const reason = { enough: true }
    if (requests === 0) controller.abort(reason)
    const source = fakeSource({ byteLength: 2 * STEP })
    const upload = rejection(uploader.upload(source, stageContext(controller.signal)))
    await eventually(() => expect(sandbox.requests.length).toBe(requests))
    if (requests === 4) await eventually(() => expect(drive.files.size).toBe(1))
    const abortedAt = performance.now()
    controller.abort(reason)
    expect(await upload).toBe(reason)
    expect(performance.now() - abortedAt).toBeLessThan(500)
    if (requests >= 3) {
      const [ended] = requests === 5 ? ['drive.delete 204'] : ['drive.session 499']
      await eventually(() => expect(trafficOf(sandbox)).toContain(ended))
    }
    await eventually(() => expect(drive.files.size).toBe(0))
    expect(source.openStreams).toBe(0)
  })

  test('a file that appears after an abort is removed', async () => {
    let removals = 0
    const { sandbox, drive, uploader } = await driveSandbox({
      // Drive knows the file only from the third removal on.
      fetch: (url, init) => {
        const isEarly = init?.method === 'DELETE' && String(url).includes('/drive/v3/files/') && ++removals < 3
        return isEarly ? Promise.resolve(new Response(null, { status: 404 })) : fetch(url, init)
      },
    })
    sandbox.setFaults({ 'drive.upload': [null, { kind: 'hang', when: 'after-handling' }] })
    const controller = new AbortController()
    const context = fakeContext({ clock: hurriedClock(), signal: controller.signal })
    const upload = rejection(uploader.upload(fakeSource({ byteLength: 2 * STEP }), context))
    await eventually(() => expect(drive.files.size).toBe(1))
    controller.abort('enough')
    expect(await upload).toBe('enough')
    await eventually(() => expect(drive.files.size).toBe(0))
    expect([removals, context.warnings.length]).toEqual([3, 0])
  })

  test('an abort during the cleanup after a failure settles at once, with its reason', async () => {
    const { sandbox, uploader } = await driveSandbox()
    sandbox.setFaults({
      'drive.permissions': { kind: 'status', status: 400 },
      'drive.delete': { kind: 'hang' },
    })
    const controller = new AbortController()
    const context = stageContext(controller.signal)
    const upload = rejection(uploader.upload(fakeSource(), context))
    await eventually(() => expect(countOf(sandbox, 'drive.delete')).toBe(1))
    const abortedAt = performance.now()
    controller.abort('enough')
    expect(await upload).toBe('enough')
    expect(performance.now() - abortedAt).toBeLessThan(500)
    expect(context.warnings).toEqual([])
  })

  test('an abort with the last report leaves no file', async () => {
    const { drive, uploader } = await driveSandbox({ share: 'none' })
    const controller = new AbortController()
    const context = stageContext(controller.signal)
    const report: typeof context.report = ({ ratio }) => {
      if (ratio === 1) controller.abort('late')
    }
    expect(await rejection(uploader.upload(fakeSource(), { ...context, report }))).toBe('late')
    await eventually(() => expect(drive.files.size).toBe(0))
  })
})
