import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { VideoSource } from '../../../src/contracts/source.js'
import type { Fault } from '../../../src/sandbox/fault.js'
import { fakeSource } from '../../../src/testing/index.js'
import { rejection, stageContext } from '../../upstream/stage-context.js'
import { countOf, driveSandbox, STEP, trafficOf } from './google-drive-sandbox.js'

const md5 = (bytes: Uint8Array) => createHash('md5').update(bytes).digest('hex')
const cut = (afterBytes: number): Fault => ({ kind: 'cut-upload', afterBytes })

describe('googleDriveUploader, when something breaks', () => {
  test('continues at the byte that Drive has after a cut in the middle of a part', async () => {
    const { sandbox, drive, uploader } = await driveSandbox({ chunkBytes: 4 * STEP })
    sandbox.setFaults({ 'drive.upload': [cut(STEP + 5), cut(7), cut(4 * STEP - 1)] })
    const source = fakeSource({ byteLength: 6 * STEP + 1 })
    const { id } = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(trafficOf(sandbox).slice(2, -1)).toEqual([
      'drive.upload bytes 0-1048575/1572865 cut',
      'drive.session bytes */1572865 308',
      'drive.upload bytes 262144-1310719/1572865 cut',
      'drive.session bytes */1572865 308',
      'drive.upload bytes 262144-1310719/1572865 cut',
      'drive.session bytes */1572865 308',
      'drive.upload bytes 1048576-1572864/1572865 200',
    ])
    // Everything that was sent again lay in memory.
    expect(source.opens).toEqual([{ offset: 0 }])
  })

  test('continues after a cut while the length is unknown', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.upload': [null, cut(9)] })
    const source = fakeSource({ byteLength: 2 * STEP + 9, declaredByteLength: 'unknown' })
    const { id } = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(trafficOf(sandbox)).toContain('drive.session bytes */* 308')
  })

  test.each<[string, Fault, string]>([
    ['is reset', { kind: 'reset', when: 'after-handling' }, 'drive.session bytes */524288 200'],
    ['is half a JSON', { kind: 'truncated-json' }, 'drive.get 200'],
    ['breaks off', { kind: 'wrong-length', extraBytes: 9 }, 'drive.session bytes */524288 200'],
    ['never comes', { kind: 'hang', when: 'after-handling' }, 'drive.session bytes */524288 200'],
  ])('finds the file when the answer to the last part %s', async (_, fault, expected) => {
    const { sandbox, drive, uploader } = await driveSandbox({ timeoutMs: 300 })
    sandbox.setFaults({ 'drive.upload': [null, fault] })
    const { id } = await uploader.upload(fakeSource({ byteLength: 2 * STEP }), stageContext())
    expect([...drive.files.keys()]).toEqual([id])
    expect(countOf(sandbox, 'drive.upload')).toBe(2)
    expect(trafficOf(sandbox)).toContain(expected)
  })

  test('a page in place of an answer is not proof, and the part is sent again', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.upload': [{ kind: 'html' }, { kind: 'html' }], 'drive.session': [{ kind: 'html' }] })
    const source = fakeSource({ byteLength: STEP + 1 })
    const { id } = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
  })

  test('a lost answer and a session that has ended lead to the file by its id (409)', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    sandbox.setFaults({
      'drive.upload': [{ kind: 'reset', when: 'after-handling' }],
      'drive.session': [{ kind: 'status', status: 404 }],
    })
    const { id, byteLength } = await uploader.upload(fakeSource({ byteLength: 700 }), stageContext())
    expect(byteLength).toBe(700)
    expect([...drive.files.keys()]).toEqual([id])
    expect(trafficOf(sandbox).slice(3)).toEqual([
      'drive.session bytes */700 404',
      'drive.create 409',
      'drive.get 200',
      'drive.permissions 200',
    ])
  })

  test('a session that has ended starts over at the first byte, under the same id', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const source = fakeSource({ byteLength: 4 * STEP })
    const context = stageContext()
    let expired = 0
    const report: typeof context.report = (progress) => {
      context.report(progress)
      expired += 1
      if (expired === 1) drive.expireSessions()
    }
    const { id } = await uploader.upload(source, { ...context, report })
    expect([...drive.files.keys()]).toEqual([id])
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(countOf(sandbox, 'drive.generate-ids')).toBe(1)
    expect(source.opens).toEqual([{ offset: 0 }, { offset: 0 }])
    expect(context.reports.map(({ bytesDone }) => bytesDone)).toEqual([STEP, 4 * STEP])
  })

  test('a session that ends again and again is given up, and leaves nothing', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.upload': { kind: 'status', status: 410 } })
    const error = await rejection(uploader.upload(fakeSource(), stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response', isRetryable: true })
    expect(countOf(sandbox, 'drive.create')).toBe(3)
    expect(drive.files.size).toBe(0)
  })

  test.each<[string, Fault]>([
    ['429', { kind: 'rate-limit' }],
    ['403 rateLimitExceeded', { kind: 'status', status: 403, reason: 'rateLimitExceeded' }],
    ['403 userRateLimitExceeded', { kind: 'status', status: 403, reason: 'userRateLimitExceeded' }],
    ['500', { kind: 'status', status: 500 }],
    ['503', { kind: 'status', status: 503 }],
    ['a reset', { kind: 'reset' }],
  ])('waits after %s at every request, longer each time, and continues', async (_, fault) => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const twice = [fault, fault]
    sandbox.setFaults({
      'drive.generate-ids': twice,
      'drive.create': twice,
      'drive.upload': twice,
      'drive.session': twice,
      'drive.permissions': twice,
    })
    const source = fakeSource({ byteLength: 2 * STEP })
    const context = stageContext()
    const { id } = await uploader.upload(source, context)
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    const waits = context.clock.waits.filter((ms) => ms > 0)
    expect(Math.max(...waits)).toBeLessThanOrEqual(8_000)
    // Two for each kind of request; the part was sent three times and its state requested four times.
    expect(context.clock.waits.length).toBe(2 + 2 + 4 + 2)
  })

  test('waits as long as Drive requires', async () => {
    const { sandbox, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.upload': [{ kind: 'rate-limit', retryAfterSeconds: 40 }] })
    const context = stageContext()
    await uploader.upload(fakeSource(), context)
    expect(context.clock.waits.length).toBe(1)
    expect(context.clock.waits[0]).toBeGreaterThanOrEqual(40_000)
    expect(context.clock.waits[0]).toBeLessThanOrEqual(41_000)
  })

  test('does not wait for an hour', async () => {
    const { sandbox, uploader } = await driveSandbox()
    sandbox.setFaults({ 'drive.upload': { kind: 'rate-limit', retryAfterSeconds: 3_600 } })
    const context = stageContext()
    const error = await rejection(uploader.upload(fakeSource(), context))
    expect(error).toMatchObject({ code: 'rate-limited', retryAfterMs: 3_600_000 })
    expect(context.clock.waits).toEqual([])
  })

  test('gives up after the configured number of tries, and ends the session', async () => {
    const { sandbox, drive, uploader } = await driveSandbox({ maxAttempts: 3 })
    sandbox.setFaults({ 'drive.upload': { kind: 'status', status: 503 } })
    expect(await rejection(uploader.upload(fakeSource(), stageContext()))).toMatchObject({ code: 'overloaded' })
    expect(countOf(sandbox, 'drive.upload')).toBe(3)
    expect(trafficOf(sandbox)).toContain('drive.session 499')
    expect(drive.files.size).toBe(0)
  })

  test('every new byte resets the count of the tries', async () => {
    const { sandbox, drive, uploader } = await driveSandbox({ maxAttempts: 2 })
    sandbox.setFaults({ 'drive.upload': [cut(1), null, cut(1), null, cut(1), null] })
    await uploader.upload(fakeSource({ byteLength: 3 * STEP }), stageContext())
    expect(drive.files.size).toBe(1)
  })

  test.each([
    ['no bytes', {}],
    ['nonsense', { range: 'bytes=5-9' }],
    ['more bytes than were sent', { range: 'bytes=0-999999' }],
  ])('a Drive that always reports %s is given up', async (_, headers) => {
    const { sandbox, uploader } = await driveSandbox()
    const fault: Fault = { kind: 'status', status: 308, body: '', headers }
    sandbox.setFaults({ 'drive.upload': fault, 'drive.session': fault })
    const error = await rejection(uploader.upload(fakeSource({ byteLength: 2 * STEP }), stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response' })
    expect(sandbox.requests.length).toBeLessThan(20)
  })

  test('an upload whose bytes are all there but that has not ended is ended', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const range = `bytes=0-${2 * STEP - 1}`
    sandbox.setFaults({
      'drive.upload': [null, { kind: 'reset', when: 'after-handling' }],
      'drive.session': [{ kind: 'status', status: 308, body: '', headers: { range } }],
    })
    await uploader.upload(fakeSource({ byteLength: 2 * STEP }), stageContext())
    expect(drive.files.size).toBe(1)
    expect(trafficOf(sandbox).slice(4, 6)).toEqual([
      'drive.session bytes */524288 308',
      'drive.session bytes */524288 200',
    ])
  })

  test('opens the source again when Drive has less than lies in memory', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const source = fakeSource({ byteLength: 3 * STEP })
    sandbox.setFaults({ 'drive.upload': [null, { kind: 'status', status: 308, body: '' }] })
    const { id } = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(source.opens).toEqual([{ offset: 0 }])
    sandbox.setFaults({
      'drive.upload': [null, null, { kind: 'status', status: 503 }],
      'drive.session': [{ kind: 'status', status: 308, body: '', headers: { range: `bytes=0-${STEP - 1}` } }],
    })
    const again = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(again.id))?.md5).toBe(md5(source.slice()))
    expect(source.opens).toEqual([{ offset: 0 }, { offset: 0 }, { offset: STEP }])
  })

  test('resumes a broken source where it broke', async () => {
    const { drive, uploader } = await driveSandbox()
    const source = fakeSource({ byteLength: 3 * STEP, failAfterBytes: [STEP + 70_000, 0, 1_000] })
    const { id } = await uploader.upload(source, stageContext())
    expect(drive.files.get(String(id))?.md5).toBe(md5(source.slice()))
    expect(source.opens).toEqual([0, STEP + 70_000, STEP + 70_000, STEP + 71_000].map((offset) => ({ offset })))
  })

  test('a source that gives other bytes the second time is detected, and the file is deleted', async () => {
    const { sandbox, drive, uploader } = await driveSandbox()
    const sources = [1, 2].map((seed) => fakeSource({ byteLength: 2 * STEP, seed }))
    const source: VideoSource = {
      isPublic: false,
      open: (options) => (sources.length > 1 ? sources.shift() : sources[0])?.open(options) ?? Promise.reject(),
    }
    sandbox.setFaults({ 'drive.upload': [null, { kind: 'status', status: 404 }] })
    const error = await rejection(uploader.upload(source, stageContext()))
    expect(error).toMatchObject({ code: 'upstream-response', message: expect.stringContaining('stored other bytes') })
    expect(countOf(sandbox, 'drive.delete')).toBe(1)
    expect(drive.files.size).toBe(0)
  })
})
